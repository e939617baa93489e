use std::num::NonZeroU8;
use std::time::Duration;

use super::Outline;
use super::fault::Faults;
use super::key::{Key, Preset};
use super::rate::Rate;
use super::section::Section;
use super::values::{Hours, Repository, Share};

/// `[update]`: where new firmware comes from, and when it may stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The TUF repository; without one nothing is fetched.
    pub repository: Option<Repository>,
    /// How often the repository is asked for something newer.
    pub check: Duration,
    /// The most that a download takes of the uplink.
    pub bandwidth: Option<Rate>,
    /// The least that a download must bring, or it is broken off and tried later.
    pub least_bandwidth: Rate,
    /// When downloads may run; always if not given.
    pub hours: Option<Hours>,
    /// How many boots a new slot gets to prove itself.
    pub tries: NonZeroU8,
    /// How long a new slot must be healthy without a break before it is kept.
    pub soak: Duration,
    /// How long after its boot a new slot may take for all of it.
    pub deadline: Duration,
    /// The share of the earlier neighbours that must be back.
    pub neighbour_share: Share,
    /// How fast the running slot is read for rot.
    pub scrub: Rate,
    /// Files without a signature are taken from a person who asks for it.
    pub unsigned_files: bool,
}

static REPOSITORY: Key = Key {
    name: "repository",
    doc: "The TUF repository of releases, http:// or file://. Its signatures protect it, not its transport.",
    preset: Preset::Optional {
        example: "\"http://updates.example/mesh\"",
        otherwise: "nothing is fetched",
    },
};
static CHECK: Key = Key {
    name: "check",
    doc: "How often the repository is asked for something newer.",
    preset: Preset::Default("\"1h\""),
};
static BANDWIDTH: Key = Key {
    name: "bandwidth",
    doc: "The most that a download takes of the uplink.",
    preset: Preset::Optional { example: "\"4 Mbit\"", otherwise: "as fast as it goes" },
};
static LEAST_BANDWIDTH: Key = Key {
    name: "least_bandwidth",
    doc: "A repository that sends less than this for a minute is left, and tried later. What is held back here does not count.",
    preset: Preset::Default("\"8 kbit\""),
};
static HOURS: Key = Key {
    name: "hours",
    doc: "When downloads may run, UTC. One that is not done by then goes on the next day.",
    preset: Preset::Optional { example: "\"01:00-05:30\"", otherwise: "at any time" },
};
static TRIES: Key = Key {
    name: "tries",
    doc: "How many boots a new slot gets to prove itself, 1 to 9.",
    preset: Preset::Default("3"),
};
static SOAK: Key = Key {
    name: "soak",
    doc: "How long a new slot must be healthy without a break before it is kept.",
    preset: Preset::Default("\"5m\""),
};
static DEADLINE: Key = Key {
    name: "deadline",
    doc: "A new slot that is not kept this long after its boot is left for the old one.",
    preset: Preset::Default("\"15m\""),
};
static NEIGHBOUR_SHARE: Key = Key {
    name: "neighbour_share",
    doc: "The share of the neighbours before the update that a healthy slot hears again, 0 to 1.",
    preset: Preset::Default("0.5"),
};
static SCRUB: Key = Key {
    name: "scrub",
    doc: "How fast the running slot is read, over and over, to find rot in time.",
    preset: Preset::Default("\"512 kbit\""),
};
static UNSIGNED_FILES: Key = Key {
    name: "unsigned_files",
    doc: "Take update files without a signature from a root shell: mesh-node image install --unsigned-file.",
    preset: Preset::Default("false"),
};

impl Update {
    /// The default of `least_bandwidth`: an image of 40 MB takes 11 hours at it, a night in the worst of places.
    pub const LEAST_BANDWIDTH: Rate = Rate::LEAST;

    pub(super) const OUTLINE: Outline = Outline {
        name: "update",
        about: "Where new firmware comes from, and when it may stay.",
        keys: &[
            &REPOSITORY,
            &CHECK,
            &BANDWIDTH,
            &LEAST_BANDWIDTH,
            &HOURS,
            &TRIES,
            &SOAK,
            &DEADLINE,
            &NEIGHBOUR_SHARE,
            &SCRUB,
            &UNSIGNED_FILES,
        ],
    };

    pub(super) fn read(section: &Section<'_>, faults: &mut Faults) -> Option<Self> {
        section.refuse_unknown_keys(faults);
        let repository = section.optional(&REPOSITORY, faults);
        let check = section.value(&CHECK, faults);
        let bandwidth = section.optional(&BANDWIDTH, faults);
        let least_bandwidth = section.value(&LEAST_BANDWIDTH, faults);
        let hours = section.optional(&HOURS, faults);
        let tries = section.value(&TRIES, faults);
        let soak: Option<Duration> = section.value(&SOAK, faults);
        let deadline = section.value(&DEADLINE, faults);
        let neighbour_share = section.value(&NEIGHBOUR_SHARE, faults);
        let scrub = section.value(&SCRUB, faults);
        let unsigned_files = section.value(&UNSIGNED_FILES, faults);
        if let (Some(soak), Some(deadline)) = (soak, deadline)
            && deadline <= soak
        {
            let reason = format!("{deadline:?} leaves no time for a soak of {soak:?}");
            section.contradiction(&DEADLINE, &reason, faults);
        }
        Some(Self {
            repository: repository?,
            check: check?,
            bandwidth: bandwidth?,
            least_bandwidth: least_bandwidth?,
            hours: hours?,
            tries: tries?,
            soak: soak?,
            deadline: deadline?,
            neighbour_share: neighbour_share?,
            scrub: scrub?,
            unsigned_files: unsigned_files?,
        })
    }
}
