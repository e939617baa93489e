//! Power cuts by lot, each booted by the real chooser.

use crate::io::power_cut::sweep;
use crate::io::progress::tell;
use crate::io::site::Site;
use crate::scenario::{Parts, Scenario, Way};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "power-cut",
    claim: "whatever write a power cut hits, the real chooser boots a whole slot, as its model says",
    parts: Parts::Release,
    way: Way::Alone(run),
};

/// Any number: the same cuts every time, so that a failure can be looked at again.
const SEED: u64 = 2026;

fn run(site: &Site) -> anyhow::Result<()> {
    let tally = sweep(site, site.sweep, SEED)?;
    let boots: usize = tally.booted.values().sum();
    let slots: Vec<String> =
        tally.booted.iter().map(|(slot, count)| format!("{count} into slot {slot}")).collect();
    tell(format_args!(
        "{boots} of {} power cuts in {} phases, each booted by the real chooser as its model says: {}; {:.1} s",
        tally.all,
        tally.phases.len(),
        slots.join(", "),
        tally.took.as_secs_f64()
    ));
    Ok(())
}
