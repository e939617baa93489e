use std::num::{NonZeroU8, NonZeroU16};
use std::path::PathBuf;
use std::time::Duration;

use batman::{IfName, RoutingAlgorithm};
use spire_bridge::TrustDomain;
use spire_bridge::agent::ServerAddress;
use spire_bridge::identity::WallTime;
use spire_bridge::rule::Rule;
use toml::de::DeValue;

use super::key::Value;

impl Value for bool {
    const EXPECTED: &'static str = "true or false";

    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
        value.as_bool().ok_or(None)
    }
}

impl Value for NonZeroU16 {
    const EXPECTED: &'static str = "a number from 1 to 65535";

    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
        let number = value.as_integer().ok_or(None)?;
        let number = u16::from_str_radix(number.as_str(), number.radix()).map_err(|_| None)?;
        Self::new(number).ok_or(None)
    }
}

impl Value for NonZeroU8 {
    const EXPECTED: &'static str = "a number from 1 to 9";

    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
        let number = value.as_integer().ok_or(None)?;
        let number = u8::from_str_radix(number.as_str(), number.radix()).map_err(|_| None)?;
        Self::new(number).filter(|number| number.get() <= 9).ok_or(None)
    }
}

impl Value for PathBuf {
    const EXPECTED: &'static str = "an absolute path";

    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
        let path = Self::from(value.as_str().ok_or(None)?);
        if path.is_absolute() { Ok(path) } else { Err(None) }
    }
}

impl Value for Duration {
    const EXPECTED: &'static str = "a time of 100 ms to 1 h, such as \"500ms\", \"3s\" or \"2m\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
        let text = value.as_str().ok_or(None)?;
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(None),
        };
        let total = number.parse::<u64>().ok().and_then(|n| n.checked_mul(millis)).ok_or(None)?;
        let duration = Self::from_millis(total);
        let sane = Self::from_millis(100)..=Self::from_secs(3_600);
        if sane.contains(&duration) { Ok(duration) } else { Err(None) }
    }
}

/// Reads a string with the type's own parser and hands on its reason.
macro_rules! parsed_from_text {
    ($type:ty, $expected:literal $(, $words:expr)?) => {
        impl Value for $type {
            const EXPECTED: &'static str = $expected;
            $(const WORDS: &'static [&'static str] = $words;)?

            fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
                let text = value.as_str().ok_or(None)?;
                text.parse::<Self>().map_err(|error| Some(error.to_string()))
            }
        }
    };
}

parsed_from_text!(IfName, "the name of an interface");
parsed_from_text!(ServerAddress, "HOST:PORT");
parsed_from_text!(Rule, "a SPIFFE ID, in which * stands for one segment");

impl Value for RoutingAlgorithm {
    const EXPECTED: &'static str = "\"BATMAN_IV\" or \"BATMAN_V\"";
    const WORDS: &'static [&'static str] =
        &[RoutingAlgorithm::BatmanIv.name(), RoutingAlgorithm::BatmanV.name()];

    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
        value.as_str().and_then(|text| text.parse().ok()).ok_or(None)
    }
}

impl Value for TrustDomain {
    const EXPECTED: &'static str = "a trust domain, such as \"x0tta6bl4.mesh\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
        Self::new(value.as_str().ok_or(None)?).map_err(|error| Some(error.to_string()))
    }
}

impl<T: Value> Value for Vec<T> {
    const EXPECTED: &'static str = "a list that is not empty";

    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
        let items = value.as_array().ok_or(None)?;
        if items.is_empty() {
            return Err(None);
        }
        let read_item = |item: &DeValue<'_>| {
            T::read(item).map_err(|reason| {
                Some(reason.unwrap_or_else(|| format!("expected {}", T::EXPECTED)))
            })
        };
        items.iter().map(|item| read_item(item.get_ref())).collect()
    }
}

/// A name that can stand in a SPIFFE ID's path, in a host name and in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Takes a text that is 1 to 63 letters, digits, dots, dashes and underscores.
    pub fn new(text: &str) -> Option<Self> {
        let clean = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        let named = (1..=63).contains(&text.len()) && clean && !text.starts_with('.');
        named.then(|| Self(text.to_owned()))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for Name {
    const EXPECTED: &'static str = "a name of 1 to 63 letters, digits, dots, dashes or underscores";

    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
        value.as_str().and_then(Self::new).ok_or(None)
    }
}

/// A part of a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    percent: u8,
}

impl Share {
    /// Takes a number of hundredths, at most all of them.
    pub const fn from_percent(percent: u8) -> Option<Self> {
        if percent <= 100 { Some(Self { percent }) } else { None }
    }

    /// Returns the share of a number of things, rounded up.
    pub fn of(self, whole: u32) -> u32 {
        let part = (u64::from(whole) * u64::from(self.percent)).div_ceil(100);
        u32::try_from(part).unwrap_or(whole)
    }
}

impl Value for Share {
    const EXPECTED: &'static str = "a share from 0 to 1 in hundredths, such as 0.5";

    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
        let number = match value {
            DeValue::Float(number) => number.as_str(),
            DeValue::Integer(number) => number.as_str(),
            _ => return Err(None),
        };
        let (whole, hundredths) = number.split_once('.').unwrap_or((number, "0"));
        let hundredths = match hundredths.len() {
            1 => hundredths.parse::<u8>().ok().map(|tenths| tenths * 10),
            2 => hundredths.parse::<u8>().ok(),
            _ => None,
        };
        let percent = match whole {
            "0" => hundredths,
            "1" => hundredths.and_then(|rest| rest.checked_add(100)),
            _ => None,
        };
        percent.and_then(Self::from_percent).ok_or(None)
    }
}

/// A part of the day, UTC; one that ends before it begins goes over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    from: u32,
    to: u32,
}

impl Hours {
    /// Tells whether a moment is in it.
    pub fn contain(self, moment: WallTime) -> bool {
        let minute = u32::try_from(moment.unix() % 86_400 / 60).unwrap_or_default();
        if self.from <= self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

impl Value for Hours {
    const EXPECTED: &'static str = "a part of the day, UTC, such as \"01:00-05:30\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
        let minute = |text: &str| -> Option<u32> {
            let (hours, minutes) = text.split_once(':')?;
            let two_digits = hours.len() == 2 && minutes.len() == 2;
            let (hours, minutes) = (hours.parse::<u32>().ok()?, minutes.parse::<u32>().ok()?);
            (two_digits && hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
        };
        let (from, to) = value.as_str().and_then(|text| text.split_once('-')).ok_or(None)?;
        let hours = Self { from: minute(from).ok_or(None)?, to: minute(to).ok_or(None)? };
        if hours.from == hours.to { Err(Some("it is empty".to_owned())) } else { Ok(hours) }
    }
}

/// Where a repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository(String);

impl Repository {
    /// Returns its address, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for Repository {
    const EXPECTED: &'static str = "an address that starts with http:// or file:///";

    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
        let text = value.as_str().ok_or(None)?.trim_end_matches('/');
        let known = ["http://", "file:///"];
        let rest = known.iter().find_map(|scheme| text.strip_prefix(scheme)).ok_or(None)?;
        let clean = rest.bytes().all(|byte| byte.is_ascii_graphic());
        if clean && !rest.is_empty() { Ok(Self(text.to_owned())) } else { Err(None) }
    }
}

/// Gives an enum the words that stand for it in the file.
macro_rules! words {
    ($type:ty, $expected:literal, $($word:literal => $variant:path),+) => {
        impl Value for $type {
            const EXPECTED: &'static str = $expected;
            const WORDS: &'static [&'static str] = &[$($word),+];

            fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
                match value.as_str() {
                    $(Some($word) => Ok($variant),)+
                    _ => Err(None),
                }
            }
        }
    };
}

use super::{LogFormat, LogLevel, OnStop, Schedule};

words!(
    Schedule, "\"off\", \"wired\" or \"on\"",
    "off" => Schedule::Off, "wired" => Schedule::Wired, "on" => Schedule::On
);
words!(OnStop, "\"leave\" or \"remove\"", "leave" => OnStop::Leave, "remove" => OnStop::Remove);
words!(LogFormat, "\"text\" or \"json\"", "text" => LogFormat::Text, "json" => LogFormat::Json);
words!(
    LogLevel, "\"error\", \"warn\", \"info\", \"debug\" or \"trace\"",
    "error" => LogLevel::Error, "warn" => LogLevel::Warn, "info" => LogLevel::Info,
    "debug" => LogLevel::Debug, "trace" => LogLevel::Trace
);
