//! A good update is installed, proves itself and stays.

use anyhow::ensure;
use image::Architecture;

use crate::io::pair::Pair;
use crate::io::progress::tell;
use crate::io::site::Site;
use crate::machine::Clock;
use crate::scenario::{Parts, Scenario, Way};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "good-update",
    claim: "a good update is fetched, installed, tried and kept, and what the router had stays",
    parts: Parts::Release,
    way: Way::OnPair(run),
};

pub(super) const AARCH64: Scenario = Scenario {
    name: "good-update-aarch64",
    claim: "an aarch64 router beside an x86_64 one takes a good update as well",
    parts: Parts::AllImages,
    way: Way::OnPairOf(Architecture::Aarch64, run),
};

pub(super) const ARMV7: Scenario = Scenario {
    name: "good-update-armv7",
    claim: "an armv7 router beside an x86_64 one takes a good update as well",
    parts: Parts::AllImages,
    way: Way::OnPairOf(Architecture::Armv7, run),
};

pub(super) const CLOCK_UNSET: Scenario = Scenario {
    name: "clock-unset",
    claim: "a router that wakes up in 1970 takes a good update, and knows an expired one by the time",
    parts: Parts::Release,
    way: Way::Alone(clock_unset),
};

fn run(pair: &mut Pair<'_>) -> anyhow::Result<()> {
    let alpha = "echo kept >/data/mine && sync";
    pair.alpha()?.run(alpha)?;
    let before = pair.status()?.slot(true)?.name.clone();

    let good = pair.update.clone();
    let took = pair.install(&good)?;
    pair.activate()?;
    let status = pair.wait_until_kept(pair.newest())?;

    tell(format_args!("the installation took {:.1} s", took.as_secs_f64()));
    ensure!(status.slot(true)?.name != before, "it runs from the same slot: {}", status.summary());
    let command_line = pair.alpha()?.run("cat /proc/cmdline")?;
    let root = format!("root=PARTLABEL=root-{} ", status.slot(true)?.name);
    ensure!(command_line.contains(&root), "{command_line}");
    ensure!(pair.alpha()?.run("cat /data/mine")? == "kept\n", "its data is not what it was");
    pair.is_whole()
}

fn clock_unset(site: &Site) -> anyhow::Result<()> {
    // Not by firmware: OVMF takes a clock in 1970 for one in 2070, and sets it so.
    let mut pair = Pair::power_on(site, "clock-unset", |node| node.clock(Clock::Unset))?;
    pair.mesh.wait_for_shells()?;
    let year = pair.alpha()?.run("cat /sys/class/rtc/rtc0/date")?;
    ensure!(year.starts_with("1970"), "the clock was set: {year}");

    let good = pair.update.clone();
    pair.install(&good)?;

    // What a time server does to it, once there is one.
    pair.set_clock()?;
    pair.depot.renew(0)?;
    let output = pair.image("fetch")?;
    ensure!(output.status != 0 && output.stdout.contains("expired"), "{output:?}");
    pair.is_whole()
}
