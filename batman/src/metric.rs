//! The two routing algorithms and what each calls a good link.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// The routing algorithm of a mesh; the kernel fixes it when the mesh device is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoutingAlgorithm {
    /// B.A.T.M.A.N. IV, which measures packet loss.
    BatmanIv,
    /// B.A.T.M.A.N. V, which measures throughput.
    BatmanV,
}

impl RoutingAlgorithm {
    /// Both, in the order of their numbers.
    pub const ALL: [Self; 2] = [Self::BatmanIv, Self::BatmanV];

    /// Returns the kernel's name for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BatmanIv => "BATMAN_IV",
            Self::BatmanV => "BATMAN_V",
        }
    }
}

impl fmt::Display for RoutingAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is neither `BATMAN_IV` nor `BATMAN_V`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is no routing algorithm: BATMAN_IV or BATMAN_V is expected")]
pub struct UnknownAlgorithm(pub String);

impl FromStr for RoutingAlgorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|algorithm| algorithm.name() == text);
        known.ok_or_else(|| UnknownAlgorithm(text.to_owned()))
    }
}

/// A data rate. The kernel speaks of kbit/s in its tables and of 100 kbit/s in its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Throughput {
    kbit: u64,
}

impl Throughput {
    /// Takes kilobits per second.
    pub const fn from_kbit(kbit: u64) -> Self {
        Self { kbit }
    }

    /// Takes the settings' unit of 100 kbit/s.
    pub fn from_hundreds_of_kbit(hundreds: u32) -> Self {
        Self { kbit: u64::from(hundreds) * 100 }
    }

    /// Returns kilobits per second.
    pub const fn kbit(self) -> u64 {
        self.kbit
    }
}

impl fmt::Display for Throughput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} Mbit/s", self.kbit / 1000, self.kbit % 1000 / 100)
    }
}

/// How good a link is, in the measure of the mesh's algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkQuality {
    /// B.A.T.M.A.N. IV: transmit quality, 255 is a link without loss.
    Tq(u8),
    /// B.A.T.M.A.N. V: expected throughput.
    Throughput(Throughput),
}

impl fmt::Display for LinkQuality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tq(quality) => write!(f, "{quality}/255"),
            Self::Throughput(throughput) => throughput.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithm_reads_what_it_writes() {
        for algorithm in RoutingAlgorithm::ALL {
            assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
        }
        assert_eq!(
            "batman_v".parse::<RoutingAlgorithm>(),
            Err(UnknownAlgorithm("batman_v".to_owned()))
        );
    }

    #[test]
    fn settings_and_tables_meet_in_one_unit() {
        assert_eq!(Throughput::from_hundreds_of_kbit(10), Throughput::from_kbit(1000));
        assert_eq!(Throughput::from_hundreds_of_kbit(u32::MAX).kbit(), 429_496_729_500);
    }

    #[test]
    fn quality_is_told_in_its_own_measure() {
        assert_eq!(LinkQuality::Tq(251).to_string(), "251/255");
        assert_eq!(
            LinkQuality::Throughput(Throughput::from_kbit(12_345)).to_string(),
            "12.3 Mbit/s"
        );
    }
}
