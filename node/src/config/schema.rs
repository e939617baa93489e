use std::fmt;

use toml::de::{DeTable, DeValue};

use super::fault::Faults;

/// The key at the top of the file.
pub(super) const KEY: &str = "schema";

/// The shape of a configuration, counted up whenever an older firmware would misread a newer file.
///
/// A file of an older shape is read as what it meant then. Of a newer one, which a firmware meets after it was
/// rolled back, all that is known counts and the rest is overlooked; the file itself is never rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Schema(u32);

impl Schema {
    /// The shape that this firmware writes and knows whole.
    pub const CURRENT: Self = Self(1);

    /// Tells whether a newer firmware wrote it.
    pub fn is_newer(self) -> bool {
        self > Self::CURRENT
    }

    /// Reads the shape and makes the faults lenient if it is newer than this firmware.
    pub(super) fn read(root: &DeTable<'_>, faults: &mut Faults) -> Option<Self> {
        let Some(value) = root.get(KEY) else { return Some(Self::CURRENT) };
        let number = match value.get_ref() {
            DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        let Some(schema) = number.filter(|number| *number > 0).map(Self) else {
            faults.add(value.span(), format!("{KEY}: expected a number from 1"));
            return None;
        };
        if schema.is_newer() {
            faults.of_newer_firmware();
        }
        Some(schema)
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

pub(super) fn example() -> String {
    format!(
        "# The shape of this file. Of a newer one than it knows, mesh-node overlooks what it does not understand.\n\
         #{KEY} = {}\n",
        Schema::CURRENT
    )
}
