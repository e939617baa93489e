use std::io;
use std::net::SocketAddrV6;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use batman::MacAddr;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use spire_bridge::io::mtls;
use spire_bridge::tls::{HandshakeFailure, Peer};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_rustls::client::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};

use super::Shared;
use crate::peers::{Dial, LinkEvent, PeerKey, Side};
use crate::proto::session::session_client::SessionClient;
use crate::proto::session::{Beat, Introduction};

/// A neighbour is a few milliseconds away.
const PATIENCE: Duration = Duration::from_secs(5);

/// Dials a peer, and holds the session until either side ends it.
pub(super) async fn dial(shared: Shared, client: Arc<ClientConfig>, dial: Dial) {
    let link = dial.peer.link;
    let failed =
        |failure| LinkEvent::Failed { link, address: dial.address, side: Side::Dialler, failure };
    let Some(own) = shared.own_address(link) else {
        let reason = "the link does not carry the mesh any more".to_owned();
        return shared.tell(failed(HandshakeFailure::Broken { reason })).await;
    };
    match open(&shared, client, &dial, own).await {
        Ok(session) => hold(shared, dial, own, session).await,
        Err(failure) => shared.tell(failed(failure)).await,
    }
}

struct Open {
    proven: Peer,
    mac: MacAddr,
    say: mpsc::Sender<Beat>,
    hear: Streaming<Beat>,
}

async fn open(
    shared: &Shared,
    client: Arc<ClientConfig>,
    dial: &Dial,
    own: MacAddr,
) -> Result<Open, HandshakeFailure> {
    let address = SocketAddrV6::new(dial.address, dial.port, 0, dial.peer.link.0);
    let tcp = within(TcpStream::connect(address)).await?;
    // Beats are small and wanted at once.
    tcp.set_nodelay(true).map_err(|error| broken(&error))?;
    let (tls, proven) = mtls::dial(tcp, client).await?;
    let channel = within(channel(tls)).await?;
    let (say, said) = mpsc::channel(4);
    let introduction = Introduction { mac: own.0.to_vec(), name: shared.settings.name.clone() };
    // The queue is empty: this cannot fail.
    let _ = say.try_send(Beat { sequence: 0, introduction: Some(introduction) });
    let mut client = SessionClient::new(channel);
    let answer = within(client.hold(ReceiverStream::new(said))).await?;
    let mut hear = answer.into_inner();
    let first = within(hear.message()).await?;
    let mac = first.and_then(|beat| beat.introduction).and_then(|peer| peer.mac.try_into().ok());
    let mac = mac.map(MacAddr).ok_or_else(|| HandshakeFailure::Broken {
        reason: "it did not introduce itself".to_owned(),
    })?;
    Ok(Open { proven, mac, say, hear })
}

/// Speaks HTTP/2 over a stream that is there already; when it breaks, the session is over.
async fn channel(tls: TlsStream<TcpStream>) -> Result<Channel, tonic::transport::Error> {
    let once = Mutex::new(Some(TokioIo::new(tls)));
    let connector = tower::service_fn(move |_| {
        let stream = once.lock().unwrap_or_else(PoisonError::into_inner).take();
        async move { stream.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected)) }
    });
    Endpoint::from_static("http://mesh-node.invalid").connect_with_connector(connector).await
}

async fn hold(shared: Shared, dial: Dial, own: MacAddr, mut session: Open) {
    let (id, cut) = shared.held.hold();
    let peer = PeerKey { link: dial.peer.link, mac: session.mac };
    let proven = session.proven.clone();
    let side = Side::Dialler;
    shared.tell(LinkEvent::Opened { id, peer, own, address: dial.address, side, proven }).await;
    let ended = beat(&shared, &mut session, id, cut).await;
    tracing::debug!(session = id.0, reason = %ended, "session ended");
    shared.held.release(id);
    shared.tell(LinkEvent::Closed { id }).await;
}

/// Beats until the session ends, and returns why it did.
async fn beat(
    shared: &Shared,
    session: &mut Open,
    id: crate::peers::SessionId,
    mut cut: oneshot::Receiver<()>,
) -> anyhow::Error {
    let mut ticks = interval(shared.settings.keep_alive);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sequence = 0;
    let mut sent = Instant::now();
    loop {
        tokio::select! {
            _ = &mut cut => return anyhow!("hung up"),
            _ = ticks.tick() => {
                sequence += 1;
                sent = Instant::now();
                // A full queue means a peer that does not read: its silence will be noticed.
                let _ = session.say.try_send(Beat { sequence, introduction: None });
            }
            heard = session.hear.message() => match heard {
                Ok(Some(beat)) => {
                    let round_trip = (beat.sequence == sequence).then(|| sent.elapsed());
                    shared.tell(LinkEvent::Beat { id, round_trip }).await;
                }
                Ok(None) => return anyhow!("the peer closed it"),
                Err(status) => return anyhow!(status),
            },
        }
    }
}

/// Waits for a step of the opening, and finds the verdict of the peer behind its failure.
async fn within<T, E>(step: impl Future<Output = Result<T, E>>) -> Result<T, HandshakeFailure>
where
    E: std::error::Error + 'static,
{
    match timeout(PATIENCE, step).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(verdict(&error)),
        Err(_) => Err(HandshakeFailure::Broken { reason: "no answer within 5 s".to_owned() }),
    }
}

fn verdict(error: &(dyn std::error::Error + 'static)) -> HandshakeFailure {
    let mut cause = Some(error);
    let mut deepest = error;
    while let Some(inner) = cause {
        let told = inner.downcast_ref::<io::Error>().map(HandshakeFailure::from_io);
        if let Some(failure @ HandshakeFailure::RefusedByPeer { .. }) = told {
            return failure;
        }
        deepest = inner;
        cause = inner.source();
    }
    HandshakeFailure::Broken { reason: deepest.to_string() }
}

fn broken(error: &io::Error) -> HandshakeFailure {
    HandshakeFailure::Broken { reason: error.to_string() }
}
