//! Boots every cut of every phase with the chooser's model and our own state machine.

use std::fmt;
use std::time::Duration;

use super::life::Phase;
use super::{Broken, Cut, Disk, Image, Machine, Places};
use crate::block::BlockDevice;
use crate::slot::Slot;

/// How often a machine is powered off and on again after a cut, without a verdict on what runs, before it must have
/// come to where a boot writes nothing any more.
const POWER_CYCLES: usize = 16;

/// Machines that the cuts are booted on: one with a watchdog, and one whose watchdog has gone with the power.
const WATCHDOGS: [Duration; 2] = [Duration::MAX, Duration::ZERO];

/// What a sweep came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Phases.
    pub phases: usize,
    /// Writes in them.
    pub writes: usize,
    /// Cuts.
    pub cuts: usize,
    /// Boots that were tried.
    pub boots: usize,
}

/// A cut after which something is broken.
#[derive(Debug, thiserror::Error)]
#[error("in phase {phase:?}, {cut}")]
pub struct Fault {
    /// What was done.
    pub phase: &'static str,
    /// Where it was cut.
    pub cut: Cut,
    /// What is broken.
    #[source]
    pub source: Broken,
}

/// Boots every cut of the phases: something boots, what boots is whole, the slot to fall back to was not written, what
/// was kept is there, and the machine comes to rest.
///
/// # Errors
/// [`Fault`] names the first cut after which that is not so.
pub fn sweep<B: BlockDevice>(
    phases: &[Phase<B>],
    places: &Places,
    seed: u64,
) -> Result<Count, Fault> {
    let mut count = Count { phases: phases.len(), ..Count::default() };
    for phase in phases {
        count.writes += phase.recording.events.len();
        for cut in phase.recording.cuts(seed) {
            for watchdog in WATCHDOGS {
                let checked = check(phase, places, cut, watchdog);
                count.boots +=
                    checked.map_err(|source| Fault { phase: phase.name, cut, source })?;
            }
            count.cuts += 1;
        }
    }
    Ok(count)
}

fn check<B: BlockDevice>(
    phase: &Phase<B>,
    places: &Places,
    cut: Cut,
    watchdog: Duration,
) -> Result<usize, Broken> {
    let proved = match phase.proved {
        Slot::A => [&places.boot[0], &places.root[0]],
        Slot::B => [&places.boot[1], &places.root[1]],
    };
    if proved.into_iter().any(|it| phase.recording.touches(it)) {
        return Err(Broken::ProvedWritten(phase.proved));
    }
    let mut machine = Machine { watchdog, ..machine(phase.recording.at(cut)?, places) };
    let mut boots = 0;
    for _ in 0..POWER_CYCLES {
        machine.disk.take_events();
        boots += machine.power_on()?;
        if !phase.kept.contains(&machine.kept()?) {
            return Err(Broken::KeepLost);
        }
        // A trial is counted at every boot; only a slot that proved itself boots without a write.
        if machine.disk.take_events().is_empty() && !machine.seen().is_on_trial() {
            return Ok(boots);
        }
    }
    Err(Broken::Restless)
}

/// A machine at power-on, with a watchdog.
pub fn machine<B: BlockDevice>(image: Image<B>, places: &Places) -> Machine<B> {
    let [watchdog, _] = WATCHDOGS;
    Machine { disk: Disk::new(image), places: places.clone(), running: Slot::A, watchdog }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { phases, writes, cuts, boots } = self;
        write!(
            f,
            "{cuts} power cuts in {phases} phases ({writes} writes and flushes), {boots} boots"
        )
    }
}
