use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::agent::ServerAddress;

/// How long a server may take to accept a connection before it counts as not answering.
const PATIENCE: Duration = Duration::from_secs(3);

/// Tells whether something accepts connections at the server's address; who it is, the agent finds out.
pub async fn answers(server: &ServerAddress) -> bool {
    let connect = TcpStream::connect((server.host.as_str(), server.port));
    matches!(timeout(PATIENCE, connect).await, Ok(Ok(_)))
}
