//! The moment that has certainly passed while the node runs: what is written down for the next boot.

use spire_bridge::Uptime;
use spire_bridge::identity::WallTime;

/// A crystal is fast by far less than a thousandth, and nobody slews a clock by more.
const FASTEST: u64 = 1000;

/// A moment that has certainly passed, which nobody's setting of the wall clock moves.
///
/// It grows with the time since boot, and with every SVID: its beginning had come when it was signed. An SVID that
/// arrives in place of another was signed a moment ago: it also shows a clock that ran ahead, and what was written down
/// by one is given up for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    at: WallTime,
    since: Uptime,
    svid: Option<Validity>,
}

/// From when to when an SVID is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Its beginning.
    pub not_before: WallTime,
    /// Its end.
    pub not_after: WallTime,
}

impl Passed {
    /// Begins with what is known.
    pub const fn new(at: WallTime, now: Uptime) -> Self {
        Self { at, since: now, svid: None }
    }

    /// Returns the moment.
    pub fn at(&self, now: Uptime) -> WallTime {
        let since = now.since(self.since).as_secs();
        WallTime::from_unix(self.at.unix().saturating_add(since - since.div_ceil(FASTEST)))
    }

    /// Notes the SVID that the node holds.
    pub fn saw(&mut self, svid: Validity, now: Uptime) {
        let before = self.svid.replace(svid);
        if before == Some(svid) {
            return;
        }
        let at = self.at(now);
        // The first may have lain with an agent that outlived the node, without a server, past its end.
        let is_new = before.is_some();
        let ran_ahead = is_new && at > svid.not_after;
        self.at = if ran_ahead { svid.not_before } else { at.max(svid.not_before) };
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const TRUTH: u64 = 1_800_000_000;
    const HOUR: u64 = 3_600;

    fn uptime(seconds: u64) -> Uptime {
        Uptime::from_boot(Duration::from_secs(seconds))
    }

    /// What a server signs at a moment, for an hour: it dates back for clocks that are behind.
    fn signed(at: u64) -> Validity {
        let (not_before, not_after) = (at - 10, at + HOUR);
        Validity {
            not_before: WallTime::from_unix(not_before),
            not_after: WallTime::from_unix(not_after),
        }
    }

    #[test]
    fn time_passes_without_a_wall_clock() {
        let passed = Passed::new(WallTime::from_unix(TRUTH), uptime(100));

        assert_eq!(passed.at(uptime(100)).unix(), TRUTH);
        assert_eq!(passed.at(uptime(10_100)).unix(), TRUTH + 9_990);
        assert_eq!(passed.at(uptime(7)).unix(), TRUTH);
    }

    #[test]
    fn an_svid_that_lies_with_the_agent_past_its_end_lowers_nothing() {
        let mut passed = Passed::new(WallTime::from_unix(TRUTH), uptime(0));

        passed.saw(signed(TRUTH - 2 * HOUR), uptime(1));
        passed.saw(signed(TRUTH - 2 * HOUR), uptime(2));

        assert_eq!(passed.at(uptime(2)).unix(), TRUTH);
    }

    #[test]
    fn an_outage_longer_than_an_svid_lowers_nothing() {
        let mut passed = Passed::new(WallTime::from_unix(TRUTH), uptime(0));
        passed.saw(signed(TRUTH), uptime(0));

        let after = 5 * HOUR;
        passed.saw(signed(TRUTH), uptime(after));
        passed.saw(signed(TRUTH + after), uptime(after));

        assert_eq!(passed.at(uptime(after)).unix(), TRUTH + after - 10);
    }

    /// Something that happens to a router.
    #[derive(Clone, Copy, Debug)]
    enum Happening {
        /// It runs for a while.
        Runs(u64),
        /// Its agent gets another SVID.
        Rotates,
        /// Its node, or all of it, starts anew from what was written down.
        StartsAnew,
    }

    fn happenings() -> impl Strategy<Value = Vec<Happening>> {
        let one = prop_oneof![
            (0..5 * HOUR).prop_map(Happening::Runs),
            Just(Happening::Rotates),
            Just(Happening::StartsAnew),
        ];
        proptest::collection::vec(one, 0..40)
    }

    /// Lives through it, with a crystal that is fast by half a thousandth; tells the truth and the moment after each.
    fn live(started: u64, happenings: &[Happening]) -> Vec<(u64, u64, Happening)> {
        let (mut truth, mut ticks) = (TRUTH, 50);
        let mut passed = Passed::new(WallTime::from_unix(started), uptime(ticks));
        let mut told = Vec::new();
        for happening in happenings {
            match happening {
                Happening::Runs(seconds) => {
                    truth += seconds;
                    ticks += seconds + seconds / 2_000;
                }
                Happening::Rotates => passed.saw(signed(truth), uptime(ticks)),
                Happening::StartsAnew => {
                    passed = Passed::new(passed.at(uptime(ticks)), uptime(ticks));
                }
            }
            told.push((truth, passed.at(uptime(ticks)).unix(), *happening));
        }
        told
    }

    proptest! {
        #[test]
        fn it_is_never_in_the_future_and_never_goes_back(
            behind in 0..TRUTH / 2,
            happenings in happenings(),
        ) {
            let mut last = TRUTH - behind;

            for (truth, passed, happening) in live(last, &happenings) {
                prop_assert!(passed <= truth, "{happening:?}: {passed} at {truth}");
                prop_assert!(passed >= last, "{happening:?}: {passed} after {last}");
                last = passed;
            }
        }

        #[test]
        fn two_svids_undo_a_clock_that_ran_ahead(
            ahead in 0..100 * 365 * 24 * HOUR,
            mut happenings in happenings(),
        ) {
            use Happening::{Rotates, Runs};
            happenings.extend([Rotates, Runs(HOUR / 2), Rotates]);

            let (truth, passed, _) = live(TRUTH + ahead, &happenings).pop().unwrap();

            prop_assert!(passed <= truth + HOUR, "{passed} at {truth}");
            prop_assert!(passed >= truth - 10, "{passed} at {truth}");
        }
    }
}
