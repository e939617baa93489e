use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::peers::SessionId;

/// The open sessions, each with the string that ends it when it is let go.
#[derive(Default)]
pub(super) struct Held(Mutex<State>);

#[derive(Default)]
struct State {
    last: u64,
    strings: BTreeMap<SessionId, oneshot::Sender<()>>,
}

impl Held {
    /// Numbers a new session; the receiver resolves when somebody wants it to end.
    pub(super) fn hold(&self) -> (SessionId, oneshot::Receiver<()>) {
        let (string, cut) = oneshot::channel();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.last += 1;
        let id = SessionId(state.last);
        state.strings.insert(id, string);
        (id, cut)
    }

    /// Lets a session go; one that is over already is let go of.
    pub(super) fn release(&self, id: SessionId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).strings.remove(&id);
    }
}
