//! What was measured to one neighbour, newest last.

use std::time::Duration;

use batman::{MacAddr, Throughput};
use heapless::Deque;
use spire_bridge::Uptime;
use spire_bridge::identity::WallTime;

use super::{Target, Unmeasured, Wish};

/// So many results of a neighbour are kept.
const RESULTS: usize = 8;

/// Before there are so many earlier results nobody knows what is usual.
const USUAL: usize = 3;

/// What was found once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// When, since boot.
    pub at: Uptime,
    /// When, by the clock of the wall.
    pub wall: WallTime,
    /// What went through.
    pub throughput: Throughput,
    /// The bytes that were acknowledged.
    pub bytes: u64,
    /// How long that took.
    pub duration: Duration,
    /// The neighbour that led there; nothing if the way changed meanwhile.
    pub next_hop: Option<MacAddr>,
    /// Who wanted it.
    pub wish: Wish,
}

/// Less goes to a neighbour than used to: under half of the median of its earlier results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fall {
    /// What went through last.
    pub now: Throughput,
    /// The median of what went through before.
    pub usual: Throughput,
}

/// What was measured to one neighbour.
#[derive(Debug)]
pub struct History {
    /// The neighbour.
    pub target: Target,
    /// Why it could not be measured the last time, if so.
    pub failure: Option<String>,
    pub(super) failures: u32,
    pub(super) not_before: Uptime,
    results: Deque<Outcome, RESULTS>,
}

impl History {
    pub(super) fn new(target: Target) -> Self {
        let not_before = Uptime::from_boot(Duration::ZERO);
        Self { target, failure: None, failures: 0, not_before, results: Deque::new() }
    }

    /// Goes through the results, newest first.
    pub fn results(&self) -> impl Iterator<Item = &Outcome> {
        self.results.iter().rev()
    }

    /// Returns the newest result.
    pub fn newest(&self) -> Option<&Outcome> {
        self.results.back()
    }

    /// Returns the median of the earlier results, once there are enough of them.
    pub fn usual(&self) -> Option<Throughput> {
        let mut earlier: Vec<_> = self.results().skip(1).map(|it| it.throughput).collect();
        earlier.sort_unstable();
        (earlier.len() >= USUAL).then(|| earlier.get(earlier.len() / 2).copied()).flatten()
    }

    /// Finds whether less goes there than used to.
    pub fn fall(&self) -> Option<Fall> {
        let (now, usual) = (self.newest()?.throughput, self.usual()?);
        (now.kbit() < usual.kbit() / 2).then_some(Fall { now, usual })
    }

    /// Returns when something was last heard of it.
    pub(super) fn touched(&self) -> Uptime {
        self.newest().map_or(self.not_before, |newest| newest.at.max(self.not_before))
    }

    pub(super) fn push(&mut self, outcome: Outcome) {
        (self.failure, self.failures) = (None, 0);
        if self.results.is_full() {
            self.results.pop_front();
        }
        // There is room: the oldest has just gone.
        let _ = self.results.push_back(outcome);
    }

    pub(super) fn failed(&mut self, why: &Unmeasured, not_before: Uptime) {
        self.failure = Some(why.to_string());
        if matches!(why, Unmeasured::Failed(_)) {
            self.failures = self.failures.saturating_add(1);
        }
        self.not_before = not_before;
    }
}
