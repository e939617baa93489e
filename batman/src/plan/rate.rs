//! What B.A.T.M.A.N. V is told of a link's speed, where the kernel cannot know it.

use crate::Throughput;

/// What is known of a hard interface's speed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkRate {
    /// It is wireless, or the link below it is: the kernel asks the driver for each neighbour.
    pub wireless: bool,
    /// What the link itself says, as the kernel would hear it.
    pub own: Option<Throughput>,
    /// What the links below it say.
    pub lower: Option<Throughput>,
    /// What was measured over it: observing the mesh measures nothing, the caller adds it.
    pub measured: Option<Throughput>,
}

/// Where the throughput of a link comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateSource {
    /// The operator said so.
    Configuration(Throughput),
    /// The kernel knows it by itself; nothing is set.
    Kernel,
    /// The link below it says so.
    Lower(Throughput),
    /// It was measured.
    Measurement(Throughput),
    /// Nobody knows; the kernel takes 1 Mbit/s, and nothing is set.
    Nobody,
}

impl RateSource {
    /// Finds the throughput of a link: what the operator says, what the kernel finds by itself, what
    /// the link below says, what was measured, in this order.
    pub fn of(configured: Option<Throughput>, known: &LinkRate) -> Self {
        let is_known_to_kernel = known.wireless || known.own.is_some();
        match (configured, known.lower, known.measured) {
            (Some(rate), ..) => Self::Configuration(rate),
            _ if is_known_to_kernel => Self::Kernel,
            (None, Some(rate), _) => Self::Lower(rate),
            (None, None, Some(rate)) => Self::Measurement(rate),
            (None, None, None) => Self::Nobody,
        }
    }

    /// Returns what the override should be, in the kernel's steps of 100 kbit/s; nothing to leave it
    /// as it is.
    pub fn override_(self) -> Option<Throughput> {
        match self {
            Self::Configuration(rate) => Some(rate),
            Self::Lower(rate) | Self::Measurement(rate) => {
                let steps = u32::try_from(rate.kbit() / 100).unwrap_or(u32::MAX);
                // None at all would leave it to the kernel, which takes ten times as much.
                Some(Throughput::from_hundreds_of_kbit(steps.max(1)))
            }
            Self::Kernel | Self::Nobody => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn mbit(rate: u64) -> Throughput {
        Throughput::from_kbit(rate * 1000)
    }

    const ALL: LinkRate = LinkRate {
        wireless: false,
        own: Some(mbit(1000)),
        lower: Some(mbit(100)),
        measured: Some(mbit(93)),
    };

    #[test]
    fn configuration_goes_before_everything() {
        let source = RateSource::of(Some(mbit(10)), &LinkRate { wireless: true, ..ALL });

        assert_eq!(source, RateSource::Configuration(mbit(10)));
        assert_eq!(source.override_(), Some(mbit(10)));
    }

    #[test]
    fn configured_zero_leaves_it_to_the_kernel_for_good() {
        let silent = LinkRate { own: None, ..ALL };

        let source = RateSource::of(Some(mbit(0)), &silent);

        assert_eq!(source.override_(), Some(mbit(0)));
    }

    #[test]
    fn what_the_kernel_finds_by_itself_is_not_overridden() {
        let radio = LinkRate { wireless: true, own: None, ..ALL };

        for known in [ALL, radio] {
            assert_eq!(RateSource::of(None, &known), RateSource::Kernel);
            assert_eq!(RateSource::of(None, &known).override_(), None);
        }
    }

    #[test]
    fn link_below_goes_before_a_measurement() {
        let tunnel = LinkRate { own: None, ..ALL };
        let deep = LinkRate { lower: None, ..tunnel };

        assert_eq!(RateSource::of(None, &tunnel).override_(), Some(mbit(100)));
        assert_eq!(RateSource::of(None, &deep), RateSource::Measurement(mbit(93)));
        assert_eq!(RateSource::of(None, &LinkRate::default()), RateSource::Nobody);
        assert_eq!(RateSource::Nobody.override_(), None);
    }

    #[test]
    fn slow_measurement_is_never_said_as_none() {
        let slow = RateSource::Measurement(Throughput::from_kbit(40));

        assert_eq!(slow.override_(), Some(Throughput::from_kbit(100)));
        let odd = RateSource::Measurement(Throughput::from_kbit(12_345));
        assert_eq!(odd.override_(), Some(Throughput::from_kbit(12_300)));
    }
}
