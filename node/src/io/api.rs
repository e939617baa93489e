//! The node's API on a local socket: the service, and the client behind `mesh-node status`.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use anyhow::Context as _;
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio_stream::wrappers::{UnixListenerStream, WatchStream};
use tokio_stream::{Stream, StreamExt as _};
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::NamedService as _;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response};

use super::image_api::ImageApi;
use crate::proto::image::image_server::ImageServer;
use crate::proto::node::node_client::NodeClient;
use crate::proto::node::node_server::{Node, NodeServer};
use crate::proto::node::{Status, StatusRequest};

/// Answers on the socket for ever. Only root may ask: the table says who is near.
///
/// # Errors
/// If the socket cannot be made.
pub fn serve(
    socket: &Path,
    status: watch::Receiver<Status>,
    image: ImageApi,
) -> anyhow::Result<()> {
    let listener =
        bind(socket).with_context(|| format!("cannot listen on {}", socket.display()))?;
    let node = NodeServer::new(Told { status });
    let services = Services { node, image: ImageServer::new(image) };
    tokio::spawn(async move {
        let incoming = UnixListenerStream::new(listener);
        if let Err(error) = Server::builder().serve_with_incoming(services, incoming).await {
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
    Ok(NodeClient::new(channel(socket).await?))
}

pub(super) async fn channel(socket: &Path) -> anyhow::Result<Channel> {
    let path = socket.to_owned();
    let connector = tower::service_fn(move |_| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    // The authority is never looked up; HTTP/2 wants one.
    let endpoint = Endpoint::from_static("http://mesh-node.invalid");
    endpoint.connect_with_connector(connector).await.with_context(|| {
        format!("no answer on {}: is mesh-node running, and are you root?", socket.display())
    })
}

/// Both services, told apart by the beginning of a call's path; tonic's own router would bring a web framework along.
#[derive(Clone)]
struct Services {
    node: NodeServer<Told>,
    image: ImageServer<ImageApi>,
}

impl Service<http::Request<Body>> for Services {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: http::Request<Body>) -> Self::Future {
        let path = call.uri().path().strip_prefix('/').unwrap_or_default();
        let service = path.split_once('/').map(|(service, _)| service);
        if service == Some(ImageServer::<ImageApi>::NAME) {
            self.image.call(call)
        } else {
            self.node.call(call)
        }
    }
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
