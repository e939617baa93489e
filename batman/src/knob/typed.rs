//! The field types of the settings, between the kernel's numbers and [`Value`].

use std::time::Duration;

use super::{GatewayMode, LogLevel, Mask, Value};
use crate::Throughput;

/// A type that a knob's field can have.
pub(super) trait Typed: Copy {
    /// What the attribute holds.
    type Raw;

    fn from_kernel(raw: Self::Raw) -> Self;
    fn to_kernel(self) -> Self::Raw;
    fn to_value(self) -> Value;
    fn from_value(value: Value) -> Option<Self>;
}

macro_rules! typed {
    ($($type:ty, $raw:ty, $variant:ident, $from:expr, $to:expr;)+) => {$(
        impl Typed for $type {
            type Raw = $raw;

            fn from_kernel(raw: $raw) -> Self {
                $from(raw)
            }

            fn to_kernel(self) -> $raw {
                $to(self)
            }

            fn to_value(self) -> Value {
                Value::$variant(self.into())
            }

            fn from_value(value: Value) -> Option<Self> {
                match value {
                    Value::$variant(value) => value.try_into().ok(),
                    _ => None,
                }
            }
        }
    )+};
}

typed! {
    bool, bool, Switch, |raw| raw, |on| on;
    u8, u8, Number, |raw| raw, |number| number;
    u32, u32, Number, |raw| raw, |number| number;
    Mask, u32, Mask, Mask, |mask: Mask| mask.0;
    Duration, u32, Time, |raw: u32| Duration::from_millis(raw.into()), milliseconds;
    Throughput, u32, Rate, Throughput::from_hundreds_of_kbit, hundreds_of_kbit;
    GatewayMode, u8, Gateway, GatewayMode::from, u8::from;
    LogLevel, u32, Log, LogLevel, |level: LogLevel| level.0;
}

/// The kernel takes intervals of up to INT_MAX milliseconds.
fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

fn hundreds_of_kbit(rate: Throughput) -> u32 {
    u32::try_from(rate.kbit() / 100).unwrap_or(u32::MAX)
}
