use std::collections::VecDeque;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use batman::IfIndex;
use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};
use spire_bridge::io::mtls;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::sleep;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;

use super::answer::Sessions;
use super::proven::{Caller, Proven};
use super::{PATIENCE, Shared};
use crate::peers::{LinkEvent, PeerKey, Side};

/// Handshakes under way at a time. Anybody on the link can start one and stop half way; when they fill the
/// places, the oldest goes: an honest one is over within milliseconds.
const HANDSHAKES: usize = 32;

/// Handshakes of one address at a time: a peer has one under way, and another if it has lost the first.
const HANDSHAKES_OF_ONE: usize = 2;

/// Connections that the kernel holds back for us meanwhile.
const BACKLOG: i32 = 128;

/// A peer that has lost its power says no goodbye.
const ALIVE_EVERY: Duration = Duration::from_secs(10);

/// Starts to take sessions.
pub(super) fn start(shared: Shared, tls: Arc<ServerConfig>) -> io::Result<()> {
    let listener = bind(shared.settings.port.get())?;
    let (accepted, incoming) = mpsc::channel(HANDSHAKES);
    let service = Sessions::service(shared.clone());
    tokio::spawn(accept(shared, tls, listener, accepted));
    tokio::spawn(async move {
        let served = Server::builder()
            .max_concurrent_streams(Some(1))
            .http2_keepalive_interval(Some(ALIVE_EVERY))
            .http2_keepalive_timeout(Some(PATIENCE))
            .serve_with_incoming(service, ReceiverStream::new(incoming));
        if let Err(error) = served.await {
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
    let mut under_way = UnderWay::default();
    loop {
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
        let peer = PeerKey { link: IfIndex(from.scope_id()), address: *from.ip() };
        let Some(own) = shared.own_address(peer.link) else { continue };
        if !peer.address.is_unicast_link_local() || shared.identity.current().is_none() {
            continue;
        }
        if under_way.has_room_for(peer) {
            let caller = Caller { peer, own };
            let prove = prove(shared.clone(), Arc::clone(&tls), tcp, caller, accepted.clone());
            under_way.add(peer, tokio::spawn(prove).abort_handle());
        }
    }
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
            let _ = accepted.send(Ok(Proven::new(stream, caller, peer))).await;
        }
        Err(failure) => {
            let (from, side) = (caller.peer, Side::Listener);
            shared.tell(LinkEvent::Failed { from, side, failure }).await;
        }
    }
}

/// The handshakes under way, oldest first.
#[derive(Default)]
struct UnderWay(VecDeque<(PeerKey, AbortHandle)>);

impl UnderWay {
    fn has_room_for(&mut self, peer: PeerKey) -> bool {
        self.0.retain(|(_, handshake)| !handshake.is_finished());
        self.0.iter().filter(|(from, _)| *from == peer).count() < HANDSHAKES_OF_ONE
    }

    fn add(&mut self, peer: PeerKey, handshake: AbortHandle) {
        if self.0.len() >= HANDSHAKES
            && let Some((_, oldest)) = self.0.pop_front()
        {
            oldest.abort();
        }
        self.0.push_back((peer, handshake));
    }
}
