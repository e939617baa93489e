//! The node's API on a local socket: the service, and the client behind `mesh-node status`.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Context as _;
use batman::MacAddr;
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{oneshot, watch};
use tokio_stream::wrappers::{UnixListenerStream, WatchStream};
use tokio_stream::{Stream, StreamExt as _};
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::NamedService as _;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response};

use super::image_api::ImageApi;
use super::meter::{Meter, NotMeasured};
use crate::proto::image::image_server::ImageServer;
use crate::proto::node::node_client::NodeClient;
use crate::proto::node::node_server::{Node, NodeServer};
use crate::proto::node::{MeasureRequest, Measurement, Status, StatusRequest};

/// What a person may have measured at once.
const LONGEST_MEASUREMENT: Duration = Duration::from_secs(120);

/// Answers on the socket for ever. Only root may ask: the table says who is near.
///
/// # Errors
/// If the socket cannot be made.
pub fn serve(
    socket: &Path,
    status: watch::Receiver<Status>,
    image: ImageApi,
    meter: Meter,
) -> anyhow::Result<()> {
    let listener =
        bind(socket).with_context(|| format!("cannot listen on {}", socket.display()))?;
    let node = NodeServer::new(Told { status, meter });
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
    meter: Meter,
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

    async fn measure(
        &self,
        request: Request<MeasureRequest>,
    ) -> Result<Response<Measurement>, tonic::Status> {
        let MeasureRequest { mesh, originator, milliseconds } = request.into_inner();
        if mesh != self.meter.mesh().as_str() {
            let own = self.meter.mesh();
            return Err(tonic::Status::failed_precondition(format!("this node keeps {own}")));
        }
        let node = originator.try_into().map(MacAddr);
        let node =
            node.map_err(|_| tonic::Status::invalid_argument("an originator has 6 bytes"))?;
        let duration = Duration::from_millis(milliseconds.into());
        if duration.is_zero() || duration > LONGEST_MEASUREMENT {
            return Err(tonic::Status::invalid_argument("it takes up to two minutes"));
        }
        // Dropped with this call when its caller leaves.
        let (_here, left) = oneshot::channel::<()>();
        let meter = self.meter.clone();
        let measured = tokio::spawn(async move {
            let left = async {
                let _ = left.await;
            };
            meter.measure(node, duration, left).await
        });
        let measured =
            measured.await.map_err(|error| tonic::Status::internal(error.to_string()))?;
        let found = measured.map_err(|error| refused(&error))?;
        let milliseconds = u32::try_from(found.duration.as_millis()).unwrap_or(u32::MAX);
        Ok(Response::new(Measurement { bytes: found.bytes, milliseconds }))
    }
}

fn refused(error: &NotMeasured) -> tonic::Status {
    let why = error.to_string();
    match error {
        NotMeasured::NoAir(_) => tonic::Status::resource_exhausted(why),
        NotMeasured::TooLate => tonic::Status::deadline_exceeded(why),
        NotMeasured::Left => tonic::Status::cancelled(why),
        NotMeasured::OtherWay => tonic::Status::aborted(why),
        NotMeasured::Kernel(_) => tonic::Status::unknown(why),
    }
}
