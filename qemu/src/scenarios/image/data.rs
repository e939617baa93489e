//! What becomes of a router whose data partition is not as it should be.

use std::time::Duration;

use anyhow::ensure;

use crate::io::machine::Machine;
use crate::io::mesh::{Mesh, Recipe};
use crate::io::progress::tell;
use crate::io::site::Site;
use crate::scenario::{Parts, Scenario, Way};

pub(super) const CORRUPT: Scenario = Scenario {
    name: "data-corrupt",
    claim: "with a hopeless data file system a router boots, makes a new one, meshes and says so",
    parts: Parts::Image,
    way: Way::Alone(corrupt),
};

pub(super) const FULL: Scenario = Scenario {
    name: "data-full",
    claim: "with a full data partition a router boots and meshes",
    parts: Parts::Image,
    way: Way::Alone(full),
};

pub(super) const RESET_BY_COMMAND: Scenario = Scenario {
    name: "factory-reset",
    claim: "a factory reset by command takes what was added and leaves what was provisioned",
    parts: Parts::Image,
    way: Way::Alone(|site| reset(site, "factory-reset", by_command)),
};

pub(super) const RESET_BY_FLAG: Scenario = Scenario {
    name: "factory-reset-flag",
    claim: "a factory reset by boot flag does the same",
    parts: Parts::Image,
    way: Way::Alone(|site| reset(site, "factory-reset-flag", by_flag)),
};

pub(super) const GROWS: Scenario = Scenario {
    name: "data-grows",
    claim: "at its first boot the data file system grows to the end of a larger disk",
    parts: Parts::Image,
    way: Way::Alone(grows),
};

const FORMED: Duration = Duration::from_secs(240);

fn recipe() -> Recipe {
    Recipe::routers(["alpha", "bravo"])
}

/// The block device of the data partition.
const DEVICE: &str =
    "/dev/$(basename $(dirname $(grep -lx PARTNAME=data /sys/class/block/*/uevent)))";

fn corrupt(site: &Site) -> anyhow::Result<()> {
    let mesh = Mesh::form(site, "data-corrupt", &recipe())?;
    let alpha = mesh.node("alpha")?;

    alpha.run(&format!("sync; dd if=/dev/urandom of={DEVICE} bs=1M count=32 && sync"))?;
    alpha.power_cut();
    alpha.power_on()?;
    alpha.wait_for_shell()?;

    mesh.wait_until_formed(&recipe(), FORMED)?;
    let told = alpha.run("mesh-node image status --json; mesh-node status")?;
    ensure!(told.contains("data"), "it does not say so: {told}");
    Ok(())
}

fn full(site: &Site) -> anyhow::Result<()> {
    let mesh = Mesh::form(site, "data-full", &recipe())?;
    let alpha = mesh.node("alpha")?;

    alpha.run_within(
        "dd if=/dev/zero of=/data/filling bs=1M 2>/dev/null; \
         dd if=/dev/zero of=/data/rest bs=1 2>/dev/null; sync",
        Duration::from_secs(120),
    )?;
    alpha.power_cut();
    alpha.power_on()?;
    alpha.wait_for_shell()?;

    mesh.wait_until_formed(&recipe(), FORMED)
}

fn by_command(alpha: &Machine) -> anyhow::Result<()> {
    let before = alpha.boot_id()?;
    // The shell may or may not live to tell how this ended.
    let _ = alpha.run_within("mesh-node factory-reset", Duration::from_secs(20));
    alpha.wait_for_another_boot(&before, FORMED)
}

fn by_flag(alpha: &Machine) -> anyhow::Result<()> {
    alpha.power_cut();
    alpha.power_on_with("mesh-node.factory-reset")?;
    alpha.wait_for_shell()
}

fn reset(site: &Site, name: &str, act: fn(&Machine) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mesh = Mesh::form(site, name, &recipe())?;
    let alpha = mesh.node("alpha")?;
    alpha.run("echo mine >/data/mine && sync")?;

    act(alpha)?;

    ensure!(alpha.run_within("[ -e /data/mine ]", FORMED)?.status != 0, "what was added is there");
    ensure!(alpha.run("hostname")?.trim() == "alpha", "it does not know its name");
    Ok(())
}

/// Bytes added to the disk.
const MORE: u64 = 256 << 20;

fn grows(site: &Site) -> anyhow::Result<()> {
    let recipe = recipe();
    let mesh = Mesh::power_on_shaped(site, "data-grows", &recipe, |node| node.larger_disk(MORE))?;
    mesh.wait_for_shells()?;

    let size = mesh.node("alpha")?.run("df -k /data | tail -n 1 | awk '{print $2}'")?;

    let size: u64 = size.trim().parse()?;
    tell(format_args!("the data file system has {size} KiB"));
    ensure!(size << 10 > MORE, "the data file system has {size} KiB");
    mesh.wait_until_formed(&recipe, FORMED)
}
