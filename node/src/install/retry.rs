//! Whether what failed is tried again, and when.

use std::time::Duration;

use spire_bridge::doubling;

/// The waits between attempts: the first, doubled each time up to the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// After the first failure.
    pub first: Duration,
    /// After many.
    pub longest: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self { first: Duration::from_secs(2), longest: Duration::from_secs(300) }
    }
}

/// Somebody who watches learns of a repository that stays away after a quarter of an hour.
const ATTENDED_ATTEMPTS: u32 = 9;

/// Each of them takes a minute and more.
const SLOW_ATTEMPTS: u32 = 4;

/// The same bytes that are wrong so often in a row are wrong at their source.
const WRONG_ATTEMPTS: u32 = 4;

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The repository could not be reached, or broke off.
    Unreachable,
    /// The repository sent less than it must.
    Slow,
    /// What came is not what was signed: perhaps damaged on its way.
    WrongBytes,
    /// Another attempt would end the same.
    Final,
}

/// Failures in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retry {
    waits: Waits,
    unreachable: u32,
    /// Not counted anew by what was reached: whoever trickles gets on as well.
    slow: u32,
    wrong: u32,
    reached: u64,
}

impl Retry {
    /// Begins without any.
    pub fn new(waits: Waits) -> Self {
        Self { waits, ..Self::default() }
    }

    /// Returns how long to wait before the next attempt; nothing if there is to be none.
    ///
    /// `reached` is how far it came: an attempt that got on starts the count anew. `jitter` is a random number from 0
    /// to 1 that keeps the routers of a fleet apart. Somebody who `watches` is told sooner.
    pub fn after(
        &mut self,
        failure: Failure,
        reached: u64,
        watches: bool,
        jitter: f64,
    ) -> Option<Duration> {
        if reached > self.reached {
            *self = Self { reached, slow: self.slow, ..Self::new(self.waits) };
        }
        let count = match failure {
            Failure::Unreachable => &mut self.unreachable,
            Failure::Slow => &mut self.slow,
            Failure::WrongBytes => &mut self.wrong,
            Failure::Final => return None,
        };
        *count += 1;
        let tires = self.unreachable >= ATTENDED_ATTEMPTS || self.slow >= SLOW_ATTEMPTS;
        let gives_up = (watches && tires) || self.wrong >= WRONG_ATTEMPTS;
        let failures = self.unreachable.max(self.slow).max(self.wrong).saturating_sub(1);
        let wait = doubling(self.waits.first, self.waits.longest, failures);
        (!gives_up).then(|| wait.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(failure: Failure, attempts: u64, watches: bool, step: u64) -> Vec<Option<u64>> {
        let mut retry = Retry::default();
        let wait = |attempt| retry.after(failure, attempt * step, watches, 1.0);
        (0..attempts).map(wait).map(|wait| wait.map(|it| it.as_secs())).collect()
    }

    #[test]
    fn the_waits_grow_up_to_their_bound_and_never_end_without_a_watcher() {
        let waits = waits(Failure::Unreachable, 20, false, 0);

        let first: Vec<u64> = waits.iter().take(9).flatten().copied().collect();
        assert_eq!(first, [2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert!(waits.iter().all(Option::is_some));
    }

    #[test]
    fn somebody_who_watches_is_told_in_the_end() {
        let waits = waits(Failure::Unreachable, 9, true, 0);

        assert_eq!((waits[7], waits[8]), (Some(256), None));
    }

    #[test]
    fn an_attempt_that_got_on_starts_anew() {
        let waits = waits(Failure::Unreachable, 30, true, 1);

        assert_eq!(waits[2..], [Some(2); 28]);
    }

    #[test]
    fn getting_on_slowly_is_no_getting_on() {
        let waits = waits(Failure::Slow, 4, true, 1);

        assert_eq!(waits, [Some(2), Some(4), Some(8), None]);
    }

    #[test]
    fn wrong_bytes_are_fetched_again_a_few_times() {
        let waits = waits(Failure::WrongBytes, 4, false, 0);

        assert_eq!(waits, [Some(2), Some(4), Some(8), None]);
    }

    #[test]
    fn what_would_end_the_same_is_not_tried_again() {
        assert_eq!(waits(Failure::Final, 1, false, 0), [None]);
    }

    #[test]
    fn a_fleet_does_not_come_back_together() {
        let wait = |jitter| Retry::default().after(Failure::Unreachable, 0, false, jitter);

        assert_eq!(wait(0.0), Some(Duration::from_secs(1)));
        assert_eq!(wait(0.5), Some(Duration::from_millis(1_500)));
    }
}
