//! A machine comes up as on hardware: firmware, slot chooser, slot.

use anyhow::ensure;
use image::Architecture;

use crate::io::lab::Lab;
use crate::io::site::Site;
use crate::node::Node;
use crate::scenario::{Parts, Scenario, Way};
use crate::topology::Topology;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "firmware-boot",
    claim: "firmware finds the slot chooser on the disk, and that starts the first slot",
    parts: Parts::Image,
    way: Way::Alone(run),
};

fn run(site: &Site) -> anyhow::Result<()> {
    let mut lab = Lab::open(site, "firmware-boot")?;
    let alpha = Node::new("alpha").on(Architecture::X86_64).by_firmware();
    lab.boot(&Topology::default().machine("alpha"), &[alpha])?;
    let alpha = lab.node("alpha")?;

    let command_line = alpha.run("cat /proc/cmdline")?;

    ensure!(command_line.contains("root=PARTLABEL=root-a "), "{command_line}");
    ensure!(alpha.run("hostname")?.trim() == "alpha", "it does not know its name");
    ensure!(alpha.run("ls /sys/firmware/efi/systab")?.trim() != "", "it was not booted by UEFI");
    Ok(())
}
