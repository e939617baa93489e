//! What a person or the fleet wants of the slots. The loop does it, so that it and the node's own judgement never
//! meet: whoever asks gets an answer, and then the machine may start anew.

use image::slot::Slot;
use image::slot::state::Refusal;
use spire_bridge::Uptime;
use tokio::sync::{mpsc, oneshot, watch};

use super::judgement::{Health, Judgement};
use super::rules::Rot;

/// Something wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Try the other slot.
    Activate {
        /// Also if it failed before.
        again: bool,
    },
    /// Keep the slot on trial without waiting for the judgement.
    Confirm,
    /// Go back to the other slot.
    RollBack,
}

/// How it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// What was done, in words.
    pub told: String,
    /// The machine starts anew at once.
    pub reboots: bool,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    /// This machine does not run from a slot.
    #[error("no slots: {0}")]
    NoSlots(String),
    /// The state of the slots does not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The medium, or what is on it.
    #[error("{0}")]
    Medium(String),
    /// The node only says what it would do.
    #[error("this node runs dry: it would do it")]
    DryRun,
    /// The node is about to stop.
    #[error("the node stops")]
    Stopping,
}

/// Something wanted, and where the answer goes.
#[derive(Debug)]
pub struct Asked {
    /// What.
    pub request: Request,
    /// The answer.
    pub answer: oneshot::Sender<Result<Done, NotDone>>,
}

/// The way to the loop, for as many as want something.
#[derive(Clone, Debug)]
pub struct Requests(pub mpsc::Sender<Asked>);

impl Requests {
    /// Asks for something and waits for the answer.
    ///
    /// # Errors
    /// [`NotDone`] says why it was not done.
    pub async fn ask(&self, request: Request) -> Result<Done, NotDone> {
        let (answer, answered) = oneshot::channel();
        let asked = Asked { request, answer };
        self.0.send(asked).await.map_err(|_| NotDone::Stopping)?;
        answered.await.map_err(|_| NotDone::Stopping)?
    }
}

/// The ends of the loop's channels that others hold.
#[derive(Debug)]
pub struct Ends {
    /// Where somebody asks for something.
    pub requests: Requests,
    /// What the loop knows.
    pub told: watch::Receiver<Told>,
}

/// What the loop knows of the slots, for those who show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// How the node stands: what an activation would remember as its health before.
    pub health: Health,
    /// The slot on trial, and how it does.
    pub trial: Option<(Slot, Judgement)>,
    /// The scrub of the running slot.
    pub scrub: Scrub,
}

/// How far the scrub is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scrub {
    /// How many times it has read the whole slot in this boot.
    pub passes: u64,
    /// When the last pass ended.
    pub last: Option<Uptime>,
    /// What it has found.
    pub rot: Option<Rot>,
    /// How often it could not read the slot's environment.
    pub unread: u64,
    /// Why it does not run.
    pub off: Option<String>,
}
