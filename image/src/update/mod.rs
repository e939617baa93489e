//! Updates: one file per architecture and board, how it is made, and how it gets onto a slot.
//!
//! A file is `MESHIMG1`, the length of the header as a little-endian `u32`, the [`Header`] as JSON, and the stored
//! chunks of the root file system and then of the boot file system. Each chunk is checked before it is written; the
//! header stays behind on the slot as its [`tail`], by which the slot can be [verified](verify) with nothing else.

pub mod build;
pub mod digest;
pub mod header;
pub mod install;
pub mod installer;
pub mod tail;
pub mod verify;

pub use build::build;
pub use digest::Digest;
pub use header::{Facts, Header, Part};
pub use install::Install;
pub use installer::{Installer, Refusal, Target};

use crate::block::BlockDevice;

/// The two partitions of a slot.
#[derive(Debug)]
pub struct Devices<D> {
    /// Kernel and environment.
    pub boot: D,
    /// The root file system.
    pub root: D,
}

impl<D: BlockDevice> Devices<D> {
    /// One of the two.
    pub const fn part(&self, part: Part) -> &D {
        match part {
            Part::Root => &self.root,
            Part::Boot => &self.boot,
        }
    }

    /// One of the two, to be written to.
    pub const fn part_mut(&mut self, part: Part) -> &mut D {
        match part {
            Part::Root => &mut self.root,
            Part::Boot => &mut self.boot,
        }
    }
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
