//! What a node wrote down of an installation under way, so that it goes on after a disconnect, a crash or a reboot.
//!
//! It says what was wanted. What of it is on the slot already, the slot itself tells: it is read again.

use image::slot::Slot;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::release::Target;

/// The shape. A newer one is left alone: a newer firmware began something that this one cannot go on with.
const SCHEMA: u32 = 1;

/// Longer than any that is written; a file that has grown beyond it is garbage.
const LONGEST: usize = 64 << 10;

/// An installation under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    schema: u32,
    /// What is installed.
    pub source: Source,
    /// Where to.
    pub slot: Slot,
    /// The version, as soon as it is known.
    pub version: String,
    /// The digest of the update's header, in hexadecimal.
    pub header_sha256: String,
    /// Whether the node goes on by itself.
    pub mode: Mode,
    /// What whoever asked for it insists on.
    #[serde(default)]
    pub insists: Insists,
    /// Bytes on the slot.
    pub done: u64,
    /// Bytes there will be.
    pub total: u64,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

/// Where an update comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Source {
    /// The repository, which signed it.
    Release {
        /// Which of its targets.
        target: Box<Target>,
    },
    /// A file of somebody who has a root shell here.
    UnsignedFile {
        /// Where it lies.
        path: String,
    },
}

/// What a person insists on, against what the node would do by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Insists {
    /// Not to wait for the hours.
    pub now: bool,
    /// A version that is older than what runs.
    pub older: bool,
    /// An update that failed here before.
    pub again: bool,
}

/// Who keeps an installation going.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Whoever asked for it and watches: it ends when they leave.
    Attended,
    /// The node, also after a reboot.
    Background,
}

/// What a journal's file came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// An installation to go on with.
    UnderWay(Box<Journal>),
    /// Nothing.
    Nothing,
    /// What only a newer firmware understands.
    Newer(u32),
    /// Bytes that are no journal.
    Corrupt,
}

impl Journal {
    /// Begins one.
    pub fn new(source: Source, slot: Slot, mode: Mode) -> Self {
        Self {
            schema: SCHEMA,
            source,
            slot,
            version: String::new(),
            header_sha256: String::new(),
            mode,
            insists: Insists::default(),
            done: 0,
            total: 0,
            unknown: Map::new(),
        }
    }

    /// Reads one.
    pub fn parse(text: &[u8]) -> Found {
        #[derive(Deserialize)]
        struct Shape {
            schema: u32,
        }
        if text.is_empty() {
            return Found::Nothing;
        }
        if text.len() > LONGEST {
            return Found::Corrupt;
        }
        match serde_json::from_slice::<Shape>(text) {
            Ok(shape) if shape.schema > SCHEMA => return Found::Newer(shape.schema),
            Ok(_) => {}
            Err(_) => return Found::Corrupt,
        }
        let journal = serde_json::from_slice(text).map(Box::new);
        journal.map_or(Found::Corrupt, Found::UnderWay)
    }

    /// Writes it.
    pub fn render(&self) -> Vec<u8> {
        // Maps with text for keys and plain numbers always have a JSON form.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Tells whether the node goes on with it by itself when it starts in a slot.
    pub fn goes_on(&self, running: Slot) -> bool {
        self.mode == Mode::Background && self.slot != running
    }

    /// Returns how much of it is on the slot, in hundredths.
    pub fn percent(&self) -> u32 {
        let percent = u128::from(self.done) * 100 / u128::from(self.total.max(1));
        u32::try_from(percent).unwrap_or(100).min(100)
    }
}

impl Source {
    /// Returns how a person calls it.
    pub fn name(&self) -> &str {
        match self {
            Self::Release { target } => &target.name,
            Self::UnsignedFile { path } => path,
        }
    }
}

#[cfg(test)]
mod tests {
    use semver::Version;

    use super::*;
    use crate::release::Custom;
    use crate::release::custom::Sha256;

    fn journal() -> Journal {
        let custom = Custom {
            architecture: "armv7".to_owned(),
            board: "generic-armv7".to_owned(),
            version: Version::new(1, 2, 0),
            minimum: Version::new(1, 0, 0),
            schema: 1,
            header_sha256: Sha256([7; 32]),
        };
        let name = "mesh-node-generic-armv7-1.2.0.update".to_owned();
        let file = format!("00.{name}");
        let target = Target { name, file, length: 9, sha256: Sha256([8; 32]), custom };
        let source = Source::Release { target: Box::new(target) };
        let mut journal = Journal::new(source, Slot::B, Mode::Background);
        (journal.done, journal.total) = (3, 4);
        journal.insists = Insists { again: true, ..Insists::default() };
        journal
    }

    fn text() -> Value {
        serde_json::from_slice(&journal().render()).unwrap()
    }

    #[test]
    fn a_journal_survives_the_disk() {
        let found = Journal::parse(&journal().render());

        assert_eq!(found, Found::UnderWay(Box::new(journal())));
    }

    #[test]
    fn an_unsigned_file_is_remembered_as_one() {
        let source = Source::UnsignedFile { path: "/tmp/a.update".to_owned() };
        let journal = Journal::new(source, Slot::A, Mode::Attended);

        let found = Journal::parse(&journal.render());

        assert_eq!(found, Found::UnderWay(Box::new(journal)));
    }

    #[test]
    fn nobody_insisted_on_anything_before_it_was_written_down() {
        let mut text = text();
        text.as_object_mut().unwrap().remove("insists");

        let Found::UnderWay(found) = Journal::parse(text.to_string().as_bytes()) else {
            panic!("it is understood");
        };

        assert_eq!(found.insists, Insists::default());
    }

    #[test]
    fn what_an_older_patch_of_this_shape_did_not_know_is_kept() {
        let mut text = text();
        text["colour"] = "red".into();

        let Found::UnderWay(found) = Journal::parse(text.to_string().as_bytes()) else {
            panic!("it is understood");
        };

        assert_eq!(found.unknown["colour"], "red");
        assert!(String::from_utf8(found.render()).unwrap().contains("colour"));
    }

    #[test]
    fn a_newer_shape_is_left_alone() {
        let mut text = text();
        text["schema"] = 2.into();
        text["source"] = "elsewhere".into();

        assert_eq!(Journal::parse(text.to_string().as_bytes()), Found::Newer(2));
    }

    #[test]
    fn garbage_is_no_journal() {
        let whole = journal().render();
        let torn = &whole[..whole.len() / 2];
        let endless = vec![b' '; LONGEST + 1];
        for text in [torn, b"{}", b"null", b"{\"schema\":1}", b"\xff", &endless] {
            assert_eq!(Journal::parse(text), Found::Corrupt, "{text:?}");
        }
        assert_eq!(Journal::parse(b""), Found::Nothing);
    }

    #[test]
    fn a_journal_of_the_running_slot_is_not_gone_on_with() {
        assert!(journal().goes_on(Slot::A));
        assert!(!journal().goes_on(Slot::B));
        assert!(!Journal { mode: Mode::Attended, ..journal() }.goes_on(Slot::A));
    }

    #[test]
    fn hundredths_stay_within_their_bounds() {
        let percent = |done, total| Journal { done, total, ..journal() }.percent();

        assert_eq!([percent(0, 0), percent(3, 4), percent(9, 4)], [0, 75, 100]);
    }
}
