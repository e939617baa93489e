//! When it is, and whether metadata has expired by then.

use std::fmt;

use spire_bridge::identity::WallTime;

use super::{Refusal, Role};

/// 2038-01-19, when seconds since 1970 outgrow 31 bits.
const END_OF_32_BITS: WallTime = WallTime::from_unix(1 << 31);

/// What this router knows about the time.
///
/// The wall clock of a router without a battery starts anywhere; the floor is a moment that has certainly passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Now {
    /// What the wall clock says.
    pub wall: WallTime,
    /// A moment that is not in the future.
    pub floor: WallTime,
    /// Where the floor came from, such as `build` or `persisted`.
    pub floor_source: String,
}

/// Which clock a decision rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeSource {
    /// The wall clock.
    Wall,
    /// The clock floor, and where that came from.
    Floor(String),
}

impl fmt::Display for TimeSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wall => f.write_str("the wall clock"),
            Self::Floor(source) => write!(f, "the clock floor ({source})"),
        }
    }
}

impl Now {
    /// Returns the latest moment that has certainly come, as far as this router can tell, and who says so.
    pub fn latest(&self) -> (WallTime, TimeSource) {
        if self.wall >= self.floor {
            (self.wall, TimeSource::Wall)
        } else {
            (self.floor, TimeSource::Floor(self.floor_source.clone()))
        }
    }

    /// Checks that the libraries of a processor with words of this many bits can tell the wall clock's time: where they
    /// cannot, asking for it would end the program, and `tough` asks without need.
    ///
    /// # Errors
    ///
    /// Refuses times from 2038 on with less than 64 bits.
    pub fn check_width(&self, bits: u32) -> Result<(), Refusal> {
        if bits < 64 && self.wall >= END_OF_32_BITS {
            return Err(Refusal::ClockRanAway { wall: self.wall });
        }
        Ok(())
    }

    /// Checks one role's expiry; metadata is good until the second before it.
    ///
    /// # Errors
    ///
    /// Refuses what has expired by the latest moment known.
    pub fn check(&self, role: Role, expires: WallTime) -> Result<(), Refusal> {
        let (now, clock) = self.latest();
        if now < expires { Ok(()) } else { Err(Refusal::Expired { role, expires, now, clock }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPIRES: WallTime = WallTime::from_unix(1_800_000_000);

    fn check(wall: u64, floor: u64) -> Result<(), Refusal> {
        let now = Now {
            wall: WallTime::from_unix(wall),
            floor: WallTime::from_unix(floor),
            floor_source: "build".to_owned(),
        };
        now.check(Role::Timestamp, EXPIRES)
    }

    fn expired(now: u64, clock: TimeSource) -> Result<(), Refusal> {
        let now = WallTime::from_unix(now);
        Err(Refusal::Expired { role: Role::Timestamp, expires: EXPIRES, now, clock })
    }

    #[test]
    fn router_in_1970_takes_what_was_good_at_its_floor() {
        assert_eq!(check(12, 1_790_000_000), Ok(()));
    }

    #[test]
    fn router_in_1970_refuses_what_had_expired_at_its_floor() {
        let floor = TimeSource::Floor("build".to_owned());

        assert_eq!(check(12, 1_800_000_000), expired(1_800_000_000, floor));
    }

    #[test]
    fn clock_that_a_small_processor_cannot_tell_is_not_asked() {
        let at = |wall: u64| Now {
            wall: WallTime::from_unix(wall),
            floor: WallTime::from_unix(0),
            floor_source: "build".to_owned(),
        };

        assert_eq!(at((1 << 31) - 1).check_width(32), Ok(()));
        assert_eq!(at(1 << 31).check_width(64), Ok(()));
        let wall = WallTime::from_unix(1 << 31);
        assert_eq!(at(1 << 31).check_width(32), Err(Refusal::ClockRanAway { wall }));
    }

    #[test]
    fn wall_clock_counts_once_it_is_past_the_floor() {
        assert_eq!(check(1_799_999_999, 1_790_000_000), Ok(()));
        assert_eq!(check(1_800_000_001, 1_790_000_000), expired(1_800_000_001, TimeSource::Wall));
    }
}
