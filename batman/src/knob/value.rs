use std::{fmt, time::Duration};

use crate::Throughput;

/// A value of a knob, with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// On or off.
    Switch(bool),
    /// A plain number.
    Number(u32),
    /// Bits that are written in hexadecimal.
    Mask(Mask),
    /// A time, in whole milliseconds.
    Time(Duration),
    /// A data rate, in whole hundreds of kbit/s.
    Rate(Throughput),
    /// Whether a node is a gateway.
    Gateway(GatewayMode),
    /// Kinds of debug messages.
    Log(LogLevel),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch(on) => f.write_str(if *on { "on" } else { "off" }),
            Self::Number(number) => number.fmt(f),
            Self::Mask(mask) => mask.fmt(f),
            Self::Time(time) => write!(f, "{}ms", time.as_millis()),
            Self::Rate(rate) => rate.fmt(f),
            Self::Gateway(mode) => mode.fmt(f),
            Self::Log(level) => level.fmt(f),
        }
    }
}

/// The unit and the range of a knob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// On or off.
    Switch,
    /// A number between these, both included.
    Number {
        /// The smallest.
        least: u32,
        /// The largest.
        most: u32,
    },
    /// Any 32 bits.
    Mask,
    /// A time between these, both included, in whole milliseconds.
    Time {
        /// The shortest; the kernel takes anything shorter for this.
        least: Duration,
        /// The longest.
        most: Duration,
    },
    /// A data rate from this one on, in whole hundreds of kbit/s.
    Rate {
        /// The slowest.
        least: Throughput,
    },
    /// One of the gateway modes.
    Gateway,
    /// A set of kinds of debug messages.
    Log,
}

impl Kind {
    /// The fastest rate that 32 bits of 100 kbit/s can say.
    pub const FASTEST: Throughput = Throughput::from_kbit(u32::MAX as u64 * 100);

    /// Tells whether a value is of this kind and within its range.
    pub fn takes(self, value: Value) -> bool {
        match (self, value) {
            (Self::Number { least, most }, Value::Number(number)) => {
                (least..=most).contains(&number)
            }
            (Self::Time { least, most }, Value::Time(time)) => {
                let is_whole = time.subsec_nanos().is_multiple_of(1_000_000);
                is_whole && (least..=most).contains(&time)
            }
            (Self::Rate { least }, Value::Rate(rate)) => {
                let is_whole = rate.kbit().is_multiple_of(100);
                is_whole && (least..=Self::FASTEST).contains(&rate)
            }
            (Self::Gateway, Value::Gateway(mode)) => !matches!(mode, GatewayMode::Other(_)),
            (Self::Log, Value::Log(level)) => level.0 & !LogLevel::ALL.0 == 0,
            (Self::Switch, Value::Switch(_)) | (Self::Mask, Value::Mask(_)) => true,
            _ => false,
        }
    }

    /// Returns the unit, as a table shows it.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Number { .. } => "number",
            Self::Mask => "bits",
            Self::Time { .. } => "time",
            Self::Rate { .. } => "rate",
            Self::Gateway => "word",
            Self::Log => "words",
        }
    }
}

impl fmt::Display for Kind {
    /// Writes the range.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch => f.write_str("on or off"),
            Self::Number { least, most } => write!(f, "{least} to {most}"),
            Self::Mask => write!(f, "{} to {}", Mask(0), Mask(u32::MAX)),
            Self::Time { least, most } => {
                write!(f, "{}ms to {}s", least.as_millis(), most.as_secs())
            }
            Self::Rate { least } => {
                write!(f, "{least} to {}, in steps of 0.1", Self::FASTEST)
            }
            Self::Gateway => f.write_str("off, client or server"),
            Self::Log => LogLevel::ALL.fmt(f),
        }
    }
}

/// Bits that are written in hexadecimal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mask(pub u32);

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

/// Whether a node is a gateway (enum batadv_gw_modes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GatewayMode {
    /// Neither a gateway nor a client of one.
    Off,
    /// Chooses a gateway among those it hears of.
    Client,
    /// Announces itself as a gateway.
    Server,
    /// A number without a name here.
    Other(u8),
}

impl From<u8> for GatewayMode {
    fn from(number: u8) -> Self {
        match number {
            0 => Self::Off,
            1 => Self::Client,
            2 => Self::Server,
            other => Self::Other(other),
        }
    }
}

impl From<GatewayMode> for u8 {
    fn from(mode: GatewayMode) -> Self {
        match mode {
            GatewayMode::Off => 0,
            GatewayMode::Client => 1,
            GatewayMode::Server => 2,
            GatewayMode::Other(number) => number,
        }
    }
}

impl fmt::Display for GatewayMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Client => f.write_str("client"),
            Self::Server => f.write_str("server"),
            Self::Other(number) => number.fmt(f),
        }
    }
}

/// The kinds of debug messages that are logged (enum batadv_dbg_level).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LogLevel(pub u32);

impl LogLevel {
    /// The kinds by name. Bit 32 was network coding's, which is gone.
    pub const NAMES: [(&str, u32); 7] = [
        ("batman", 1),
        ("routes", 2),
        ("tt", 4),
        ("bla", 8),
        ("dat", 16),
        ("mcast", 64),
        ("tp", 128),
    ];

    /// Every kind.
    pub const ALL: Self = Self(1 | 2 | 4 | 8 | 16 | 64 | 128);

    /// Returns the kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, bit)| Self(*bit))
    }

    /// Returns both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = Self::NAMES.iter().filter(|(_, bit)| self.0 & bit != 0);
        let names: Vec<_> = set.map(|(name, _)| *name).collect();
        let unnamed = self.0 & !Self::ALL.0;
        match (names.is_empty(), unnamed) {
            (true, 0) => f.write_str("none"),
            (false, 0) => f.write_str(&names.join(", ")),
            (true, bits) => write!(f, "{bits:#x}"),
            (false, bits) => write!(f, "{}, {bits:#x}", names.join(", ")),
        }
    }
}
