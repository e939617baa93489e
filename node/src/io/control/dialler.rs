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
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_rustls::client::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};

use super::held::Strings;
use super::{LONGEST_MESSAGE, PATIENCE, Shared, introduced};
use crate::peers::{LinkEvent, PeerKey, SessionId, Side};
use crate::proto::session::session_client::SessionClient;
use crate::proto::session::{Beat, Introduction, Word};

/// All steps of an opening together.
const OPENING: Duration = Duration::from_secs(15);

/// As much of a reason as fits a table.
const LONGEST_REASON: usize = 160;

/// Dials a peer, and holds the session until either side ends it.
pub(super) async fn dial(shared: Shared, client: Arc<ClientConfig>, peer: PeerKey) {
    let opened = timeout(OPENING, open(&shared, client, peer)).await;
    let late = || HandshakeFailure::Broken { reason: "no session within 15 s".to_owned() };
    match opened.unwrap_or_else(|_| Err(late())) {
        Ok(session) => hold(shared, peer, session).await,
        Err(failure) => {
            let side = Side::Dialler;
            shared.tell(LinkEvent::Failed { from: peer, side, failure }).await;
        }
    }
}

struct Open {
    proven: Peer,
    own: MacAddr,
    mac: MacAddr,
    say: mpsc::Sender<Beat>,
    hear: Streaming<Beat>,
}

impl Open {
    /// Says a word; to a peer that does not read it counts as not said.
    fn word(&self, word: Word) {
        let _ = self.say.try_send(Beat { word: Some(word), ..Beat::default() });
    }
}

async fn open(
    shared: &Shared,
    client: Arc<ClientConfig>,
    peer: PeerKey,
) -> Result<Open, HandshakeFailure> {
    let own = shared.own_address(peer.link);
    let own = own.ok_or_else(|| broken("the link does not carry the mesh any more"))?;
    let port = shared.settings.port.get();
    let address = SocketAddrV6::new(peer.address, port, 0, peer.link.0);
    let tcp = within(TcpStream::connect(address), "it takes no connection").await?;
    // Beats are small and wanted at once.
    tcp.set_nodelay(true).map_err(|error| broken(&error.to_string()))?;
    let (tls, proven) = mtls::dial(tcp, client).await?;
    let channel = within(channel(tls), "it does not speak HTTP/2").await?;
    let (say, said) = mpsc::channel(4);
    let introduction = Introduction { mac: own.0.to_vec() };
    // The queue is empty: this cannot fail.
    let _ = say.try_send(Beat { introduction: Some(introduction), ..Beat::default() });
    let mut client = SessionClient::new(channel).max_decoding_message_size(LONGEST_MESSAGE);
    let answer = within(client.hold(ReceiverStream::new(said)), "it holds no session").await?;
    let mut hear = answer.into_inner();
    let first = within(hear.message(), "it does not introduce itself").await?;
    let mac = introduced(first, own).ok_or_else(|| broken("it did not say who it is here"))?;
    Ok(Open { proven, own, mac, say, hear })
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

async fn hold(shared: Shared, peer: PeerKey, mut open: Open) {
    let (id, strings) = shared.held.hold(open.proven.spiffe_id.clone());
    let session = shared.session(id, Side::Dialler, open.proven.clone(), open.mac);
    shared.tell(LinkEvent::Opened { from: peer, own: open.own, session }).await;
    let ended = beat(&shared, &mut open, id, strings).await;
    tracing::debug!(session = id.0, reason = %ended, "session ended");
    shared.held.release(id);
    shared.tell(LinkEvent::Closed { id }).await;
}

/// Beats until the session ends, and returns why it did.
async fn beat(
    shared: &Shared,
    session: &mut Open,
    id: SessionId,
    mut strings: Strings,
) -> anyhow::Error {
    let mut ticks = interval(shared.settings.keep_alive);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sequence = 0;
    let mut sent = Instant::now();
    loop {
        tokio::select! {
            _ = &mut strings.cut => return anyhow!("hung up"),
            Some(word) = strings.words.recv() => session.word(word),
            _ = ticks.tick() => {
                sequence += 1;
                sent = Instant::now();
                // A full queue means a peer that does not read: its silence will be noticed.
                let _ = session.say.try_send(Beat { sequence, ..Beat::default() });
            }
            heard = session.hear.message() => match heard {
                Ok(Some(beat)) => {
                    let is_answer = beat.word.is_none() && beat.sequence == sequence;
                    let round_trip = is_answer.then(|| sent.elapsed());
                    shared.tell(LinkEvent::Beat { id, round_trip }).await;
                    let who = &session.proven.spiffe_id;
                    if let Some(answer) = beat.word.and_then(|word| shared.air.hear(who, word)) {
                        let _ = session.say.try_send(answer);
                    }
                }
                Ok(None) => return anyhow!("the peer closed it"),
                Err(status) => return anyhow!(status),
            },
        }
    }
}

/// Waits for a step of the opening, and finds the verdict of the peer behind its failure.
async fn within<T, E>(
    step: impl Future<Output = Result<T, E>>,
    otherwise: &str,
) -> Result<T, HandshakeFailure>
where
    E: std::error::Error + 'static,
{
    match timeout(PATIENCE, step).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(verdict(&error, otherwise)),
        Err(_) => Err(broken(&format!("{otherwise}: no answer within 5 s"))),
    }
}

fn verdict(error: &(dyn std::error::Error + 'static), otherwise: &str) -> HandshakeFailure {
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
    broken(&format!("{otherwise}: {deepest}"))
}

/// Makes a failure out of a reason, at most a line of it: a part of it may be the peer's words.
fn broken(reason: &str) -> HandshakeFailure {
    let clean = reason.chars().map(|c| if c.is_control() { ' ' } else { c });
    HandshakeFailure::Broken { reason: clean.take(LONGEST_REASON).collect() }
}
