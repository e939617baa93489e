//! The node's API on a local socket: the service, and the client behind `mesh-node status`.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::pin::Pin;

use anyhow::Context as _;
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio_stream::wrappers::{UnixListenerStream, WatchStream};
use tokio_stream::{Stream, StreamExt as _};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response};

use crate::proto::node::node_client::NodeClient;
use crate::proto::node::node_server::{Node, NodeServer};
use crate::proto::node::{Status, StatusRequest};

/// Answers on the socket for ever. Only root may ask: the table says who is near.
///
/// # Errors
/// If the socket cannot be made.
pub fn serve(socket: &Path, status: watch::Receiver<Status>) -> anyhow::Result<()> {
    let listener =
        bind(socket).with_context(|| format!("cannot listen on {}", socket.display()))?;
    let service = NodeServer::new(Told { status });
    tokio::spawn(async move {
        let incoming = UnixListenerStream::new(listener);
        if let Err(error) = Server::builder().serve_with_incoming(service, incoming).await {
            tracing::error!(%error, "local API ended");
        }
    });
    Ok(())
}

fn bind(socket: &Path) -> io::Result<UnixListener> {
    if let Some(parent) = socket.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    // What a killed mesh-node left; init runs one at a time.
    match fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(socket)?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Connects to a node's API.
///
/// # Errors
/// With what to do if nobody listens.
pub async fn connect(socket: &Path) -> anyhow::Result<NodeClient<Channel>> {
    let path = socket.to_owned();
    let connector = tower::service_fn(move |_| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    // The authority is never looked up; HTTP/2 wants one.
    let endpoint = Endpoint::from_static("http://mesh-node.invalid");
    let channel = endpoint.connect_with_connector(connector).await.with_context(|| {
        format!("no answer on {}: is mesh-node running, and are you root?", socket.display())
    })?;
    Ok(NodeClient::new(channel))
}

struct Told {
    status: watch::Receiver<Status>,
}

#[tonic::async_trait]
impl Node for Told {
    async fn status(
        &self,
        _request: Request<StatusRequest>,
    ) -> Result<Response<Status>, tonic::Status> {
        Ok(Response::new(self.status.borrow().clone()))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<Status, tonic::Status>> + Send>>;

    async fn watch(
        &self,
        _request: Request<StatusRequest>,
    ) -> Result<Response<Self::WatchStream>, tonic::Status> {
        Ok(Response::new(Box::pin(WatchStream::new(self.status.clone()).map(Ok))))
    }
}
