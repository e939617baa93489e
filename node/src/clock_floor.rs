//! The clock floor: the moment before which it cannot be, for routers that wake up in 1970.

mod passed;

use std::fmt;

use serde::{Deserialize, Serialize};
use spire_bridge::identity::WallTime;

pub use passed::{Passed, Validity};

/// When this firmware was built, in seconds since 1970; the release's day where the build was not told
/// (`SOURCE_DATE_EPOCH`, set by the packer and by Buildroot).
pub const BUILT: WallTime = WallTime::from_unix(built(option_env!("SOURCE_DATE_EPOCH")));

/// 2026-11-22, when this version began.
const RELEASE_DAY: u64 = 1_795_305_600;

/// No firmware runs for 30 years after its build: a bit that flipped, or a clock without a battery that its firmware
/// takes for one in 2070, must not close the past for ever.
const LIFE: u64 = 30 * 365 * 24 * 60 * 60;

/// Why it cannot be earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// This firmware had been built.
    Build,
    /// The node had been running.
    Persisted,
    /// Somebody with a key of ours had signed something.
    Signed,
}

/// The moment before which it cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floor {
    /// The moment.
    pub at: WallTime,
    /// What proves it.
    pub source: Source,
}

/// What is known of the time without a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// When the firmware was built.
    pub built: WallTime,
    /// What the clock said when it was last written down.
    pub persisted: Option<WallTime>,
    /// The newest object with a good signature.
    pub signed: Option<WallTime>,
}

impl Known {
    /// Returns what a clock that woke up at this moment may be set to.
    ///
    /// What was signed says what the publisher's clock said, and may lie ahead by as much as metadata lasts (see
    /// `release::listing::issued`), far longer than an SVID. It moves no clock that stands past all that this router
    /// knows by itself; in 1970 it is the best there is.
    pub fn for_clock(self, wall: WallTime) -> Self {
        if wall < floor(self.own()).at { self } else { self.own() }
    }

    /// Returns what this router knows by itself.
    #[must_use]
    pub fn own(self) -> Self {
        Self { signed: None, ..self }
    }
}

/// Finds the latest moment that is proven to be past.
pub fn floor(known: Known) -> Floor {
    let proven = [(known.persisted, Source::Persisted), (known.signed, Source::Signed)];
    let proven = proven.into_iter().filter_map(|(at, source)| Some(Floor { at: at?, source }));
    let built = Floor { at: known.built, source: Source::Build };
    proven
        .filter(|floor| floor.at.remaining(known.built).as_secs() < LIFE)
        .fold(built, |latest, floor| if floor.at > latest.at { floor } else { latest })
}

/// Reads a moment that was written down as seconds since 1970.
pub fn read(text: &str) -> Option<WallTime> {
    text.trim().parse().ok().map(WallTime::from_unix)
}

const fn built(text: Option<&str>) -> u64 {
    let Some(text) = text else { return RELEASE_DAY };
    match u64::from_str_radix(text, 10) {
        Ok(seconds) => seconds,
        Err(_) => RELEASE_DAY,
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Build => "the firmware's build",
            Self::Persisted => "the time last written down",
            Self::Signed => "the newest signed release seen",
        })
    }
}

impl fmt::Display for Floor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.at, self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(persisted: Option<u64>, signed: Option<u64>, expected: (u64, Source)) {
        let moment = |seconds: Option<u64>| seconds.map(WallTime::from_unix);
        let known = Known {
            built: WallTime::from_unix(100),
            persisted: moment(persisted),
            signed: moment(signed),
        };

        let floor = floor(known);

        assert_eq!((floor.at.unix(), floor.source), expected);
    }

    #[test]
    fn the_latest_proof_counts() {
        check(None, None, (100, Source::Build));
        check(Some(99), Some(98), (100, Source::Build));
        check(Some(200), Some(150), (200, Source::Persisted));
        check(Some(200), Some(250), (250, Source::Signed));
    }

    fn raised(wall: u64, known: Known) -> u64 {
        let wall = WallTime::from_unix(wall);
        floor(known.for_clock(wall)).at.max(wall).unix()
    }

    #[test]
    fn a_publishers_fast_clock_moves_no_good_one() {
        let known = Known {
            built: WallTime::from_unix(100),
            persisted: Some(WallTime::from_unix(200)),
            signed: Some(WallTime::from_unix(9_000)),
        };

        assert_eq!(raised(200, known), 200);
        assert_eq!(raised(1_800, known), 1_800);
        assert_eq!(floor(known).at.unix(), 9_000, "it still counts against what expires");
    }

    #[test]
    fn a_clock_in_1970_is_set_to_all_that_is_known() {
        let known = Known {
            built: WallTime::from_unix(100),
            persisted: Some(WallTime::from_unix(200)),
            signed: Some(WallTime::from_unix(300)),
        };

        assert_eq!(raised(7, known), 300);
        assert_eq!(raised(150, known), 300);
        assert_eq!(raised(7, Known { signed: Some(WallTime::from_unix(150)), ..known }), 200);
    }

    #[test]
    fn a_clock_that_ran_away_proves_nothing() {
        for far in [u64::MAX, 100 + LIFE] {
            check(Some(far), Some(120), (120, Source::Signed));
        }
        check(Some(99 + LIFE), Some(120), (99 + LIFE, Source::Persisted));
    }

    #[test]
    fn a_moment_is_read_or_nothing() {
        assert_eq!(read("1795305600\n"), Some(WallTime::from_unix(1_795_305_600)));
        for bad in ["", "soon", "-1", "1e9"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_build_that_was_told_its_time_says_it() {
        assert_eq!(built(Some("1800000000")), 1_800_000_000);
        assert_eq!((built(None), built(Some("x"))), (RELEASE_DAY, RELEASE_DAY));
    }
}
