//! mesh-node is killed: init starts it, and it takes over what it finds.

use std::time::Duration;

use anyhow::ensure;

use crate::io::mesh::{Mesh, Recipe};
use crate::io::site::Site;
use crate::scenario::{Parts, Scenario, Way};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "node-killed",
    claim: "a killed mesh-node is started by init and adopts the mesh and the agent it finds",
    parts: Parts::Image,
    way: Way::Alone(run),
};

fn run(site: &Site) -> anyhow::Result<()> {
    let recipe = Recipe::routers(["alpha", "bravo"]);
    let mesh = Mesh::form(site, "node-killed", &recipe)?;
    let alpha = mesh.node("alpha")?;
    let index = "cat /sys/class/net/bat0/ifindex";
    let (agent, device) = (mesh.status("alpha")?.agent.pid, alpha.run(index)?);
    let process = alpha.run("pidof mesh-node")?;

    alpha.kill9("mesh-node")?;

    let what = "alpha to be whole again";
    let status = mesh.wait_for("alpha", what, Duration::from_secs(30), |status| {
        status.state == "attested" && status.verified() == 1
    })?;
    mesh.wait_until_formed(&recipe, Duration::from_secs(30))?;
    ensure!(alpha.run("pidof mesh-node")? != process, "it was not killed");
    ensure!(status.agent.pid == agent, "the agent was not adopted: {:?}", status.agent);
    ensure!(status.agent.starts == 0, "another agent was started: {:?}", status.agent);
    ensure!(alpha.run(index)? == device, "bat0 was not adopted");
    Ok(())
}
