use std::num::NonZeroU16;
use std::time::Duration;

use spire_bridge::rule::Rule;

use super::Outline;
use super::fault::Faults;
use super::key::{Key, Preset};
use super::section::Section;

/// `[control]`: the sessions between neighbours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// UDP port of the hellos and TCP port of the sessions.
    pub port: NonZeroU16,
    /// How often this node says hello.
    pub hello_interval: Duration,
    /// A peer whose hello was not heard for this long is not there.
    pub hello_timeout: Duration,
    /// How often a session is tried.
    pub keep_alive: Duration,
    /// A session that was silent for this long is over.
    pub session_timeout: Duration,
    /// Who may hold a session; `/node/*` of the own trust domain if nobody is named.
    pub allow: Option<Vec<Rule>>,
}

static PORT: Key = Key {
    name: "port",
    doc: "UDP port of the hellos and TCP port of the sessions. The same on every node.",
    preset: Preset::Default("4660"),
};
static HELLO_INTERVAL: Key = Key {
    name: "hello_interval",
    doc: "How often this node says hello on each hard interface.",
    preset: Preset::Default("\"1s\""),
};
static HELLO_TIMEOUT: Key = Key {
    name: "hello_timeout",
    doc: "A peer whose hello was not heard for this long is not there.",
    preset: Preset::Default("\"5s\""),
};
static KEEP_ALIVE: Key = Key {
    name: "keep_alive",
    doc: "How often a session is tried.",
    preset: Preset::Default("\"1s\""),
};
static SESSION_TIMEOUT: Key = Key {
    name: "session_timeout",
    doc: "A session that was silent for this long is over.",
    preset: Preset::Default("\"5s\""),
};
static ALLOW: Key = Key {
    name: "allow",
    doc: "Who may hold a session with this node; * stands for one segment.",
    preset: Preset::Optional {
        example: "[\"spiffe://x0tta6bl4.mesh/node/*\"]",
        otherwise: "every /node/* of the own trust domain",
    },
};

impl Control {
    pub(super) const OUTLINE: Outline = Outline {
        name: "control",
        about: "The sessions between neighbours.",
        keys: &[&PORT, &HELLO_INTERVAL, &HELLO_TIMEOUT, &KEEP_ALIVE, &SESSION_TIMEOUT, &ALLOW],
    };

    pub(super) fn read(section: &Section<'_>, faults: &mut Faults) -> Option<Self> {
        section.refuse_unknown_keys(faults);
        let port = section.value(&PORT, faults);
        let hello_interval = section.value(&HELLO_INTERVAL, faults);
        let hello_timeout = section.value(&HELLO_TIMEOUT, faults);
        let keep_alive = section.value(&KEEP_ALIVE, faults);
        let session_timeout = section.value(&SESSION_TIMEOUT, faults);
        let allow = section.optional(&ALLOW, faults);
        for (every, within, key) in [
            (hello_interval, hello_timeout, &HELLO_TIMEOUT),
            (keep_alive, session_timeout, &SESSION_TIMEOUT),
        ] {
            outlasts(every, within, key, section, faults);
        }
        Some(Self {
            port: port?,
            hello_interval: hello_interval?,
            hello_timeout: hello_timeout?,
            keep_alive: keep_alive?,
            session_timeout: session_timeout?,
            allow: allow?,
        })
    }
}

/// Checks that two signs of life may be lost before the time-out.
fn outlasts(
    every: Option<Duration>,
    within: Option<Duration>,
    key: &'static Key,
    section: &Section<'_>,
    faults: &mut Faults,
) {
    if let (Some(every), Some(within)) = (every, within)
        && within < every * 3
    {
        let reason =
            format!("{within:?} must be at least three times {every:?}, what it waits for");
        section.contradiction(key, &reason, faults);
    }
}
