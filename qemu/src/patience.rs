//! How long to wait, when to say so, and when to stop waiting.

use std::time::Duration;

/// Waits shorter than this are not worth a line.
const QUIET: Duration = Duration::from_secs(2);

/// Lines about one wait are at least this far apart.
const BETWEEN_REPORTS: Duration = Duration::from_secs(2);

/// What to do after one more look has not shown what is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Look again.
    LookAgain,
    /// Tell a person what is being waited for, then look again.
    Report,
    /// Stop: the time is up.
    GiveUp,
}

/// What one look has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen<T> {
    /// What was waited for.
    Yes(T),
    /// Something else, described for the person who reads why the wait failed.
    NotYet(String),
}

impl Seen<()> {
    /// Sees what is waited for in a condition, and otherwise what `instead` describes.
    pub fn when(condition: bool, instead: impl FnOnce() -> String) -> Self {
        if condition { Self::Yes(()) } else { Self::NotYet(instead()) }
    }
}

/// One wait, with its limit.
#[derive(Clone, Debug)]
pub struct Patience {
    limit: Duration,
    next_report: Duration,
}

impl Patience {
    /// Starts a wait that ends after `limit`.
    pub fn new(limit: Duration) -> Self {
        Self { limit, next_report: QUIET }
    }

    /// Decides what comes next, `waited` after the start.
    pub fn next(&mut self, waited: Duration) -> Next {
        if waited >= self.limit {
            return Next::GiveUp;
        }
        if waited >= self.next_report {
            self.next_report = waited + BETWEEN_REPORTS;
            return Next::Report;
        }
        Next::LookAgain
    }

    /// Returns what is left of the limit, `waited` after the start.
    pub fn left(&self, waited: Duration) -> Duration {
        self.limit.saturating_sub(waited)
    }
}

/// How much slower than the reference machine this host is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slowness(f64);

impl Slowness {
    /// A host as fast as the limits were chosen for.
    pub const NONE: Self = Self(1.0);

    /// Reads a factor from 1 to 100, as in `MESH_LAB_SLOW=3`.
    pub fn parse(word: &str) -> Option<Self> {
        word.parse().ok().filter(|factor| (1.0..=100.0).contains(factor)).map(Self)
    }

    /// Stretches a limit.
    pub fn stretch(self, limit: Duration) -> Duration {
        limit.mul_f64(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_quiet_first_then_reports_now_and_then_and_ends() {
        let mut patience = Patience::new(Duration::from_secs(7));

        let decisions: Vec<Next> =
            (0..=7).map(|second| patience.next(Duration::from_secs(second))).collect();

        assert_eq!(
            decisions,
            [
                Next::LookAgain,
                Next::LookAgain,
                Next::Report,
                Next::LookAgain,
                Next::Report,
                Next::LookAgain,
                Next::Report,
                Next::GiveUp,
            ]
        );
    }

    #[test]
    fn slowness_stretches_limits_and_never_shortens_them() {
        let limit = Duration::from_secs(10);

        assert_eq!(Slowness::parse("2.5").unwrap().stretch(limit), Duration::from_secs(25));
        assert_eq!(Slowness::NONE.stretch(limit), limit);
        for refused in ["", "0", "0.5", "-1", "NaN", "inf", "101", "fast"] {
            assert_eq!(Slowness::parse(refused), None, "{refused}");
        }
    }
}
