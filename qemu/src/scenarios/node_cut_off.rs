//! A router is cut off: it is gone from the tables in time, and back without help.

use std::time::Duration;

use crate::io::mesh::{Mesh, Recipe};
use crate::io::site::Site;
use crate::scenario::Scenario;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "node-cut-off",
    claim: "a router that is cut off leaves the tables within its time-out and returns by itself",
    run,
};

/// `mesh.neighbour_timeout` is 10 s by default; a look and a status come on top.
const GONE: Duration = Duration::from_secs(15);
const BACK: Duration = Duration::from_secs(30);

fn run(site: &Site) -> anyhow::Result<()> {
    let recipe = Recipe::routers(["alpha", "bravo", "charlie"]);
    let mesh = Mesh::form(site, "node-cut-off", &recipe)?;
    let lost = mesh.mac("charlie")?;

    mesh.lab.isolate("charlie")?;
    for router in ["alpha", "bravo"] {
        let what = format!("charlie to be gone from {router}'s table");
        mesh.wait_for(router, &what, GONE, |status| {
            status.neighbour(&lost).is_none() && status.verified() == 1
        })?;
    }
    mesh.wait_for("charlie", "charlie to be alone", GONE, |status| status.neighbours.is_empty())?;

    mesh.lab.rejoin("charlie")?;
    mesh.wait_until_formed(&recipe, BACK)
}
