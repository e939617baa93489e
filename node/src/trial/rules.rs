//! What is not as it should be with the slots, and what to do about it.

use std::fmt;

use image::slot::Slot;
use image::slot::trial::Reason;

use super::judgement::{Judgement, Lack};
use super::record::{Outcome, Record};

/// The slots as of one look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotsSeen {
    /// The slot that runs.
    pub running: Slot,
    /// How the running slot does, if it is on trial.
    pub judgement: Option<Judgement>,
    /// Why the other slot was given up, if it was.
    pub given_up: Option<Reason>,
    /// Why the other slot's environment cannot be read.
    pub unreadable: Option<String>,
    /// What is found rotten in the running slot.
    pub rot: Option<Rotten>,
    /// The machine is about to start anew, and nothing more is decided in this boot.
    pub is_leaving: bool,
}

/// A running slot that is no longer what was installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rot {
    /// Where.
    pub place: String,
    /// Whether the other slot is what was installed there.
    pub other_is_sound: bool,
}

/// What of a running slot has rotted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotten {
    /// What was installed.
    Image(Rot),
    /// Its environment, without which it takes no update and may not be chosen at the next boot.
    Environment {
        /// How.
        why: String,
        /// Why it cannot be mended, once that is known.
        stuck: Option<String>,
    },
}

/// Something about the slots that is not as it should be, or that wants to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotFinding {
    /// The running slot has yet to prove itself.
    OnTrial {
        /// Which.
        slot: Slot,
        /// What lacks at the moment.
        lack: Option<Lack>,
    },
    /// It has proven itself.
    Proven(Slot),
    /// It is not as good as the one before it.
    Unfit {
        /// Which.
        slot: Slot,
        /// What lacks; nothing if it never held for long enough.
        lack: Option<Lack>,
    },
    /// A trial is over and nobody wrote down how it ended.
    Unrecorded {
        /// Which slot was tried.
        slot: Slot,
        /// How it ended.
        outcome: Outcome,
        /// Why.
        reason: String,
    },
    /// The running slot is no longer what was installed.
    Rotten {
        /// Which.
        slot: Slot,
        /// What was found.
        rot: Rotten,
    },
    /// The other slot cannot be used for anything.
    Unreadable {
        /// Which.
        slot: Slot,
        /// Why not.
        why: String,
    },
}

/// What can be done about slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotAction {
    /// Keep the slot on trial.
    Commit(Slot),
    /// Give the slot on trial up and start the other.
    GiveUp {
        /// Which.
        slot: Slot,
        /// Why.
        lack: Option<Lack>,
    },
    /// Start the other slot, before this one breaks.
    Leave(Slot),
    /// Make the environment of the running slot whole again.
    Mend(Slot),
    /// Write down how a trial ended.
    Record {
        /// Which slot was tried.
        slot: Slot,
        /// How it ended.
        outcome: Outcome,
        /// Why.
        reason: String,
    },
}

/// Compares the slots with what is remembered of them.
pub fn findings(record: &Record, seen: &SlotsSeen) -> Vec<SlotFinding> {
    if seen.is_leaving {
        return Vec::new();
    }
    let slot = seen.running;
    let trial = seen.judgement.map(|judgement| match judgement {
        Judgement::Soaking { .. } => SlotFinding::OnTrial { slot, lack: None },
        Judgement::Waiting { lack, .. } => SlotFinding::OnTrial { slot, lack: Some(lack) },
        Judgement::Healthy => SlotFinding::Proven(slot),
        Judgement::Unhealthy { lack } => SlotFinding::Unfit { slot, lack },
    });
    let rotten = seen.rot.clone().map(|rot| SlotFinding::Rotten { slot, rot });
    let why = seen.unreadable.clone();
    let unreadable = why.map(|why| SlotFinding::Unreadable { slot: slot.other(), why });
    trial.into_iter().chain(unrecorded(record, seen)).chain(rotten).chain(unreadable).collect()
}

/// A trial that a crash or a power cut kept from being written down.
fn unrecorded(record: &Record, seen: &SlotsSeen) -> Option<SlotFinding> {
    let tried: Slot = record.trial.as_ref()?.slot.parse().ok()?;
    let (outcome, reason) = if tried == seen.running {
        let is_known = !matches!(seen.rot, Some(Rotten::Environment { .. }));
        let is_kept = is_known && seen.judgement.is_none();
        is_kept.then(|| (Outcome::Committed, "it was kept".to_owned()))?
    } else {
        let reason = seen.given_up?;
        let outcome = match reason {
            Reason::Unhealthy(_) => Outcome::Unhealthy,
            Reason::Asked => Outcome::RolledBack,
            Reason::TriesUsedUp | Reason::NeverReachedUserspace | Reason::Unknown(..) => {
                Outcome::Crashed
            }
        };
        (outcome, reason.to_string())
    };
    Some(SlotFinding::Unrecorded { slot: tried, outcome, reason })
}

/// Plans what to do about a finding.
pub fn action(finding: &SlotFinding) -> Option<SlotAction> {
    match finding {
        SlotFinding::Proven(slot) => Some(SlotAction::Commit(*slot)),
        SlotFinding::Unfit { slot, lack } => Some(SlotAction::GiveUp { slot: *slot, lack: *lack }),
        SlotFinding::Unrecorded { slot, outcome, reason } => {
            let (slot, outcome, reason) = (*slot, *outcome, reason.clone());
            Some(SlotAction::Record { slot, outcome, reason })
        }
        // Between two slots that have rotted, the one that runs at least runs.
        SlotFinding::Rotten { slot, rot: Rotten::Image(rot) } => {
            rot.other_is_sound.then_some(SlotAction::Leave(*slot))
        }
        SlotFinding::Rotten { slot, rot: Rotten::Environment { stuck, .. } } => {
            stuck.is_none().then_some(SlotAction::Mend(*slot))
        }
        SlotFinding::OnTrial { .. } | SlotFinding::Unreadable { .. } => None,
    }
}

/// The number by which a slot's own record says what lacked.
pub const fn code(lack: Option<Lack>) -> u8 {
    match lack {
        None => 0,
        Some(Lack::NotAttested) => 1,
        Some(Lack::NoVerifiedNeighbour { .. }) => 2,
        Some(Lack::TooFewNeighbours { .. }) => 3,
        Some(Lack::CrashLoop { .. }) => 4,
        Some(Lack::NoData) => 5,
    }
}

impl SlotFinding {
    /// Tells whether an operator wants to hear of it.
    pub const fn is_notable(&self) -> bool {
        !matches!(self, Self::Unrecorded { .. } | Self::Proven(_))
    }
}

impl fmt::Display for SlotFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnTrial { slot, lack: None } => write!(f, "slot {slot} is on trial, and healthy"),
            Self::OnTrial { slot, lack: Some(lack) } => {
                write!(f, "slot {slot} is on trial: {lack}")
            }
            Self::Proven(slot) => write!(f, "slot {slot} has proven itself"),
            Self::Unfit { slot, lack: Some(lack) } => {
                write!(f, "slot {slot} has not proven itself: {lack}")
            }
            Self::Unfit { slot, lack: None } => {
                write!(f, "slot {slot} has not proven itself: it was never healthy for long enough")
            }
            Self::Unrecorded { slot, outcome, .. } => {
                write!(f, "the trial of slot {slot} is over: {}", outcome.word())
            }
            Self::Rotten { slot, rot } => write!(f, "slot {slot} has rotted: {rot}"),
            Self::Unreadable { slot, why } => write!(f, "slot {slot} cannot be used: {why}"),
        }
    }
}

impl fmt::Display for Rotten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(Rot { place, other_is_sound: true }) => f.write_str(place),
            Self::Image(Rot { place, other_is_sound: false }) => {
                write!(f, "{place}; the other is not sound either")
            }
            Self::Environment { why, stuck: None } => f.write_str(why),
            Self::Environment { why, stuck: Some(stuck) } => {
                write!(f, "{why}, and is not mended: {stuck}")
            }
        }
    }
}

impl fmt::Display for SlotAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commit(slot) => write!(f, "keep slot {slot}"),
            Self::GiveUp { slot, .. } => write!(f, "give slot {slot} up and start the other"),
            Self::Leave(slot) => write!(f, "leave slot {slot} for the other"),
            Self::Mend(slot) => write!(f, "mend the environment of slot {slot}"),
            Self::Record { slot, outcome, .. } => {
                write!(f, "write down that the trial of slot {slot} ended: {}", outcome.word())
            }
        }
    }
}

#[cfg(test)]
mod tests;
