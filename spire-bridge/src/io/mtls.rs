//! Handshakes on real streams.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use crate::tls::{HandshakeFailure, Peer};

/// A handshake is a few packets; a peer that needs longer is stuck or playing for time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Proves this node to a listener and has it prove itself.
///
/// # Errors
/// Why there is no session. A peer that refuses us in its turn says so only at the first read.
pub async fn dial<S>(
    stream: S,
    config: Arc<ClientConfig>,
) -> Result<(client::TlsStream<S>, Peer), HandshakeFailure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // Peers are told apart by their SPIFFE ID; the name is not sent (no SNI) and not looked at.
    let name = ServerName::from(std::net::IpAddr::from([0; 16]));
    let handshake = TlsConnector::from(config).connect(name, stream);
    let stream = within_patience(handshake).await?;
    let peer = Peer::of(stream.get_ref().1).ok_or_else(no_peer)?;
    Ok((stream, peer))
}

/// Has a caller prove itself and proves this node to it.
///
/// # Errors
/// Why there is no session.
pub async fn accept<S>(
    stream: S,
    config: Arc<ServerConfig>,
) -> Result<(server::TlsStream<S>, Peer), HandshakeFailure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let handshake = TlsAcceptor::from(config).accept(stream);
    let stream = within_patience(handshake).await?;
    let peer = Peer::of(stream.get_ref().1).ok_or_else(no_peer)?;
    Ok((stream, peer))
}

async fn within_patience<T>(
    handshake: impl Future<Output = io::Result<T>>,
) -> Result<T, HandshakeFailure> {
    match timeout(PATIENCE, handshake).await {
        Ok(done) => done.map_err(|error| HandshakeFailure::from_io(&error)),
        Err(_) => Err(HandshakeFailure::Broken { reason: "no answer within 5 s".to_owned() }),
    }
}

fn no_peer() -> HandshakeFailure {
    HandshakeFailure::Broken { reason: "the session names no peer".to_owned() }
}
