use std::fmt;
use std::time::Duration;

use toml::de::DeValue;

use super::key::Value;

/// How many bits go by in a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    kbit: u32,
}

impl Rate {
    /// The least: slower than this an image takes longer than a release lasts.
    pub const LEAST: Self = Self { kbit: 8 };

    /// Takes a number of thousand bits a second; none of them is no rate.
    pub fn from_kbit(kbit: u32) -> Option<Self> {
        (kbit > 0).then_some(Self { kbit })
    }

    /// Returns how long this many bytes take.
    pub fn time_for(self, bytes: u64) -> Duration {
        let bits = u128::from(bytes) * 8;
        // A kilobit a second is a bit a millisecond.
        let micros = bits * 1_000 / u128::from(self.kbit);
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kbit {
            kbit if kbit.is_multiple_of(1_000) => write!(f, "{} Mbit", kbit / 1_000),
            kbit => write!(f, "{kbit} kbit"),
        }
    }
}

impl Value for Rate {
    const EXPECTED: &'static str = "bits a second from 8 kbit, such as \"512 kbit\" or \"4 Mbit\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
        let text = value.as_str().ok_or(None)?;
        let (number, unit) = text.split_once(' ').ok_or(None)?;
        let thousands = match unit {
            "kbit" => 1,
            "Mbit" => 1_000,
            "Gbit" => 1_000_000,
            _ => return Err(None),
        };
        let kbit = number.parse::<u32>().ok().and_then(|n| n.checked_mul(thousands));
        kbit.filter(|kbit| *kbit >= Self::LEAST.kbit).and_then(Self::from_kbit).ok_or(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Option<Rate> {
        Rate::read(DeValue::parse(text).unwrap().get_ref()).ok()
    }

    #[test]
    fn rates_know_their_units_and_bounds() {
        for (text, shown) in
            [("512 kbit", "512 kbit"), ("4 Mbit", "4 Mbit"), ("2000 kbit", "2 Mbit")]
        {
            assert_eq!(rate(&format!("\"{text}\"")).unwrap().to_string(), shown);
        }
        for bad in
            ["\"\"", "\"512\"", "\"7 kbit\"", "\"5000 Gbit\"", "\"1 mbit\"", "\"-1 Mbit\"", "512"]
        {
            assert_eq!(rate(bad), None, "{bad}");
        }
    }

    #[test]
    fn bytes_take_their_time() {
        let slow = Rate::from_kbit(8).unwrap();

        assert_eq!(slow.time_for(1_000), Duration::from_secs(1));
        assert_eq!(slow.time_for(0), Duration::ZERO);
    }
}
