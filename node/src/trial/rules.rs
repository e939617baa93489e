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
    /// What the scrub has found in the running slot.
    pub rot: Option<Rot>,
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
        rot: Rot,
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
        let is_kept = seen.judgement.is_none();
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
        SlotFinding::Rotten { slot, rot } => rot.other_is_sound.then_some(SlotAction::Leave(*slot)),
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
            Self::Rotten { slot, rot: Rot { place, other_is_sound: true } } => {
                write!(f, "slot {slot} has rotted: {place}")
            }
            Self::Rotten { slot, rot: Rot { place, other_is_sound: false } } => {
                write!(f, "slot {slot} has rotted: {place}; the other is not sound either")
            }
            Self::Unreadable { slot, why } => write!(f, "slot {slot} cannot be used: {why}"),
        }
    }
}

impl fmt::Display for SlotAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commit(slot) => write!(f, "keep slot {slot}"),
            Self::GiveUp { slot, .. } => write!(f, "give slot {slot} up and start the other"),
            Self::Leave(slot) => write!(f, "leave slot {slot} for the other"),
            Self::Record { slot, outcome, .. } => {
                write!(f, "write down that the trial of slot {slot} ended: {}", outcome.word())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::judgement::Health;
    use super::super::record::Trial;
    use super::*;

    const SEEN: SlotsSeen = SlotsSeen {
        running: Slot::B,
        judgement: None,
        given_up: None,
        unreadable: None,
        rot: None,
        is_leaving: false,
    };

    fn trial_of(slot: &str) -> Record {
        let from = ("?".to_owned(), "0.1.0".to_owned());
        let trial = Trial::new((slot.to_owned(), None), from, Health::default(), 0);
        let mut record = Record::default();
        record.trial = Some(trial);
        record
    }

    fn check(record: &Record, seen: &SlotsSeen, found: &[&str], done: &[&str]) {
        let findings = findings(record, seen);
        let actions = findings.iter().filter_map(action);

        let actions: Vec<String> = actions.map(|action| action.to_string()).collect();
        let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!((findings, actions), (owned(found), owned(done)));
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn slots_that_proved_themselves_are_nothing_to_speak_of() {
        check(&Record::default(), &SEEN, &[], &[]);
    }

    #[test]
    fn a_slot_on_trial_is_waited_for() {
        let left = Duration::from_secs(60);
        let seen = |judgement| SlotsSeen { judgement: Some(judgement), ..SEEN };
        let lack = Lack::NotAttested;

        check(
            &trial_of("b"),
            &seen(Judgement::Soaking { left }),
            &["slot b is on trial, and healthy"],
            &[],
        );
        check(
            &trial_of("b"),
            &seen(Judgement::Waiting { lack, left }),
            &["slot b is on trial: it is not attested, as it was before"],
            &[],
        );
    }

    #[test]
    fn a_slot_that_proved_itself_is_kept() {
        let seen = SlotsSeen { judgement: Some(Judgement::Healthy), ..SEEN };

        check(&trial_of("b"), &seen, &["slot b has proven itself"], &["keep slot b"]);
    }

    #[test]
    fn a_slot_that_did_not_is_given_up() {
        let lack = Some(Lack::NoVerifiedNeighbour { before: 2 });
        let seen = SlotsSeen { judgement: Some(Judgement::Unhealthy { lack }), ..SEEN };

        check(
            &trial_of("b"),
            &seen,
            &["slot b has not proven itself: no verified neighbour, where there were 2 before"],
            &["give slot b up and start the other"],
        );
    }

    #[test]
    fn a_trial_that_ended_without_a_word_is_written_down() {
        let crashed = SlotsSeen { given_up: Some(Reason::TriesUsedUp), ..SEEN };
        let kept_and_cut = SEEN;

        check(
            &trial_of("a"),
            &crashed,
            &["the trial of slot a is over: crashed"],
            &["write down that the trial of slot a ended: crashed"],
        );
        check(
            &trial_of("b"),
            &kept_and_cut,
            &["the trial of slot b is over: committed"],
            &["write down that the trial of slot b ended: committed"],
        );
        check(&Record::default(), &crashed, &[], &[]);
    }

    #[test]
    fn a_trial_that_is_about_to_begin_is_not_over() {
        check(&trial_of("a"), &SEEN, &[], &[]);
    }

    #[test]
    fn rot_drives_the_node_into_a_sound_slot_only() {
        let rot = |other_is_sound| Rot { place: "chunk 3".to_owned(), other_is_sound };
        let seen = |other_is_sound| SlotsSeen { rot: Some(rot(other_is_sound)), ..SEEN };

        check(
            &Record::default(),
            &seen(true),
            &["slot b has rotted: chunk 3"],
            &["leave slot b for the other"],
        );
        check(
            &Record::default(),
            &seen(false),
            &["slot b has rotted: chunk 3; the other is not sound either"],
            &[],
        );
    }

    #[test]
    fn a_slot_that_cannot_be_read_is_told() {
        let seen = SlotsSeen { unreadable: Some("no BGENV.DAT".to_owned()), ..SEEN };

        check(&Record::default(), &seen, &["slot a cannot be used: no BGENV.DAT"], &[]);
    }

    #[test]
    fn nothing_is_decided_on_the_way_out() {
        let judgement = Some(Judgement::Healthy);
        let seen = SlotsSeen { judgement, is_leaving: true, ..SEEN };

        check(&trial_of("b"), &seen, &[], &[]);
    }
}
