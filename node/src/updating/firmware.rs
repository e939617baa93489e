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

impl Firmware {
    /// Takes what the running slot says of itself; without that, what this program knows.
    ///
    /// A slot that is for another processor than the one that runs says nothing that could be believed.
    pub fn new(slot: Option<&Facts>, architecture: Architecture, program: Version) -> Self {
        let ours = slot.filter(|facts| facts.architecture == architecture.name());
        let board = ours.map(|facts| facts.board.clone());
        Self {
            architecture,
            board: board.unwrap_or_else(|| format!("generic-{architecture}")),
            version: ours.map_or(program, |facts| facts.version.clone()),
        }
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
    use image::update::header::{KernelTemplate, PartFacts};

    use super::*;

    fn facts(architecture: &str) -> Facts {
        let part = PartFacts { size: 1, chunk: 512, chunks: Vec::new() };
        let kernel = KernelTemplate { file: "k".into(), parameters: String::new(), watchdog: 0 };
        Facts {
            format: 1,
            architecture: architecture.to_owned(),
            board: "quiet-box".to_owned(),
            version: Version::new(2, 1, 0),
            minimum: Version::new(1, 0, 0),
            schema: 1,
            built: 0,
            kernel,
            root: part.clone(),
            boot: part,
            environment: 0,
            mutable: Vec::new(),
        }
    }

    #[test]
    fn the_running_slot_knows_what_it_is() {
        let slot = facts("armv7");

        let firmware = Firmware::new(Some(&slot), Architecture::Armv7, Version::new(0, 1, 0));

        assert_eq!((firmware.board.as_str(), firmware.version), ("quiet-box", slot.version));
    }

    #[test]
    fn without_a_slot_the_program_speaks_for_itself() {
        let foreign = facts("x86_64");
        for slot in [None, Some(&foreign)] {
            let firmware = Firmware::new(slot, Architecture::Armv7, Version::new(0, 1, 0));

            assert_eq!(firmware.board, "generic-armv7");
            assert_eq!(firmware.version, Version::new(0, 1, 0));
        }
    }
}
