//! The SPIRE server is down when the routers boot: they mesh, say what is missing, and complete by themselves.

use std::time::Duration;

use anyhow::ensure;

use crate::io::mesh::{Mesh, Recipe};
use crate::io::site::Site;
use crate::scenario::{Parts, Scenario, Way};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "server-down",
    claim: "routers that boot without a server mesh, say so, and verify within 30 s of its return",
    parts: Parts::Image,
    way: Way::Alone(run),
};

/// What is promised, from the server's return to the last verified neighbour.
const PROMISED: Duration = Duration::from_secs(30);

/// Long enough that the agents are in the long waits between their attempts.
const OUTAGE: &str = "sleep 25";

fn run(site: &Site) -> anyhow::Result<()> {
    let recipe = Recipe::routers(["alpha", "bravo"]);
    let mut mesh = Mesh::power_on_without_server(site, "server-down", &recipe)?;
    mesh.wait_for_shells()?;
    let reason = "the SPIRE server does not answer";

    for router in ["alpha", "bravo"] {
        let what = format!("{router} to mesh and to miss its server");
        let status = mesh.wait_for(router, &what, Duration::from_secs(60), |status| {
            status.neighbours.len() == 1 && status.reason.contains(reason)
        })?;
        ensure!(status.state == "bootstrapping", "{}", status.summary());
        ensure!(status.verified() == 0, "{}", status.summary());
    }
    mesh.node("alpha")?.run_within(OUTAGE, Duration::from_secs(60))?;
    mesh.server.start_again()?;

    mesh.wait_until_formed(&recipe, PROMISED)
}
