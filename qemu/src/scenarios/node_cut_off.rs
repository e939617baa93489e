//! A router is cut off: it is gone from the tables in time, and back without help.

use std::time::Duration;

use crate::io::mesh::{Mesh, Recipe};
use crate::io::site::Site;
use crate::patience::Seen;
use crate::scenario::{Parts, Scenario, Way};
use crate::status::Status;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "node-cut-off",
    claim: "a router that is cut off leaves the tables within its time-out and returns by itself",
    parts: Parts::Image,
    way: Way::Alone(run),
};

/// `mesh.neighbour_timeout` is 10 s by default; a look and a status come on top.
const GONE: Duration = Duration::from_secs(15);
const BACK: Duration = Duration::from_secs(30);

fn run(site: &Site) -> anyhow::Result<()> {
    let recipe = Recipe::routers(["alpha", "bravo", "charlie"]);
    let mesh = Mesh::form(site, "node-cut-off", &recipe)?;
    let lost = mesh.mac("charlie")?;

    mesh.lab.isolate("charlie")?;
    mesh.lab.wait_until("charlie to be gone from the tables, and alone", GONE, || {
        let statuses = mesh.statuses(&["alpha", "bravo", "charlie"])?;
        let is_apart = statuses.values().all(|status| match status.name.as_str() {
            "charlie" => status.neighbours.is_empty(),
            _ => status.neighbour(&lost).is_none() && status.verified() == 1,
        });
        let told = || statuses.values().map(Status::summary).collect::<Vec<_>>().join("; ");
        Ok(Seen::when(is_apart, told))
    })?;

    mesh.lab.rejoin("charlie")?;
    mesh.wait_until_formed(&recipe, BACK)
}
