use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use spire_bridge::SpiffeId;
use tokio::sync::{mpsc, oneshot};

use crate::peers::SessionId;
use crate::proto::session::Word;

/// Words that a session has not sent yet; a claim, its release and an answer each way.
const WORDS: usize = 8;

/// The open sessions, each with the string that ends it when it is let go, and a way to say something in it.
#[derive(Default)]
pub(super) struct Held(Mutex<State>);

#[derive(Default)]
struct State {
    last: u64,
    sessions: BTreeMap<SessionId, Open>,
}

struct Open {
    /// Cut when it is dropped.
    _string: oneshot::Sender<()>,
    who: SpiffeId,
    words: mpsc::Sender<Word>,
}

/// What ends a session, and what is to be said in it.
pub(super) struct Strings {
    pub(super) cut: oneshot::Receiver<()>,
    pub(super) words: mpsc::Receiver<Word>,
}

impl Held {
    /// Numbers a new session with somebody; `cut` resolves when somebody wants it to end.
    pub(super) fn hold(&self, who: SpiffeId) -> (SessionId, Strings) {
        let (string, cut) = oneshot::channel();
        let (say, words) = mpsc::channel(WORDS);
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.last += 1;
        let id = SessionId(state.last);
        state.sessions.insert(id, Open { _string: string, who, words: say });
        (id, Strings { cut, words })
    }

    /// Lists with whom there are sessions, each once, and how to say something there.
    pub(super) fn neighbours(&self) -> BTreeMap<String, (SpiffeId, mpsc::Sender<Word>)> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = state.sessions.values();
        open.map(|it| (it.who.to_string(), (it.who.clone(), it.words.clone()))).collect()
    }

    /// Lets a session go; one that is over already is let go of.
    pub(super) fn release(&self, id: SessionId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).sessions.remove(&id);
    }
}
