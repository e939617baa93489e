//! The two slots of a disk: which one boots, which one is on trial, and what is written to change that.
//!
//! EFI Boot Guard chooses between them by one file per slot, its [`environment`], which [`place`] finds on the disk.
//! [`chooser`] is a model of that choice, [`state`] plans every change, [`mend`] what rot makes necessary. Nothing here reads or writes by itself.

pub mod checksum;
pub mod chooser;
pub mod environment;
pub mod mend;
pub mod place;
pub mod state;
pub mod trial;
pub mod watchdog;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use environment::Environment;
pub use trial::Trial;

/// One of the two slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    /// The first on the disk.
    A,
    /// The second.
    B,
}

/// A name that is no slot's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no slot {0:?}: a or b")]
pub struct UnknownSlot(pub String);

impl Slot {
    /// Both.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// The one that this is not.
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// Its name in partition names and kernel parameters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }

    /// Fills the slot's name in where a text says `{slot}`.
    pub fn fill(self, template: &str) -> String {
        template.replace("{slot}", self.name())
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Slot {
    type Err = UnknownSlot;

    fn from_str(name: &str) -> Result<Self, UnknownSlot> {
        let slot = Self::ALL.into_iter().find(|it| it.name() == name);
        slot.ok_or_else(|| UnknownSlot(name.to_owned()))
    }
}
