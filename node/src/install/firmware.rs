//! What this router runs, as updates call it.

use image::Architecture;
use image::slot::Slot;
use image::update::{Facts, Target};
use semver::Version;

use crate::release::Running;

/// What runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firmware {
    /// The processor architecture.
    pub architecture: Architecture,
    /// The board.
    pub board: String,
    /// The version of the image.
    pub version: Version,
}

/// What a slot's header says of what is on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The processor architecture that it is for.
    pub architecture: String,
    /// The board.
    pub board: String,
    /// The version.
    pub version: Version,
}

impl From<&Facts> for Said {
    fn from(facts: &Facts) -> Self {
        let (architecture, board) = (facts.architecture.clone(), facts.board.clone());
        Self { architecture, board, version: facts.version.clone() }
    }
}

impl Firmware {
    /// Takes what the running slot says of itself; without that, what this program knows.
    ///
    /// A slot that is for another processor than the one that runs says nothing that could be believed.
    pub fn new(slot: Option<Said>, architecture: Architecture, program: Version) -> Self {
        let ours = slot.filter(|said| said.architecture == architecture.name());
        let board = format!("generic-{architecture}");
        let (board, version) = ours.map_or((board, program), |said| (said.board, said.version));
        Self { architecture, board, version }
    }

    /// Returns what a release's updates are held against. `schema` is that of the data on this router.
    pub fn running(&self, schema: u32) -> Running {
        Running {
            architecture: self.architecture.to_string(),
            board: self.board.clone(),
            version: self.version.clone(),
            schema,
        }
    }

    /// Returns what an update's header is held against before anything is written to a slot.
    pub fn target(&self, slot: Slot, accepts_older: bool) -> Target {
        Target {
            architecture: self.architecture,
            board: self.board.clone(),
            running: self.version.clone(),
            accepts_older,
            slot,
            root: 0,
            boot: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(architecture: &str) -> Said {
        let (architecture, board) = (architecture.to_owned(), "quiet-box".to_owned());
        Said { architecture, board, version: Version::new(2, 1, 0) }
    }

    #[test]
    fn the_running_slot_knows_what_it_is() {
        let slot = said("armv7");

        let firmware = Firmware::new(Some(slot), Architecture::Armv7, Version::new(0, 1, 0));

        assert_eq!(firmware.board, "quiet-box");
        assert_eq!(firmware.version, Version::new(2, 1, 0));
    }

    #[test]
    fn without_a_slot_the_program_speaks_for_itself() {
        for slot in [None, Some(said("x86_64"))] {
            let firmware = Firmware::new(slot, Architecture::Armv7, Version::new(0, 1, 0));

            assert_eq!(firmware.board, "generic-armv7");
            assert_eq!(firmware.version, Version::new(0, 1, 0));
        }
    }
}
