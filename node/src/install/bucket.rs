//! Holds a download to a rate.

use std::time::Duration;

use spire_bridge::Uptime;

use crate::config::Rate;

/// A pause saves up no more than this: after one, an uplink is not flooded to catch up.
const BURST: Duration = Duration::from_millis(500);

/// A bucket that bytes fill and time empties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    rate: Option<Rate>,
    /// When everything taken so far would have come at the rate.
    even: Uptime,
}

impl Bucket {
    /// Makes an empty one; without a rate nothing is held back.
    pub const fn new(rate: Option<Rate>, now: Uptime) -> Self {
        Self { rate, even: now }
    }

    /// Takes bytes that have come, and returns how long to wait before the next are taken.
    pub fn take(&mut self, bytes: u64, now: Uptime) -> Duration {
        let Some(rate) = self.rate else { return Duration::ZERO };
        let saved = Uptime::from_boot(now.since_boot().saturating_sub(BURST));
        self.even = self.even.max(saved).after(rate.time_for(bytes));
        self.even.since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Uptime {
        Uptime::from_boot(Duration::from_millis(millis))
    }

    /// 8 kbit: a byte a millisecond.
    fn bucket(now: Uptime) -> Bucket {
        Bucket::new(Rate::from_kbit(8), now)
    }

    #[test]
    fn bytes_take_the_time_that_the_rate_gives_them() {
        let mut bucket = bucket(at(1_000));

        let waits = [(500, 1_000), (500, 1_500), (500, 2_000)]
            .map(|(bytes, now)| bucket.take(bytes, at(now)).as_millis());

        assert_eq!(waits, [500, 500, 500]);
    }

    #[test]
    fn who_does_not_wait_waits_longer_next_time() {
        let mut bucket = bucket(at(1_000));

        let waits = [100, 100, 100].map(|bytes| bucket.take(bytes, at(1_000)).as_millis());

        assert_eq!(waits, [100, 200, 300]);
    }

    #[test]
    fn a_long_pause_saves_up_no_more_than_a_burst() {
        let mut bucket = bucket(at(0));

        let wait = bucket.take(10_000, at(3_600_000));

        assert_eq!(wait, Duration::from_millis(9_500));
    }

    #[test]
    fn over_a_long_time_the_rate_is_held() {
        let mut bucket = bucket(at(0));
        let mut now = at(0);

        for _ in 0..1_000 {
            now = now.after(bucket.take(65_536, now));
        }

        assert_eq!(now, at(65_536_000));
    }

    #[test]
    fn without_a_rate_nothing_waits() {
        let mut bucket = Bucket::new(None, at(0));

        assert_eq!(bucket.take(u64::MAX, at(0)), Duration::ZERO);
    }
}
