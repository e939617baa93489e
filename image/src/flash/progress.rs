//! How far a flash is, how fast, and how long it still takes.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::writing::Stage;
use crate::Size;

/// What a stage must have taken before its pace is worth telling.
const SETTLED: Duration = Duration::from_millis(500);

/// The pace of the stage that is under way.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    stage: Option<(Stage, Duration)>,
}

/// How far a flash is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// Bytes that are.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
    /// Bytes a second since the stage began; none while that is not known.
    pub rate: Option<u64>,
    /// Whole seconds that are left of the stage; none while that is not known.
    pub seconds_left: Option<u64>,
}

impl Pace {
    /// Takes note of how far the flash is at a time.
    pub fn advanced(&mut self, now: Duration, stage: Stage, done: u64, total: u64) -> Progress {
        let begun = match self.stage {
            Some((known, begun)) if known == stage => begun,
            _ => now,
        };
        self.stage = Some((stage, begun));
        let elapsed = now.saturating_sub(begun);
        let rate = (elapsed >= SETTLED)
            .then(|| u128::from(done) * 1000 / elapsed.as_millis())
            .and_then(|it| u64::try_from(it).ok())
            .filter(|it| *it > 0);
        let seconds_left = rate.map(|rate| total.saturating_sub(done).div_ceil(rate));
        Progress { stage, done, total, rate, seconds_left }
    }
}

impl Progress {
    /// Whether the stage is at its end.
    pub const fn is_complete(&self) -> bool {
        self.done >= self.total
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::Checking => "checking the image",
            Stage::Writing => "writing",
            Stage::Verifying => "reading back",
        };
        let percent = u128::from(self.done) * 100 / u128::from(self.total.max(1));
        write!(
            f,
            "{stage:<18} {percent:>3} %  {} of {}",
            mebibytes(self.done),
            mebibytes(self.total)
        )?;
        if let Some(rate) = self.rate {
            write!(f, "  {}/s", Size(rate))?;
        }
        match self.seconds_left {
            Some(left) if left > 0 => write!(f, "  {} left", Left(left)),
            _ => Ok(()),
        }
    }
}

struct Left(u64);

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 60, self.0 % 60) {
            (0, seconds) => write!(f, "{seconds} s"),
            (minutes, seconds) => write!(f, "{minutes} min {seconds:02} s"),
        }
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn check(steps: &[(u64, Stage, u64)], expected: &str) {
        let mut pace = Pace::default();

        let mut told = String::new();
        for (millis, stage, done) in steps {
            let now = Duration::from_millis(*millis);
            told = pace.advanced(now, *stage, done * MIB, 250 * MIB).to_string();
        }

        assert_eq!(told, expected);
    }

    #[test]
    fn pace_is_told_once_it_has_settled() {
        check(&[(0, Stage::Writing, 1)], "writing              0 %  1 MiB of 250 MiB");
        check(
            &[(0, Stage::Writing, 0), (2000, Stage::Writing, 50)],
            "writing             20 %  50 MiB of 250 MiB  25 MiB/s  8 s left",
        );
        check(
            &[(0, Stage::Writing, 0), (50_000, Stage::Writing, 50)],
            "writing             20 %  50 MiB of 250 MiB  1 MiB/s  3 min 20 s left",
        );
    }

    #[test]
    fn each_stage_has_a_pace_of_its_own() {
        check(
            &[
                (0, Stage::Writing, 250),
                (100_000, Stage::Verifying, 0),
                (100_100, Stage::Verifying, 9),
            ],
            "reading back         3 %  9 MiB of 250 MiB",
        );
    }

    #[test]
    fn whole_stage_has_nothing_left() {
        check(
            &[(0, Stage::Checking, 0), (1000, Stage::Checking, 250)],
            "checking the image 100 %  250 MiB of 250 MiB  250 MiB/s",
        );
    }

    #[test]
    fn clock_that_stands_still_gives_no_pace() {
        check(
            &[(5, Stage::Writing, 0), (5, Stage::Writing, 9), (1, Stage::Writing, 9)],
            "writing              3 %  9 MiB of 250 MiB",
        );
    }
}
