//! Why a request is not followed.

use super::{Reason, Slot, Unreadable};

/// Why a request is not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The running slot is on trial: the other one is what it falls back to.
    #[error("slot {0} is on trial, and the other is what it falls back to")]
    OnTrial(Slot),
    /// The other slot is on trial from the next boot on.
    #[error("slot {0} is about to be tried")]
    AboutToBeTried(Slot),
    /// The running slot is not on trial.
    #[error("slot {0} is not on trial")]
    NotOnTrial(Slot),
    /// An environment cannot be read.
    #[error("slot {slot} has no environment")]
    Unreadable {
        /// Whose.
        slot: Slot,
        /// Why not.
        #[source]
        source: Unreadable,
    },
    /// The running slot is one that the chooser has given up.
    #[error("slot {0} runs although it failed")]
    RunningFailed(Slot),
    /// The other slot holds nothing whole.
    #[error("slot {0} holds nothing that was installed whole")]
    NotInstalled(Slot),
    /// The other slot failed before; only a person may want it again.
    #[error("slot {slot} failed before: {reason}")]
    FailedBefore {
        /// Which.
        slot: Slot,
        /// Why.
        reason: Reason,
    },
    /// The other slot never proved itself.
    #[error("slot {0} never proved itself")]
    NothingToGoBackTo(Slot),
    /// The node already went from that slot to this one by itself; only a person may want it back.
    #[error("the node came here from slot {0} by itself; going back takes a person")]
    BackAndForth(Slot),
    /// A trial without a try.
    #[error("a trial without a try")]
    NoTries,
    /// There is no higher revision.
    #[error("revisions are used up")]
    RevisionsUsedUp,
    /// The environment is somebody else's.
    #[error("slot {0} has an environment without room for our record")]
    NoRoom(Slot),
}
