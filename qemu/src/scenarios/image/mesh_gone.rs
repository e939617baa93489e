//! A new slot in which all is well but for the mesh.

use anyhow::ensure;

use crate::io::pair::{ALPHA, BRAVO, Pair};
use crate::io::progress::tell;
use crate::scenario::{Parts, Scenario, Way};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "mesh-gone",
    claim: "a slot that does not find its neighbours back is not kept: the old one returns",
    parts: Parts::Release,
    way: Way::OnPair(run),
};

fn run(pair: &mut Pair<'_>) -> anyhow::Result<()> {
    let old = pair.running()?;
    let good = pair.update.clone();
    pair.install(&good)?;
    let before = pair.activate()?;
    pair.mesh.lab.cut(ALPHA, BRAVO)?;
    pair.alpha()?.wait_for_another_boot(&before, Pair::BOOT)?;

    let status = pair.wait_until_given_up(&old)?;

    let verdict = status.verdicts.last().map(|it| format!("{}: {}", it.outcome, it.reason));
    let verdict = verdict.unwrap_or_default();
    tell(format_args!("the verdict: {verdict}"));
    ensure!(verdict.contains("neighbour"), "the verdict does not tell why: {verdict:?}");
    pair.mesh.lab.restore(ALPHA, BRAVO)?;
    pair.is_whole()
}
