//! When a download may run: the hours of the configuration on a clock that may not know the time.

use std::fmt;
use std::time::Duration;

use spire_bridge::identity::WallTime;

use crate::config::Hours;
use crate::status::shortly;

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60;

/// What is known of the time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Somebody set it.
    Set(WallTime),
    /// It only shows how long the router has been up.
    NotTrusted,
}

/// Whether a download may run now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// It may.
    Open,
    /// Not yet.
    Shut {
        /// How long until it may.
        opens_in: Duration,
    },
    /// There are hours to keep, and nobody knows the time.
    Unknown,
}

impl Clock {
    /// Trusts a clock unless it stands where the boot put it for want of a better one, or before that.
    ///
    /// A clock that was raised to its floor at boot goes on from there; what it shows then is the time since the boot.
    pub fn judge(wall: WallTime, raised_to: Option<WallTime>, since_boot: Duration) -> Self {
        let Some(floor) = raised_to else { return Self::Set(wall) };
        // The boot takes a while before it looks at the clock; nobody sets one right by less than this.
        let free_running = floor.unix().saturating_add(since_boot.as_secs() + MINUTE);
        if wall.unix() <= free_running { Self::NotTrusted } else { Self::Set(wall) }
    }
}

impl Window {
    /// Looks whether the hours allow a download now.
    pub fn look(hours: Option<Hours>, clock: Clock) -> Self {
        let Some(hours) = hours else { return Self::Open };
        let Clock::Set(now) = clock else { return Self::Unknown };
        if hours.contain(now) {
            return Self::Open;
        }
        let minute = now.unix() / MINUTE;
        let moment = |minutes: &u64| WallTime::from_unix((minute + minutes) * MINUTE);
        let minutes = (1..=DAY).find(|minutes| hours.contain(moment(minutes))).unwrap_or(DAY);
        Self::Shut { opens_in: moment(&minutes).remaining(now) }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("downloads may run"),
            Self::Shut { opens_in } => {
                write!(f, "waits for the hours of [update], {} from now", shortly(*opens_in))
            }
            Self::Unknown => f.write_str("the clock is not trusted: the hours cannot be kept"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn hours(text: &str) -> Option<Hours> {
        let least =
            "[mesh]\nhard_interfaces = [\"eth1\"]\n[identity]\nserver = \"10.0.2.2:8081\"\n";
        let config = Config::parse(&format!("{least}[update]\nhours = \"{text}\"\n"));
        config.unwrap().update.hours
    }

    /// A moment of 2026-11-22.
    fn time(hour: u64, minute: u64, second: u64) -> WallTime {
        WallTime::from_unix(1_795_305_600 + hour * 3_600 + minute * 60 + second)
    }

    fn check(text: &str, now: WallTime, expected: Option<u64>) {
        let window = Window::look(hours(text), Clock::Set(now));

        let shut = |seconds| Window::Shut { opens_in: Duration::from_secs(seconds) };
        assert_eq!(window, expected.map_or(Window::Open, shut), "{text} at {now}");
    }

    #[test]
    fn downloads_wait_for_the_minute_in_which_the_hours_begin() {
        check("01:00-05:30", time(0, 59, 30), Some(30));
        check("01:00-05:30", time(1, 0, 0), None);
        check("01:00-05:30", time(5, 29, 59), None);
        check("01:00-05:30", time(5, 30, 0), Some(19 * 3_600 + 1_800));
    }

    #[test]
    fn hours_go_over_midnight() {
        check("22:00-04:00", time(23, 0, 0), None);
        check("22:00-04:00", time(3, 59, 59), None);
        check("22:00-04:00", time(12, 0, 0), Some(10 * 3_600));
    }

    #[test]
    fn without_hours_the_clock_does_not_matter() {
        assert_eq!(Window::look(None, Clock::NotTrusted), Window::Open);
    }

    #[test]
    fn hours_cannot_be_kept_by_a_clock_that_nobody_set() {
        assert_eq!(Window::look(hours("01:00-05:30"), Clock::NotTrusted), Window::Unknown);
    }

    #[test]
    fn a_clock_raised_at_boot_is_trusted_once_somebody_sets_it() {
        let floor = time(0, 0, 0);
        let hour = Duration::from_secs(3_600);

        assert_eq!(Clock::judge(time(1, 0, 5), Some(floor), hour), Clock::NotTrusted);
        assert_eq!(Clock::judge(time(9, 0, 0), Some(floor), hour), Clock::Set(time(9, 0, 0)));
        assert_eq!(Clock::judge(time(1, 0, 5), None, hour), Clock::Set(time(1, 0, 5)));
    }
}
