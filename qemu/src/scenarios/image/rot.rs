//! Rot in the slot that runs: it is found and told. An environment is mended; an image is left in time for the slot that
//! is sound.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use image::block::BlockDevice as _;
use image::io::block_device::Access;
use image::io::slots::Slots;
use image::slot::{Slot, place};

use crate::io::pair::{ALPHA, Pair};
use crate::io::progress::tell;
use crate::patience::Seen;
use crate::scenario::{Parts, Scenario, Way};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "rot-found",
    claim: "a router whose running slot rots says where, mends its environment, and goes back to the slot that is sound",
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
    mends_environment(pair, rotten.parse()?)?;
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

/// Where nobody ever writes: among the zeros behind the chooser's variables.
const ROTTEN: u64 = 100_000;

fn mends_environment(pair: &Pair<'_>, slot: Slot) -> anyhow::Result<()> {
    let disk = pair.alpha()?.spec().disk.clone().context("a router without a disk")?;
    let slots = Slots::of_image(&disk, slot)?;
    let mut boot = slots.open(&format!("boot-{slot}"), Access::Write)?;
    let place = place::find(&boot)?.file + ROTTEN;
    boot.write_at(place, &[0x40])?;
    boot.flush()?;
    ensure!(slots.observe().environment(slot).is_err(), "it has not rotted");

    // Told after the write, so that what is told from then on is of other rot.
    let over = format!("over: slot {slot} has rotted");
    pair.mesh.lab.wait_until("the environment to be mended", FOUND, || {
        let lines = pair.mesh.log_lines(ALPHA, &over)?;
        Ok(Seen::when(!lines.is_empty(), || "nothing is told".into()))
    })?;
    ensure!(slots.observe().environment(slot).is_ok(), "it is still rotten");
    tell(format_args!("the environment of slot {slot} was mended"));
    Ok(())
}
