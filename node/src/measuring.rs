//! Measuring the throughput to neighbours: what is due, who has the air, what was found and what follows from it.

pub mod air;
mod budget;
mod candidates;
mod history;

use std::time::Duration;

use batman::{IfName, MacAddr, Measurement, Throughput};
use heapless::Vec;
use spire_bridge::identity::WallTime;
use spire_bridge::{Uptime, doubling};

use crate::config::{Measure, Schedule};
use budget::Spent;
pub use candidates::{Candidate, candidates};
pub use history::{Fall, History, Outcome};

/// Of so many neighbours is kept what was measured. The schedule measures no more than that at a time; what a person
/// measures takes nobody's place.
pub const NEIGHBOURS: usize = 32;

/// What lasts shorter has not come up to speed, and says nothing of the link.
const TELLING: Duration = Duration::from_millis(500);

/// So many hard interfaces are accounted for.
const LINKS: usize = 16;

/// The waits before a neighbour is tried again that could not be measured.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(900);

/// A link's speed is taken for another when it was measured to differ by more than this, in percent.
const HYSTERESIS: u64 = 20;

/// A node at the other end of a hard interface.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// Our hard interface.
    pub interface: IfName,
    /// Its address as an originator.
    pub node: MacAddr,
}

/// Who wanted a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The schedule.
    Schedule,
    /// A person.
    Person,
}

/// How a measurement, or the attempt at one, ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Over which link to whom; nothing if no way was known.
    pub target: Option<Target>,
    /// The neighbour that led there all the while; nothing if the way changed.
    pub next_hop: Option<MacAddr>,
    /// Who wanted it.
    pub wish: Wish,
    /// The air time that it took.
    pub took: Duration,
    /// What was found, or why nothing was.
    pub outcome: Result<Measurement, Unmeasured>,
    /// The time of day.
    pub wall: WallTime,
}

/// Why nothing was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmeasured {
    /// Somebody in the neighbourhood measures: it goes another time.
    #[error("{0}")]
    Busy(String),
    /// Something is wrong.
    #[error("{0}")]
    Failed(String),
}

/// What is remembered of measurements.
#[derive(Debug, Default)]
pub struct Measuring {
    known: Vec<History, NEIGHBOURS>,
    spent: Vec<(IfName, Spent), LINKS>,
    rates: Vec<(IfName, Throughput), LINKS>,
    under_way: Option<(Target, Uptime)>,
    /// The neighbourhood was busy: until then the schedule asks nobody. There is one air for all neighbours.
    not_before: Option<Uptime>,
}

impl Measuring {
    /// Goes through what was measured to each neighbour.
    pub fn known(&self) -> impl Iterator<Item = &History> {
        self.known.iter()
    }

    /// Gives up who is no neighbour any more and was heard of the longest ago, if a neighbour needs the room.
    pub fn make_room(&mut self, candidates: &[Candidate]) {
        let is_known = |there: &Candidate| self.known.iter().any(|it| it.target == there.target);
        if !self.known.is_full() || candidates.iter().all(is_known) {
            return;
        }
        let is_there = |it: &History| candidates.iter().any(|there| there.target == it.target);
        let gone = self.known.iter().enumerate().filter(|(_, it)| !is_there(it));
        if let Some((place, _)) = gone.min_by_key(|(_, it)| it.touched()) {
            self.known.swap_remove(place);
        }
    }

    /// Decides whom to measure now: of those whose turn it is the one whose result is oldest.
    pub fn due(
        &self,
        settings: &Measure,
        candidates: &[Candidate],
        wireless: &[IfName],
        now: Uptime,
    ) -> Option<Target> {
        // One whose end was not heard for longer than any may last has been lost.
        let is_going = |since: Uptime| now.since(since) < air::LONGEST;
        let is_busy = self.under_way.as_ref().is_some_and(|(_, since)| is_going(*since));
        let is_waiting = self.not_before.is_some_and(|then| now < then);
        if settings.schedule == Schedule::Off || is_busy || is_waiting {
            return None;
        }
        let is_allowed = |link: &IfName| match settings.schedule {
            Schedule::Off => false,
            Schedule::Wired => !wireless.contains(link),
            Schedule::On => true,
        };
        let of = |target: &Target| self.known.iter().find(|it| it.target == *target);
        // One that took the place of another which comes round again would be measured without end.
        let has_room = !self.known.is_full();
        let due = candidates.iter().map(|candidate| &candidate.target).filter(|target| {
            let is_turn = of(target).map_or(has_room, |it| {
                let is_old = it.newest().is_none_or(|it| now.since(it.at) >= settings.interval);
                is_old && now >= it.not_before
            });
            is_turn && is_allowed(&target.interface) && self.has_air(target, settings, now)
        });
        let oldest = |target: &&Target| of(target).and_then(History::newest).map(|it| it.at);
        due.min_by_key(|target| (oldest(target), (*target).clone())).cloned()
    }

    /// Notes that the schedule has started one.
    pub fn began(&mut self, target: Target, now: Uptime) {
        self.under_way = Some((target, now));
    }

    /// Notes how one ended. `jitter` is a random number from 0 to 1: two that were in each other's way are not again.
    pub fn ended(&mut self, ended: Ended, settings: &Measure, jitter: f64, now: Uptime) {
        let started = match ended.wish {
            Wish::Schedule => self.under_way.take(),
            Wish::Person => None,
        };
        let started = started.map(|(target, _)| target);
        let Some(target) = ended.target.or(started) else { return };
        self.spend(&target.interface, ended.took, settings, now);
        let outcome = ended.outcome.and_then(|found| Ok((told(&found)?, found)));
        let has_place = !self.known.is_full() || self.known.iter().any(|it| it.target == target);
        if ended.wish == Wish::Person && (outcome.is_err() || !has_place) {
            return;
        }
        let Some(history) = self.history(target) else { return };
        match outcome {
            Err(why) => {
                let wait = match why {
                    // Until whoever measures is done, and those who wait with us had their turn or not.
                    Unmeasured::Busy(_) => settings.duration.max(FIRST_WAIT / 2),
                    Unmeasured::Failed(_) => doubling(FIRST_WAIT, LONGEST_WAIT, history.failures),
                };
                let then = now.after(wait.mul_f64(1.0 + jitter.clamp(0.0, 1.0)));
                history.failed(&why, then);
                if matches!(why, Unmeasured::Busy(_)) {
                    self.not_before = Some(then);
                }
            }
            Ok((throughput, found)) => history.push(Outcome {
                at: now,
                wall: ended.wall,
                throughput,
                bytes: found.bytes,
                duration: found.duration,
                next_hop: ended.next_hop,
                wish: ended.wish,
            }),
        }
    }

    /// Lists the neighbours to which less goes than used to.
    pub fn falls(&self, candidates: &[Candidate]) -> impl Iterator<Item = (&Target, Fall)> {
        let is_there = |target: &Target| candidates.iter().any(|it| it.target == *target);
        let there = self.known.iter().filter(move |it| is_there(&it.target));
        there.filter_map(|it| Some((&it.target, it.fall()?)))
    }

    /// Finds the speed of a link that nothing else tells: the most that went over it to any neighbour the last time,
    /// for a slow neighbour is no slow link. What is taken for it at the moment stays while that is about right.
    pub fn rate(
        &mut self,
        link: &IfName,
        set: Option<Throughput>,
        candidates: &[Candidate],
    ) -> Option<Throughput> {
        let here = candidates.iter().filter(|it| it.target.interface == *link);
        let newest = here.filter_map(|candidate| {
            let known = self.known.iter().find(|it| it.target == candidate.target)?;
            let newest = known.newest()?;
            // What was measured over another way says nothing of this link.
            (newest.next_hop == Some(candidate.next_hop)).then_some(newest.throughput)
        });
        let measured = newest.max();
        let taken = self.rates.iter_mut().find(|(known, _)| known == link);
        let before = taken.as_ref().map(|(_, rate)| *rate).or(set);
        let rate = match (before, measured) {
            (Some(before), Some(measured)) if !is_another(before, measured) => before,
            (Some(before), None) if taken.is_some() => before,
            (_, measured) => measured?,
        };
        match taken {
            Some((_, known)) => *known = rate,
            // Of a link beyond the bound nothing is remembered; its override follows every measurement.
            None => {
                let _ = self.rates.push((link.clone(), rate));
            }
        }
        Some(rate)
    }

    fn has_air(&self, target: &Target, settings: &Measure, now: Uptime) -> bool {
        let spent = self.spent.iter().find(|(link, _)| *link == target.interface);
        match spent {
            Some((_, spent)) => spent.is_over(settings, now),
            // A link beyond the bound is not measured: nobody accounts for it.
            None => !self.spent.is_full(),
        }
    }

    fn spend(&mut self, link: &IfName, took: Duration, settings: &Measure, now: Uptime) {
        if let Some((_, spent)) = self.spent.iter_mut().find(|(known, _)| known == link) {
            spent.add(took, settings, now);
            return;
        }
        self.spent.retain(|(_, spent)| !spent.is_over(settings, now));
        let mut spent = Spent::default();
        spent.add(took, settings, now);
        // Without room the schedule measures no link that is not accounted for.
        let _ = self.spent.push((link.clone(), spent));
    }

    /// Finds the history of a neighbour, or begins one in the place of the oldest.
    fn history(&mut self, target: Target) -> Option<&mut History> {
        let place = self.known.iter().position(|it| it.target == target).unwrap_or_else(|| {
            if self.known.is_full() {
                let oldest = self.known.iter().enumerate().min_by_key(|(_, it)| it.touched());
                let oldest = oldest.map_or(0, |(place, _)| place);
                self.known.swap_remove(oldest);
            }
            // There is room: one has just gone if there was none.
            let _ = self.known.push(History::new(target));
            self.known.len() - 1
        });
        self.known.get_mut(place)
    }
}

/// Tells what a measurement says of a link. The kernel calls one complete that was cancelled.
fn told(found: &Measurement) -> Result<Throughput, Unmeasured> {
    let throughput = found.throughput().filter(|it| it.kbit() > 0);
    let throughput = throughput.ok_or_else(|| Unmeasured::Failed("nothing went through".into()))?;
    if found.duration < TELLING {
        return Err(Unmeasured::Failed("it was over before it could tell".into()));
    }
    Ok(throughput)
}

/// Tells whether two rates differ by more than measurements do.
fn is_another(before: Throughput, now: Throughput) -> bool {
    let (before, now) = (u128::from(before.kbit()), u128::from(now.kbit()));
    before.abs_diff(now) * 100 > before * u128::from(HYSTERESIS)
}

#[cfg(test)]
mod tests;
