//! The kernel's settings as keys: names, sentences and ranges are batman's, the notation is ours.

use std::time::Duration;

use batman::knob::Kind;
use batman::{GatewayMode, Knob, LogLevel, Mask, Setting, Throughput, Value};
use toml::de::DeValue;

use crate::config::fault::Faults;
use crate::config::key::{Key, Preset};
use crate::config::section::{Expected, Section};

const LEFT: &str = "it is left as it is";

/// The key of a knob. The example shows the kernel's default.
pub(super) const fn key(knob: Knob) -> Key {
    let about = knob.about();
    let preset = Preset::Optional { example: default(knob), otherwise: LEFT };
    Key { name: about.name, doc: about.sentence, preset }
}

/// The kernel's default under B.A.T.M.A.N. IV, as it is written in the file.
pub(super) const fn default(knob: Knob) -> &'static str {
    match knob {
        Knob::Aggregation
        | Knob::BridgeLoopAvoidance
        | Knob::DistributedArpTable
        | Knob::Fragmentation => "true",
        Knob::ApIsolation | Knob::Bonding | Knob::MulticastForceflood | Knob::VlanApIsolation => {
            "false"
        }
        Knob::IsolationMark | Knob::IsolationMask => "0x0",
        Knob::GatewayMode => "\"off\"",
        Knob::GatewayDownload => "\"10 Mbit\"",
        Knob::GatewayUpload => "\"2 Mbit\"",
        Knob::GatewayClass => "20",
        Knob::HopPenalty => "30",
        Knob::LogLevel => "[]",
        Knob::MulticastFanout => "16",
        Knob::OriginatorInterval => "\"1s\"",
        Knob::InterfaceHopPenalty => "0",
        Knob::ElpInterval => "\"500ms\"",
        Knob::ThroughputOverride => "\"auto\"",
    }
}

/// Reads the settings that the operator gave, each within its range.
pub(super) fn read(
    section: &Section<'_>,
    keys: impl IntoIterator<Item = (Knob, &'static Key)>,
    faults: &mut Faults,
) -> Option<Vec<Setting>> {
    let mut settings = Vec::new();
    let mut is_whole = true;
    for (knob, key) in keys {
        let kind = knob.about().kind;
        let text = expected(kind);
        let words: &[&str] = match kind {
            Kind::Gateway => &["off", "client", "server"],
            _ => &[],
        };
        let expected = Expected { text: &text, words };
        match section.optional_as(key, &expected, |value| read_value(kind, value), faults) {
            Some(Some(value)) => settings.push(Setting { knob, value }),
            Some(None) => {}
            None => is_whole = false,
        }
    }
    is_whole.then_some(settings)
}

fn expected(kind: Kind) -> String {
    match kind {
        Kind::Switch => "true or false".to_owned(),
        Kind::Number { .. } => format!("a number from {kind}"),
        Kind::Mask => "32 bits, such as 0xff00".to_owned(),
        Kind::Time { .. } => format!("a time of {kind}, such as \"250ms\" or \"2s\""),
        Kind::Rate { least } if least.kbit() == 0 => {
            "bits a second in steps of 100 kbit, such as \"300 Mbit\", or \"auto\"".to_owned()
        }
        Kind::Rate { .. } => {
            "bits a second in steps of 100 kbit, such as \"500 kbit\" or \"20 Mbit\"".to_owned()
        }
        Kind::Gateway => format!("one of {kind}"),
        Kind::Log => format!("a list of words out of {kind}"),
    }
}

fn read_value(kind: Kind, value: &DeValue<'_>) -> Result<Value, Option<String>> {
    let text = value.as_str();
    let read = match kind {
        Kind::Switch => value.as_bool().map(Value::Switch),
        Kind::Number { .. } => number(value).map(Value::Number),
        Kind::Mask => number(value).map(|bits| Value::Mask(Mask(bits))),
        Kind::Time { .. } => text.and_then(time).map(Value::Time),
        Kind::Rate { .. } => text.and_then(rate).map(Value::Rate),
        Kind::Gateway => text.and_then(gateway).map(Value::Gateway),
        Kind::Log => levels(value).map(Value::Log),
    };
    read.filter(|value| kind.takes(*value)).ok_or(None)
}

fn number(value: &DeValue<'_>) -> Option<u32> {
    let number = value.as_integer()?;
    u32::from_str_radix(number.as_str(), number.radix()).ok()
}

fn quantity(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, unit.trim_start_matches(' ')))
}

fn time(text: &str) -> Option<Duration> {
    let (number, unit) = quantity(text)?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

fn rate(text: &str) -> Option<Throughput> {
    if text == "auto" {
        return Some(Throughput::from_kbit(0));
    }
    let (number, unit) = quantity(text)?;
    let kbit = match unit {
        "kbit" => 1,
        "Mbit" => 1_000,
        "Gbit" => 1_000_000,
        _ => return None,
    };
    number.checked_mul(kbit).map(Throughput::from_kbit)
}

fn gateway(text: &str) -> Option<GatewayMode> {
    match text {
        "off" => Some(GatewayMode::Off),
        "client" => Some(GatewayMode::Client),
        "server" => Some(GatewayMode::Server),
        _ => None,
    }
}

fn levels(value: &DeValue<'_>) -> Option<LogLevel> {
    let words = value.as_array()?.iter();
    let levels = words.map(|word| LogLevel::named(word.get_ref().as_str()?));
    levels
        .collect::<Option<Vec<_>>>()
        .map(|levels| levels.into_iter().fold(LogLevel::default(), LogLevel::and))
}

#[cfg(test)]
mod tests {
    use batman::RoutingAlgorithm;

    use super::*;

    #[test]
    fn shown_defaults_are_the_kernels() {
        for &knob in Knob::ALL {
            let shown = DeValue::parse(default(knob)).unwrap();

            let read = read_value(knob.about().kind, shown.get_ref());

            assert_eq!(read, Ok(knob.default(RoutingAlgorithm::BatmanIv)), "{knob}");
        }
    }

    #[test]
    fn values_out_of_range_or_of_another_kind_are_refused() {
        for (knob, text) in [
            (Knob::OriginatorInterval, "\"39ms\""),
            (Knob::OriginatorInterval, "\"4m\""),
            (Knob::OriginatorInterval, "1000"),
            (Knob::ElpInterval, "\"19ms\""),
            (Knob::HopPenalty, "256"),
            (Knob::HopPenalty, "-1"),
            (Knob::GatewayUpload, "\"0 Mbit\""),
            (Knob::GatewayUpload, "\"150 kbit\""),
            (Knob::GatewayUpload, "\"99999999999999999999 Gbit\""),
            (Knob::GatewayMode, "\"servant\""),
            (Knob::LogLevel, "[\"nc\"]"),
            (Knob::LogLevel, "\"tt\""),
            (Knob::Bonding, "1"),
            (Knob::IsolationMark, "0x100000000"),
        ] {
            let value = DeValue::parse(text).unwrap();
            assert_eq!(read_value(knob.about().kind, value.get_ref()), Err(None), "{knob} {text}");
        }
    }

    #[test]
    fn notations_of_the_same_value_are_the_same() {
        let read = |knob: Knob, text| {
            let value = DeValue::parse(text).unwrap();
            read_value(knob.about().kind, value.get_ref()).unwrap()
        };

        let rate = |text| read(Knob::ThroughputOverride, text);
        assert_eq!(rate("\"1 Gbit\""), rate("\"1000Mbit\""));
        assert_eq!(rate("\"0 kbit\""), rate("\"auto\""));
        assert_eq!(read(Knob::ElpInterval, "\"2s\""), read(Knob::ElpInterval, "\"2000ms\""));
        assert_eq!(read(Knob::IsolationMark, "0xff"), read(Knob::IsolationMark, "255"));
        let both = read(Knob::LogLevel, "[\"tt\", \"bla\"]");
        assert_eq!(both, Value::Log(LogLevel(4 | 8)));
    }
}
