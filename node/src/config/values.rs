use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use batman::{IfName, RoutingAlgorithm};
use spire_bridge::TrustDomain;
use spire_bridge::agent::ServerAddress;
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

use super::{LogFormat, LogLevel, OnStop};

words!(OnStop, "\"leave\" or \"remove\"", "leave" => OnStop::Leave, "remove" => OnStop::Remove);
words!(LogFormat, "\"text\" or \"json\"", "text" => LogFormat::Text, "json" => LogFormat::Json);
words!(
    LogLevel, "\"error\", \"warn\", \"info\", \"debug\" or \"trace\"",
    "error" => LogLevel::Error, "warn" => LogLevel::Warn, "info" => LogLevel::Info,
    "debug" => LogLevel::Debug, "trace" => LogLevel::Trace
);
