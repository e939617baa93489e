//! The air time that measurements may take.

use std::time::Duration;

use spire_bridge::Uptime;

use crate::config::Measure;

const HOUR: Duration = Duration::from_secs(3_600);

/// The air time that was taken on one link and is not yet made up for.
///
/// It is made up for at such a pace that one measurement and what follows it within an hour stay within what an
/// hour may have, whenever the hour begins.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Spent {
    owed: Duration,
    as_of: Option<Uptime>,
}

impl Spent {
    /// Tells whether the next measurement may begin.
    pub(super) fn is_over(&self, settings: &Measure, now: Uptime) -> bool {
        self.owed_at(settings, now).is_zero()
    }

    /// Adds what a measurement took.
    pub(super) fn add(&mut self, took: Duration, settings: &Measure, now: Uptime) {
        self.owed = self.owed_at(settings, now).saturating_add(took);
        self.as_of = Some(now);
    }

    fn owed_at(&self, settings: &Measure, now: Uptime) -> Duration {
        let Some(as_of) = self.as_of else { return Duration::ZERO };
        let share = settings.air_time.saturating_sub(settings.duration).as_secs_f64();
        let made_up = now.since(as_of).mul_f64(share / HOUR.as_secs_f64());
        self.owed.saturating_sub(made_up)
    }
}
