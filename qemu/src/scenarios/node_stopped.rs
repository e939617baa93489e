//! mesh-node is told to stop: the agent leaves first, the mesh is removed, and init starts it all again.

use std::time::Duration;

use anyhow::ensure;

use crate::io::mesh::{Mesh, Recipe};
use crate::io::site::Site;
use crate::patience::Seen;
use crate::scenario::{Parts, Scenario, Way};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "node-stopped",
    claim: "a mesh-node that is told to stop stops its agent in order and removes the mesh if so set",
    parts: Parts::Image,
    way: Way::Alone(run),
};

fn run(site: &Site) -> anyhow::Result<()> {
    let recipe =
        Recipe { mesh_lines: "on_stop = \"remove\"\n", ..Recipe::routers(["alpha", "bravo"]) };
    let mesh = Mesh::form(site, "node-stopped", &recipe)?;
    let alpha = mesh.node("alpha")?;
    let agent = mesh.status("alpha")?.agent.pid;

    alpha.run("kill $(pidof mesh-node)")?;

    let order = ["mesh-node stops", "to stop", "mesh removed", "mesh-node runs"];
    mesh.lab.wait_until("the stop and the new start", Duration::from_secs(30), || {
        let runs = mesh.log_lines("alpha", "mesh-node runs")?;
        Ok(Seen::when(runs.len() == 2, || format!("{runs:?}")))
    })?;
    let told: Vec<String> = mesh.log_lines("alpha", "INFO")?;
    let mut lines = told.iter().skip_while(|line| !line.contains("mesh-node stops"));
    for step in order {
        ensure!(lines.any(|line| line.contains(step)), "no {step:?} in its place: {told:?}");
    }
    mesh.wait_until_formed(&recipe, Duration::from_secs(60))?;
    ensure!(mesh.status("alpha")?.agent.pid != agent, "the agent was never stopped");
    Ok(())
}
