//! A number of bytes, written as people write it: `64 MiB`.

use std::fmt;

use serde::{Deserialize, de};

const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Size(pub u64);

impl Size {
    /// Makes a size of whole mebibytes.
    pub const fn mebibytes(count: u32) -> Self {
        Self((count as u64) << 20)
    }

    fn parse(text: &str) -> Option<Self> {
        let (unit, scale) = UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
        let count: u64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
        count.checked_mul(*scale).map(Self)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(_, scale)| self.0 >= *scale) {
            Some((unit, scale)) if self.0.is_multiple_of(*scale) => {
                write!(f, "{} {unit}", self.0 / scale)
            }
            Some((unit, scale)) => {
                let tenths = u128::from(self.0) * 10 / u128::from(*scale);
                write!(f, "{}.{} {unit}", tenths / 10, tenths % 10)
            }
            None => write!(f, "{} B", self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            de::Error::invalid_value(
                de::Unexpected::Str(&text),
                &"a whole number and a unit, KiB, MiB or GiB",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_unit() {
        let cases = [
            ("64 MiB", Some(64 << 20)),
            ("1GiB", Some(1 << 30)),
            ("8 KiB", Some(8 << 10)),
            ("64", None),
            ("64 MB", None),
            ("-1 MiB", None),
            ("1.5 GiB", None),
            ("99999999999999 GiB", None),
        ];

        for (text, expected) in cases {
            assert_eq!(Size::parse(text), expected.map(Size), "{text}");
        }
    }

    #[test]
    fn sizes_are_shown_in_their_largest_unit() {
        let cases = [(0, "0 B"), (1 << 20, "1 MiB"), (66_412_706, "63.3 MiB"), (1536, "1.5 KiB")];

        for (bytes, expected) in cases {
            assert_eq!(Size(bytes).to_string(), expected);
        }
    }
}
