//! How far something is, as it is told to those who watch.

use std::time::Duration;

use image::slot::Slot;
use spire_bridge::Uptime;

use super::pace::Pace;
use crate::proto::image::{Progress, Stage};

/// Nobody reads faster than this.
const STEP: Duration = Duration::from_millis(250);

/// Measures something that goes on.
#[derive(Clone, Debug)]
pub struct Meter {
    told: Progress,
    pace: Pace,
    last: Option<Uptime>,
}

impl Meter {
    /// Begins with something that concerns a slot.
    pub fn new(slot: Option<Slot>, now: Uptime) -> Self {
        let slot = slot.map(|slot| slot.to_string()).unwrap_or_default();
        let told = Progress { slot, ..Progress::default() };
        Self { told, pace: Pace::new(0, now), last: None }
    }

    /// Notes what it is about.
    pub fn learn(&mut self, version: String, total: u64) {
        (self.told.version, self.told.total_bytes) = (version, total);
    }

    /// Goes on to another stage, of which so many bytes are done already.
    pub fn enter(&mut self, stage: Stage, done: u64, now: Uptime) -> Progress {
        self.told.stage = stage.into();
        self.told.done_bytes = done;
        self.told.detail = String::new();
        self.pace = Pace::new(done, now);
        self.last = Some(now);
        (self.told.bytes_per_second, self.told.seconds_left) = (None, None);
        self.told.clone()
    }

    /// Waits for something.
    pub fn wait(&mut self, detail: String, now: Uptime) -> Progress {
        let done = self.told.done_bytes;
        self.enter(Stage::Waiting, done, now);
        self.told.detail = detail;
        self.told.clone()
    }

    /// Notes how far it is, and tells it if there is something new to tell.
    pub fn reach(&mut self, done: u64, now: Uptime) -> Option<Progress> {
        self.told.done_bytes = done;
        self.pace.reach(done, now);
        let is_due = self.last.is_none_or(|last| now.since(last) >= STEP);
        if !is_due && done < self.told.total_bytes {
            return None;
        }
        self.last = Some(now);
        self.told.bytes_per_second = self.pace.bytes_per_second();
        self.told.seconds_left = self.pace.left(self.told.total_bytes).map(|left| left.as_secs());
        Some(self.told.clone())
    }

    /// Comes to the end.
    pub fn end(&mut self, detail: String, now: Uptime) -> Progress {
        let total = self.told.total_bytes;
        self.enter(Stage::Done, total, now);
        self.told.detail = detail;
        self.told.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Uptime {
        Uptime::from_boot(Duration::from_millis(millis))
    }

    fn meter() -> Meter {
        let mut meter = Meter::new(Some(Slot::B), at(0));
        meter.learn("0.2.0".to_owned(), 10_000);
        meter.enter(Stage::Receiving, 0, at(0));
        meter
    }

    #[test]
    fn progress_is_told_at_most_four_times_a_second() {
        let mut meter = meter();

        let told = (1..=100).filter(|tick| meter.reach(tick * 10, at(tick * 10)).is_some());

        assert_eq!(told.count(), 4);
    }

    #[test]
    fn the_end_is_always_told() {
        let mut meter = meter();
        meter.reach(9_000, at(1_000));

        let told = meter.reach(10_000, at(1_001)).unwrap();

        assert_eq!((told.done_bytes, told.bytes_per_second), (10_000, Some(9_000)));
    }

    #[test]
    fn each_stage_is_measured_by_itself() {
        let mut meter = meter();
        meter.reach(10_000, at(1_000));

        let entered = meter.enter(Stage::ReadingBack, 0, at(1_000));
        let told = meter.reach(2_000, at(2_000)).unwrap();

        assert_eq!((entered.bytes_per_second, told.bytes_per_second), (None, Some(2_000)));
        assert_eq!((told.slot.as_str(), told.seconds_left), ("b", Some(4)));
    }

    #[test]
    fn waiting_says_what_for_and_keeps_what_is_done() {
        let mut meter = meter();
        meter.reach(3_000, at(1_000));

        let told = meter.wait("the hours".to_owned(), at(2_000));

        assert_eq!((told.stage(), told.done_bytes), (Stage::Waiting, 3_000));
        assert_eq!(told.detail, "the hours");
    }
}
