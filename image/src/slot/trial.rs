//! What we keep about a slot inside its environment, where the chooser carries it along unread.

/// How often a slot that never gets as far as user space is tried again without costing a try: a power cut before the
/// kernel ran looks the same as a kernel that hangs.
pub const SILENT_LIMIT: u8 = 3;

/// Bytes of a record.
pub(super) const LENGTH: usize = 24;

const MAGIC: [u8; 4] = *b"mTRY";

/// The first bytes of the SHA-256 of an update's header: which image a slot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ImageId(pub [u8; 8]);

/// The record of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    /// How far the slot has come.
    pub phase: Phase,
    /// How many starts of user space the trial may take.
    pub allowed: u8,
    /// How many it has taken.
    pub used: u8,
    /// How often in a row it was chosen and did not get as far as user space.
    pub silent: u8,
    /// Who set it on trial.
    pub begun_by: Initiator,
    /// What it holds.
    pub image: ImageId,
}

/// How far a slot has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// An image is being written to it, or never was.
    Receiving,
    /// It holds a whole image that was not tried yet.
    Ready,
    /// It is on trial.
    Trying,
    /// It proved itself.
    Committed,
    /// It did not.
    Failed(Reason),
}

/// Why a trial failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Every try ended without a verdict: it crashed, hung or lost its power.
    TriesUsedUp,
    /// Its kernel never reached user space.
    NeverReachedUserspace,
    /// The node judged itself unhealthy; the number says in which point.
    Unhealthy(u8),
    /// A person wanted the other slot back.
    Asked,
    /// Something that a newer firmware knows.
    Unknown(u8, u8),
}

/// Who wants a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Initiator {
    /// A person, or a release that a person published.
    Person,
    /// The node by itself.
    Node,
}

impl Trial {
    /// The record of a slot that did not come further than this, and was never tried.
    pub const fn new(phase: Phase, image: ImageId) -> Self {
        Self { phase, allowed: 0, used: 0, silent: 0, begun_by: Initiator::Person, image }
    }

    pub(super) fn decode(bytes: [u8; LENGTH]) -> Option<Self> {
        let rest = bytes.strip_prefix(&MAGIC)?;
        let (&[phase, reason, detail, allowed, used, silent, by, _], rest) =
            rest.split_first_chunk()?;
        Some(Self {
            phase: Phase::decode([phase, reason, detail])?,
            allowed,
            used,
            silent,
            begun_by: if by == 0 { Initiator::Person } else { Initiator::Node },
            image: ImageId(*rest.first_chunk()?),
        })
    }

    pub(super) fn encode(self) -> [u8; LENGTH] {
        let [m0, m1, m2, m3] = MAGIC;
        let [phase, reason, detail] = self.phase.encode();
        let by = u8::from(self.begun_by == Initiator::Node);
        let [i0, i1, i2, i3, i4, i5, i6, i7] = self.image.0;
        [
            m0,
            m1,
            m2,
            m3,
            phase,
            reason,
            detail,
            self.allowed,
            self.used,
            self.silent,
            by,
            0, //
            i0,
            i1,
            i2,
            i3,
            i4,
            i5,
            i6,
            i7,
            0,
            0,
            0,
            0,
        ]
    }
}

impl Phase {
    fn decode([phase, reason, detail]: [u8; 3]) -> Option<Self> {
        match phase {
            0 => Some(Self::Receiving),
            1 => Some(Self::Ready),
            2 => Some(Self::Trying),
            3 => Some(Self::Committed),
            4 => Some(Self::Failed(Reason::decode(reason, detail))),
            _ => None,
        }
    }

    const fn encode(self) -> [u8; 3] {
        match self {
            Self::Receiving => [0, 0, 0],
            Self::Ready => [1, 0, 0],
            Self::Trying => [2, 0, 0],
            Self::Committed => [3, 0, 0],
            Self::Failed(reason) => {
                let [reason, detail] = reason.encode();
                [4, reason, detail]
            }
        }
    }
}

impl Reason {
    const fn decode(reason: u8, detail: u8) -> Self {
        match (reason, detail) {
            (1, 0) => Self::TriesUsedUp,
            (2, 0) => Self::NeverReachedUserspace,
            (3, detail) => Self::Unhealthy(detail),
            (4, 0) => Self::Asked,
            (reason, detail) => Self::Unknown(reason, detail),
        }
    }

    const fn encode(self) -> [u8; 2] {
        match self {
            Self::TriesUsedUp => [1, 0],
            Self::NeverReachedUserspace => [2, 0],
            Self::Unhealthy(detail) => [3, detail],
            Self::Asked => [4, 0],
            Self::Unknown(reason, detail) => [reason, detail],
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TriesUsedUp => f.write_str("its tries were used up"),
            Self::NeverReachedUserspace => f.write_str("its kernel never reached user space"),
            Self::Unhealthy(_) => f.write_str("the node judged itself unhealthy"),
            Self::Asked => f.write_str("a person wanted the other slot back"),
            Self::Unknown(reason, detail) => write!(f, "unknown reason {reason}.{detail}"),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn trials() -> impl Strategy<Value = Trial> {
        let reasons = prop_oneof![
            Just(Reason::TriesUsedUp),
            Just(Reason::NeverReachedUserspace),
            any::<u8>().prop_map(Reason::Unhealthy),
            Just(Reason::Asked),
            (5..=u8::MAX, any::<u8>()).prop_map(|(reason, detail)| Reason::Unknown(reason, detail)),
        ];
        let phases = prop_oneof![
            Just(Phase::Receiving),
            Just(Phase::Ready),
            Just(Phase::Trying),
            Just(Phase::Committed),
            reasons.prop_map(Phase::Failed),
        ];
        let by = prop_oneof![Just(Initiator::Person), Just(Initiator::Node)];
        (phases, any::<[u8; 3]>(), by, any::<[u8; 8]>()).prop_map(
            |(phase, [allowed, used, silent], begun_by, image)| Trial {
                phase,
                allowed,
                used,
                silent,
                begun_by,
                image: ImageId(image),
            },
        )
    }

    proptest! {
        #[test]
        fn records_are_read_as_they_were_written(trial in trials()) {
            prop_assert_eq!(Trial::decode(trial.encode()), Some(trial));
        }

        #[test]
        fn any_bytes_are_a_record_or_none(bytes in any::<[u8; LENGTH]>()) {
            prop_assert_eq!(Trial::decode(bytes), None);
        }
    }
}
