//! Plays scenarios, several at a time where that changes nothing but the time it takes.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use qemu::io::progress::tell;
use qemu::io::site::Site;
use qemu::scenario::{Scenario, Stage, Way, groups};

/// Two routers and a server wait for one another most of the time: so many pairs keep two cores busy.
const LANES: usize = 2;

/// How a scenario went.
pub(crate) struct Outcome {
    pub(crate) name: &'static str,
    pub(crate) seconds: f64,
    pub(crate) failure: Option<String>,
}

/// Returns how many lanes this machine carries.
pub(crate) fn usual() -> NonZeroUsize {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new(cores.min(LANES)).unwrap_or(NonZeroUsize::MIN)
}

/// Plays those that are about time one after the other, and then the others in lanes. A failure does not keep the others from
/// being played.
pub(crate) fn play(
    site: &Site,
    scenarios: &[&'static Scenario],
    lanes: NonZeroUsize,
) -> Vec<Outcome> {
    let (timed, others): (Vec<_>, Vec<_>) = scenarios.iter().copied().partition(|it| is_timed(it));
    let mut stage = Stage::named("mesh".to_owned());
    let mut outcomes: Vec<Outcome> = timed.iter().map(|it| outcome(it, site, &mut stage)).collect();
    drop(stage);
    let waiting = Mutex::new(Waiting::new(&others));
    let played = Mutex::new(&mut outcomes);
    thread::scope(|scope| {
        for lane in 0..lanes.get() {
            let (waiting, played) = (&waiting, &played);
            let play = move || {
                let mut stage = Stage::named(format!("pair-{lane}"));
                let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next(lane);
                while let Some(scenario) = next() {
                    let outcome = outcome(scenario, site, &mut stage);
                    played.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
                }
            };
            let name = if lanes.get() == 1 { "main".to_owned() } else { format!("lane {lane}") };
            if let Err(error) = thread::Builder::new().name(name).spawn_scoped(scope, play) {
                tell(format_args!("no lane {lane}: {error}"));
            }
        }
    });
    let left = waiting.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.extend(left.all().map(|it| Outcome {
        name: it.name,
        seconds: 0.0,
        failure: Some("it was never played".to_owned()),
    }));
    outcomes
}

/// Those that nobody has begun, by whether they can use what the one before left.
struct Waiting {
    on_pair: VecDeque<&'static Scenario>,
    alone: VecDeque<&'static Scenario>,
}

impl Waiting {
    fn new(scenarios: &[&'static Scenario]) -> Self {
        let (alone, on_pair) = scenarios
            .iter()
            .copied()
            .partition(|it| matches!(it.way, Way::Alone(_) | Way::OnRig { .. }));
        Self { on_pair, alone }
    }

    /// Takes the next for a lane. Every other begins with those on a pair, so that the pair lives long.
    fn next(&mut self, lane: usize) -> Option<&'static Scenario> {
        let (first, then) = if lane.is_multiple_of(2) {
            (&mut self.on_pair, &mut self.alone)
        } else {
            (&mut self.alone, &mut self.on_pair)
        };
        first.pop_front().or_else(|| then.pop_front())
    }

    fn all(self) -> impl Iterator<Item = &'static Scenario> {
        self.on_pair.into_iter().chain(self.alone)
    }
}

fn is_timed(scenario: &Scenario) -> bool {
    let timed = groups().iter().filter(|group| group.is_timed);
    timed.flat_map(|group| group.scenarios).any(|it| it.name == scenario.name)
}

fn outcome<'site>(
    scenario: &'static Scenario,
    site: &'site Site,
    stage: &mut Stage<'site>,
) -> Outcome {
    tell(format_args!("{}: {} ...", scenario.name, scenario.claim));
    let start = Instant::now();
    let failure = scenario.run(site, stage).err().map(|error| format!("{error:#}"));
    let seconds = start.elapsed().as_secs_f64();
    match &failure {
        None => tell(format_args!("{}: passed, {seconds:.1} s", scenario.name)),
        Some(why) => tell(format_args!("{}: FAILED, {seconds:.1} s: {why}", scenario.name)),
    }
    Outcome { name: scenario.name, seconds, failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(lane: usize) -> Vec<&'static str> {
        let group = groups().iter().find(|group| group.name == "image").unwrap();
        let mut waiting = Waiting::new(&group.scenarios.iter().collect::<Vec<_>>());
        std::iter::from_fn(|| waiting.next(lane)).map(|it| it.name).collect()
    }

    #[test]
    fn every_lane_plays_all_if_no_other_does() {
        let (mut even, mut odd) = (order(0), order(1));
        assert_ne!(even, odd);

        even.sort_unstable();
        odd.sort_unstable();

        assert_eq!(even, odd);
    }

    #[test]
    fn the_first_lane_keeps_its_pair_as_long_as_somebody_needs_one() {
        let group = groups().iter().find(|group| group.name == "image").unwrap();
        let is_alone = |name: &&str| {
            let mut all = group.scenarios.iter();
            all.any(|it| it.name == *name && matches!(it.way, Way::Alone(_)))
        };

        assert!(order(0).iter().map(is_alone).is_sorted());
    }

    #[test]
    fn scenarios_about_time_are_the_mesh_group() {
        let timed: Vec<_> = groups().iter().filter(|it| it.is_timed).map(|it| it.name).collect();

        assert_eq!(timed, ["mesh"]);
    }
}
