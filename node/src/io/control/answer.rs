use std::pin::Pin;

use spire_bridge::SpiffeId;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::held::Strings;
use super::proven::Who;
use super::{LONGEST_MESSAGE, PATIENCE, Shared, introduced};
use crate::peers::{LinkEvent, SessionId, Side};
use crate::proto::session::session_server::{Session, SessionServer};
use crate::proto::session::{Beat, Introduction};

/// Takes the sessions that peers have dialled.
pub(super) struct Sessions {
    shared: Shared,
}

impl Sessions {
    pub(super) fn service(shared: Shared) -> SessionServer<Self> {
        SessionServer::new(Self { shared }).max_decoding_message_size(LONGEST_MESSAGE)
    }
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
        who.take_session().ok_or_else(|| Status::resource_exhausted("one session a connection"))?;
        let own = self.shared.identity.current().map(|identity| identity.spiffe_id.clone());
        if own.is_none_or(|own| own == who.proven.spiffe_id) {
            return Err(Status::failed_precondition("no session with oneself"));
        }
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
    let (from, own) = (who.caller.peer, who.caller.own);
    let Ok(Ok(first)) = timeout(PATIENCE, hear.message()).await else { return };
    let Some(mac) = introduced(first, own) else { return };
    let introduction = Introduction { mac: own.0.to_vec() };
    let first = Beat { introduction: Some(introduction), ..Beat::default() };
    if say.try_send(Ok(first)).is_err() {
        return;
    }
    let peer = who.proven.spiffe_id.clone();
    let (id, strings) = shared.held.hold(peer.clone());
    let session = shared.session(id, Side::Listener, who.proven, mac);
    shared.tell(LinkEvent::Opened { from, own, session }).await;
    echo(&shared, (id, &peer), strings, &mut hear, &say).await;
    shared.held.release(id);
    shared.tell(LinkEvent::Closed { id }).await;
}

async fn echo(
    shared: &Shared,
    (id, peer): (SessionId, &SpiffeId),
    mut strings: Strings,
    hear: &mut Streaming<Beat>,
    say: &mpsc::Sender<Result<Beat, Status>>,
) {
    loop {
        tokio::select! {
            _ = &mut strings.cut => return,
            Some(word) = strings.words.recv() => {
                // A peer that does not read is noticed by its silence; the word counts as not said.
                let _ = say.try_send(Ok(Beat { word: Some(word), ..Beat::default() }));
            }
            heard = hear.message() => {
                let Ok(Some(beat)) = heard else { return };
                let answer = match beat.word {
                    None => Some(Beat { sequence: beat.sequence, ..Beat::default() }),
                    Some(word) => shared.air.hear(peer, word),
                };
                // A peer that does not read its answers is not holding a session.
                if answer.is_some_and(|answer| say.try_send(Ok(answer)).is_err()) {
                    return;
                }
                shared.tell(LinkEvent::Beat { id, round_trip: None }).await;
            }
        }
    }
}
