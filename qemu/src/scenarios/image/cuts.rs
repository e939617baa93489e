//! The power is cut while a router is updated: it goes on from where it was.

use anyhow::ensure;

use crate::io::pair::Pair;
use crate::scenario::{Parts, Scenario, Way};

pub(super) const INSTALL: Scenario = Scenario {
    name: "cut-in-install",
    claim: "after a power cut during an installation the old slot boots and the rest is installed",
    parts: Parts::Release,
    way: Way::OnPair(in_install),
};

pub(super) const TRIAL: Scenario = Scenario {
    name: "cut-in-trial",
    claim: "after a power cut during a trial the new slot is tried again and kept",
    parts: Parts::Release,
    way: Way::OnPair(in_trial),
};

pub(super) const COMMIT: Scenario = Scenario {
    name: "cut-in-commit",
    claim: "after a power cut at the commit the new slot is kept",
    parts: Parts::Release,
    way: Way::OnPair(in_commit),
};

/// How much of an update is there when the power is cut.
const HALF: u32 = 40;

fn in_install(pair: &mut Pair<'_>) -> anyhow::Result<()> {
    let running = pair.status()?.slot(true)?.name.clone();
    let good = pair.update.clone();
    pair.publish(&good)?;
    pair.start_installing()?;
    pair.wait_for("half of the update", |status| {
        Ok(status.slot(false)?.percent.is_some_and(|percent| percent >= HALF))
    })?;

    pair.cut_power()?;

    let status = pair.status()?;
    ensure!(status.slot(true)?.name == running, "after the cut: {}", status.summary());
    pair.is_whole()?;
    let output = pair.image("install --now")?;
    ensure!(output.status == 0, "the rest was not installed: {output:?}");
    pair.keep_it()
}

fn in_trial(pair: &mut Pair<'_>) -> anyhow::Result<()> {
    let good = pair.update.clone();
    pair.install(&good)?;
    let before = pair.activate()?;
    pair.alpha()?.wait_for_another_boot(&before, Pair::BOOT)?;

    pair.cut_power()?;

    pair.wait_until_kept(pair.newest())?;
    pair.is_whole()
}

fn in_commit(pair: &mut Pair<'_>) -> anyhow::Result<()> {
    let good = pair.update.clone();
    pair.install(&good)?;
    pair.activate()?;
    pair.wait_until_kept(pair.newest())?;

    // The moment that the router says so, before anything else of it is on the disk.
    pair.cut_power()?;

    pair.wait_until_kept(pair.newest())?;
    pair.is_whole()
}
