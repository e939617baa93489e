//! Rot in the slot that runs: it is found, told, and left in time for the slot that is sound.

use std::time::Duration;

use anyhow::ensure;

use crate::io::pair::{ALPHA, Pair};
use crate::io::progress::tell;
use crate::patience::Seen;
use crate::scenario::{Parts, Scenario, Way};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "rot-found",
    claim: "a router whose running slot rots says where, and goes back to the slot that is sound",
    parts: Parts::Release,
    way: Way::OnPair(run),
};

/// The scrub's rest after a boot, and two passes as fast as the pair is told to read.
const FOUND: Duration = Duration::from_secs(240);

fn run(pair: &mut Pair<'_>) -> anyhow::Result<()> {
    let older = pair.running()?;
    let good = pair.update.clone();
    pair.install(&good)?;
    pair.keep_it()?;
    let rotten = pair.status()?.slot(true)?.name.clone();
    let told = format!("slot {rotten} has rotted");
    let before = pair.mesh.log_lines(ALPHA, &told)?.len();

    pair.rot(&rotten)?;

    let line = pair.mesh.lab.wait_until("the rot to be told", FOUND, || {
        let lines = pair.mesh.log_lines(ALPHA, &told)?;
        let line = lines.get(before).cloned();
        Ok(line.map_or_else(|| Seen::NotYet("nothing is told".into()), Seen::Yes))
    })?;
    tell(format_args!("{}", line.trim()));
    let status = pair.wait_until_kept(&older)?;
    ensure!(status.slot(true)?.name != rotten, "it still runs from {rotten}: {}", status.summary());
    pair.is_whole()
}
