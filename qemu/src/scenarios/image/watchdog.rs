//! What hangs is ended by the watchdog, armed by the chooser until user space is up and by the node from then on.

use anyhow::ensure;

use crate::io::pair::Pair;
use crate::io::power_cut::lose_watchdog;
use crate::io::progress::tell;
use crate::io::site::Site;
use crate::scenario::{Parts, Scenario, Way};

pub(super) const KERNEL_HANG: Scenario = Scenario {
    name: "kernel-hang",
    claim: "a slot whose kernel hangs is ended by the watchdog and given up, and the old one is back",
    parts: Parts::Release,
    way: Way::OnPair(kernel_hangs),
};

pub(super) const NODE_HANG: Scenario = Scenario {
    name: "node-hang",
    claim: "a router whose node hangs is started anew by its watchdog, and one whose node runs is not",
    parts: Parts::Release,
    way: Way::OnPair(node_hangs),
};

pub(super) const GONE: Scenario = Scenario {
    name: "watchdog-gone",
    claim: "a slot whose watchdog has gone is refused once, and the next power-on boots the old one",
    parts: Parts::Release,
    way: Way::Alone(gone),
};

/// It never gets to user space, and panics without starting anew.
const HANGING: &str = "rdinit=/absent panic=0";

/// The kernel takes 5 s of CPU to hang, and 15 s where others use it as well: a shorter time ends it before. Every one of
/// three boots takes so long.
const SECONDS: u16 = 20;

/// What the kernel's driver says of a boot that a watchdog began (`WDIOF_CARDRESET`).
const CARD_RESET: &str = "32";

const BOOT_STATUS: &str = "cat /sys/class/watchdog/watchdog0/bootstatus";

fn kernel_hangs(pair: &mut Pair<'_>) -> anyhow::Result<()> {
    let old = pair.running()?;
    let hanging = pair.update.clone().parameters(HANGING).watchdog(SECONDS);
    pair.install(&hanging)?;
    pair.activate()?;

    let status = pair.wait_until_given_up(&old)?;

    let other = status.slot(false)?;
    tell(format_args!("{} is {}: {}", other.name, other.state, other.detail));
    ensure!(other.detail.contains("never reached user space"), "{}", status.summary());
    began_by_watchdog(pair)?;
    pair.is_whole()
}

fn node_hangs(pair: &mut Pair<'_>) -> anyhow::Result<()> {
    pair.outlive_watchdog()?;

    let took = pair.hang_node()?;

    tell(format_args!("back {:.1} s after the node hung", took.as_secs_f64()));
    began_by_watchdog(pair)?;
    pair.is_whole()
}

fn began_by_watchdog(pair: &Pair<'_>) -> anyhow::Result<()> {
    let status = pair.alpha()?.run(BOOT_STATUS)?;
    ensure!(status.trim() == CARD_RESET, "this boot was not begun by the watchdog: {status}");
    Ok(())
}

fn gone(site: &Site) -> anyhow::Result<()> {
    let [refused, booted] = lose_watchdog(site)?;
    ensure!(refused != booted, "slot {booted} booted after it was refused");
    tell(format_args!("slot {refused} was refused, and slot {booted} booted at the next power-on"));
    Ok(())
}
