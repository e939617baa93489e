use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use batman::{IfIndex, MacAddr};
use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};
use spire_bridge::io::mtls;
use spire_bridge::tls::Peer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::sleep;
use tokio_rustls::server::TlsStream;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tonic::{Request, Response, Status, Streaming};

use super::Shared;
use crate::peers::{LinkEvent, PeerKey, SessionId, Side};
use crate::proto::session::session_server::{Session, SessionServer};
use crate::proto::session::{Beat, Introduction};

/// Handshakes under way at a time: each costs a few milliseconds of CPU on a small router, and anybody on
/// the link can start one.
const HANDSHAKES: usize = 8;

/// Connections that the kernel holds back for us meanwhile.
const BACKLOG: i32 = 32;

/// Starts to take sessions.
pub(super) fn start(shared: Shared, tls: Arc<ServerConfig>) -> io::Result<()> {
    let listener = bind(shared.settings.port.get())?;
    let (accepted, incoming) = mpsc::channel(HANDSHAKES);
    let service = SessionServer::new(Sessions { shared: shared.clone() });
    tokio::spawn(accept(shared, tls, listener, accepted));
    tokio::spawn(async move {
        let incoming = ReceiverStream::new(incoming);
        if let Err(error) = Server::builder().serve_with_incoming(service, incoming).await {
            tracing::error!(%error, "sessions are no longer taken");
        }
    });
    Ok(())
}

fn bind(port: u16) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_only_v6(true)?;
    socket.set_nonblocking(true)?;
    // The port is ours again at once after a crash.
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)).into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

async fn accept(
    shared: Shared,
    tls: Arc<ServerConfig>,
    listener: TcpListener,
    accepted: mpsc::Sender<io::Result<Proven>>,
) {
    let places = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let (tcp, from) = match listener.accept().await {
            Ok(connection) => connection,
            Err(error) => {
                // Out of descriptors, most likely: the listener would fail again at once.
                tracing::warn!(%error, "connection not accepted");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let SocketAddr::V6(from) = from else { continue };
        let link = IfIndex(from.scope_id());
        let Some(own) = shared.own_address(link) else { continue };
        if !from.ip().is_unicast_link_local() || shared.identity.current().is_none() {
            continue;
        }
        let caller = Caller { link, own, address: *from.ip() };
        let (shared, tls, accepted) = (shared.clone(), Arc::clone(&tls), accepted.clone());
        tokio::spawn(async move {
            prove(shared, tls, tcp, caller, accepted).await;
            drop(place);
        });
    }
}

#[derive(Clone, Copy)]
struct Caller {
    link: IfIndex,
    own: MacAddr,
    address: Ipv6Addr,
}

async fn prove(
    shared: Shared,
    tls: Arc<ServerConfig>,
    tcp: TcpStream,
    caller: Caller,
    accepted: mpsc::Sender<io::Result<Proven>>,
) {
    // Beats are small and wanted at once; a socket that does not take the option works all the same.
    let _ = tcp.set_nodelay(true);
    match mtls::accept(tcp, tls).await {
        Ok((stream, peer)) => {
            let _ = accepted.send(Ok(Proven { stream, caller, peer })).await;
        }
        Err(failure) => {
            let Caller { link, address, .. } = caller;
            shared.tell(LinkEvent::Failed { link, address, side: Side::Listener, failure }).await;
        }
    }
}

/// A connection whose caller has proven itself.
struct Proven {
    stream: TlsStream<TcpStream>,
    caller: Caller,
    peer: Peer,
}

/// Who is at the other end of a request.
#[derive(Clone)]
struct Who {
    caller: Caller,
    peer: Peer,
}

impl Connected for Proven {
    type ConnectInfo = Who;

    fn connect_info(&self) -> Who {
        Who { caller: self.caller, peer: self.peer.clone() }
    }
}

impl AsyncRead for Proven {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Proven {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

struct Sessions {
    shared: Shared,
}

#[tonic::async_trait]
impl Session for Sessions {
    type HoldStream = Pin<Box<dyn Stream<Item = Result<Beat, Status>> + Send>>;

    async fn hold(
        &self,
        request: Request<Streaming<Beat>>,
    ) -> Result<Response<Self::HoldStream>, Status> {
        let who = request.extensions().get::<Who>().cloned();
        let who = who.ok_or_else(|| Status::internal("the connection names no peer"))?;
        let (say, said) = mpsc::channel(4);
        tokio::spawn(answer(self.shared.clone(), who, request.into_inner(), say));
        Ok(Response::new(Box::pin(ReceiverStream::new(said))))
    }
}

/// Answers a dialler's beats until either side ends the session.
async fn answer(
    shared: Shared,
    who: Who,
    mut hear: Streaming<Beat>,
    say: mpsc::Sender<Result<Beat, Status>>,
) {
    let Ok(Some(Beat { introduction: Some(peer), .. })) = hear.message().await else { return };
    let Ok(mac) = peer.mac.try_into().map(MacAddr) else { return };
    let Caller { link, own, address } = who.caller;
    let introduction = Introduction { mac: own.0.to_vec(), name: shared.settings.name.clone() };
    if say.send(Ok(Beat { sequence: 0, introduction: Some(introduction) })).await.is_err() {
        return;
    }
    let (id, cut) = shared.held.hold();
    let peer = PeerKey { link, mac };
    let (side, proven) = (Side::Listener, who.peer);
    shared.tell(LinkEvent::Opened { id, peer, own, address, side, proven }).await;
    echo(&shared, id, cut, &mut hear, &say).await;
    shared.held.release(id);
    shared.tell(LinkEvent::Closed { id }).await;
}

async fn echo(
    shared: &Shared,
    id: SessionId,
    mut cut: oneshot::Receiver<()>,
    hear: &mut Streaming<Beat>,
    say: &mpsc::Sender<Result<Beat, Status>>,
) {
    loop {
        tokio::select! {
            _ = &mut cut => return,
            heard = hear.message() => {
                let Ok(Some(beat)) = heard else { return };
                let answer = Beat { sequence: beat.sequence, introduction: None };
                if say.send(Ok(answer)).await.is_err() {
                    return;
                }
                shared.tell(LinkEvent::Beat { id, round_trip: None }).await;
            }
        }
    }
}
