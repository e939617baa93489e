//! How fast something goes, and when it will be done.

use std::time::Duration;

use spire_bridge::Uptime;

/// The rate is that of about this long: long enough not to jump, short enough to notice that it stalls.
const MEMORY: Duration = Duration::from_secs(10);

/// The least time between two measurements.
const STEP: Duration = Duration::from_millis(500);

/// A rate, measured as it goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Pace {
    since: Uptime,
    done: u64,
    bytes_per_second: Option<f64>,
}

impl Pace {
    /// Begins to measure.
    pub const fn new(done: u64, now: Uptime) -> Self {
        Self { since: now, done, bytes_per_second: None }
    }

    /// Notes how far it is.
    pub fn reach(&mut self, done: u64, now: Uptime) {
        let passed = now.since(self.since);
        if passed < STEP {
            return;
        }
        let fresh = precise(done.saturating_sub(self.done)) / passed.as_secs_f64();
        let weight = (passed.as_secs_f64() / MEMORY.as_secs_f64()).min(1.0);
        let rate = self.bytes_per_second.map_or(fresh, |old| old + (fresh - old) * weight);
        *self = Self { since: now, done, bytes_per_second: Some(rate) };
    }

    /// Returns bytes a second, once they are known.
    pub fn bytes_per_second(&self) -> Option<u64> {
        // A float turned into an integer stops at the integer's ends.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        self.bytes_per_second.map(|rate| rate as u64)
    }

    /// Returns the time that the rest will take, if there is an end to it.
    pub fn left(&self, total: u64) -> Option<Duration> {
        let rate = self.bytes_per_second()?.max(1);
        Some(Duration::from_secs(total.saturating_sub(self.done).div_ceil(rate)))
    }
}

/// The nearest float: files are shorter than what it holds exactly.
#[expect(clippy::cast_precision_loss, reason = "files are shorter than 8 PiB")]
fn precise(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Uptime {
        Uptime::from_boot(Duration::from_millis(millis))
    }

    #[test]
    fn nothing_is_known_before_it_was_measured() {
        let mut pace = Pace::new(0, at(0));
        pace.reach(100, at(100));

        assert_eq!((pace.bytes_per_second(), pace.left(1_000)), (None, None));
    }

    #[test]
    fn an_even_rate_tells_when_the_rest_is_done() {
        let mut pace = Pace::new(500, at(0));
        for second in 1..=5 {
            pace.reach(500 + 100 * second, at(1_000 * second));
        }

        assert_eq!(pace.bytes_per_second(), Some(100));
        assert_eq!(pace.left(2_000), Some(Duration::from_secs(10)));
    }

    #[test]
    fn what_was_there_before_does_not_count_as_speed() {
        let mut pace = Pace::new(1 << 20, at(0));
        pace.reach((1 << 20) + 10, at(1_000));

        assert_eq!(pace.bytes_per_second(), Some(10));
    }

    #[test]
    fn a_stall_shows_within_its_time() {
        let mut pace = Pace::new(0, at(0));
        pace.reach(1_000, at(1_000));
        pace.reach(1_000, at(11_000));

        assert_eq!(pace.bytes_per_second(), Some(0));
        assert_eq!(pace.left(2_000), Some(Duration::from_secs(1_000)));
    }
}
