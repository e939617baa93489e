//! One machine boots from the image and keeps what it is given.

use std::time::Duration;

use anyhow::ensure;

use crate::io::lab::Lab;
use crate::io::machine::Machine;
use crate::io::site::Site;
use crate::node::Node;
use crate::scenario::{Parts, Scenario, Way};
use crate::topology::Topology;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "boot",
    claim: "a machine boots, its root is read-only, and its data outlives a power cut",
    parts: Parts::Image,
    way: Way::Alone(run),
};

fn run(site: &Site) -> anyhow::Result<()> {
    let mut lab = Lab::open(site, "boot")?;
    lab.boot(&Topology::default().machine("alpha"), &[Node::new("alpha")])?;
    let alpha = lab.node("alpha")?;

    bears_its_name(alpha)?;
    root_is_read_only(alpha)?;
    data_outlives_a_power_cut(alpha)
}

fn bears_its_name(machine: &Machine) -> anyhow::Result<()> {
    let name = machine.run("hostname")?;
    ensure!(name.trim() == "alpha", "the machine calls itself {name:?}");
    Ok(())
}

fn root_is_read_only(machine: &Machine) -> anyhow::Result<()> {
    let written = machine.run_within("touch /usr/written", Duration::from_secs(10))?;
    ensure!(written.status != 0, "a file was made on the root");
    ensure!(written.stdout.contains("Read-only file system"), "{}", written.stdout);
    Ok(())
}

fn data_outlives_a_power_cut(machine: &Machine) -> anyhow::Result<()> {
    machine.run("echo kept > /data/written && sync")?;
    machine.power_cut();
    machine.power_on()?;
    machine.wait_for_shell()?;
    let kept = machine.run("cat /data/written")?;
    ensure!(kept == "kept\n", "after the power cut: {kept:?}");
    Ok(())
}
