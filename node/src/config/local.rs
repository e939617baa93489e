//! What concerns this node alone: its name, its loop, its API, its log.

use std::path::PathBuf;
use std::time::Duration;

use super::Outline;
use super::fault::Faults;
use super::key::{Key, Preset};
use super::section::Section;
use super::values::Name;

/// `[node]`: this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is called in tables; the host name if it is not given.
    pub name: Option<Name>,
}

static NAME: Key = Key {
    name: "name",
    doc: "What this node is called in tables and logs. Its identity is its SPIFFE ID, not this.",
    preset: Preset::Optional { example: "\"alpha\"", otherwise: "the host name" },
};

impl Node {
    pub(super) const OUTLINE: Outline =
        Outline { name: "node", about: "This node.", keys: &[&NAME] };

    pub(super) fn read(section: &Section<'_>, faults: &mut Faults) -> Option<Self> {
        section.refuse_unknown_keys(faults);
        Some(Self { name: section.optional(&NAME, faults)? })
    }
}

/// Sessions that are over and agents that wait are noticed at looks.
const LONGEST_INTERVAL: Duration = Duration::from_secs(10);

/// `[loop]`: how the node looks after itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loop {
    /// How often it looks without being told that something changed.
    pub interval: Duration,
    /// It says what it would do, and does nothing.
    pub dry_run: bool,
}

static INTERVAL: Key = Key {
    name: "interval",
    doc: "How often the node looks at everything, beside the changes that the kernel tells it.",
    preset: Preset::Default("\"1s\""),
};
static DRY_RUN: Key = Key {
    name: "dry_run",
    doc: "Say what would be done and do nothing.",
    preset: Preset::Default("false"),
};

impl Loop {
    pub(super) const OUTLINE: Outline = Outline {
        name: "loop",
        about: "How the node looks after itself.",
        keys: &[&INTERVAL, &DRY_RUN],
    };

    pub(super) fn read(section: &Section<'_>, faults: &mut Faults) -> Option<Self> {
        section.refuse_unknown_keys(faults);
        let interval = section.value(&INTERVAL, faults);
        if interval.is_some_and(|interval| interval > LONGEST_INTERVAL) {
            let reason = format!("at most {LONGEST_INTERVAL:?}: time-outs are noticed at looks");
            section.contradiction(&INTERVAL, &reason, faults);
        }
        let dry_run = section.value(&DRY_RUN, faults);
        Some(Self { interval: interval?, dry_run: dry_run? })
    }
}

/// `[api]`: what `mesh-node status` talks to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// The socket.
    pub socket: PathBuf,
}

static API_SOCKET: Key = Key {
    name: "socket",
    doc: "The socket that mesh-node status talks to.",
    preset: Preset::Default("\"/run/mesh-node/api.sock\""),
};

impl Api {
    pub(super) const OUTLINE: Outline =
        Outline { name: "api", about: "The local API.", keys: &[&API_SOCKET] };

    pub(super) fn read(section: &Section<'_>, faults: &mut Faults) -> Option<Self> {
        section.refuse_unknown_keys(faults);
        Some(Self { socket: section.value(&API_SOCKET, faults)? })
    }
}

/// `[log]`: what is told, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The least serious line that is written.
    pub level: LogLevel,
    /// How lines look.
    pub format: LogFormat,
}

/// How serious a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Broken; a person must act.
    Error,
    /// Unusual, still working.
    Warn,
    /// A change that an operator would tell a colleague.
    Info,
    /// A branch taken.
    Debug,
    /// Per packet.
    Trace,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

static LEVEL: Key = Key {
    name: "level",
    doc: "The least serious line that is written: error, warn, info, debug or trace.",
    preset: Preset::Default("\"info\""),
};
static FORMAT: Key = Key {
    name: "format",
    doc: "text for people, json for programs.",
    preset: Preset::Default("\"text\""),
};

impl Log {
    pub(super) const OUTLINE: Outline =
        Outline { name: "log", about: "What is told, and how.", keys: &[&LEVEL, &FORMAT] };

    pub(super) fn read(section: &Section<'_>, faults: &mut Faults) -> Option<Self> {
        section.refuse_unknown_keys(faults);
        let level = section.value(&LEVEL, faults);
        let format = section.value(&FORMAT, faults);
        Some(Self { level: level?, format: format? })
    }
}
