//! Three routers verify one another, under both algorithms.

use anyhow::ensure;

use crate::io::mesh::{Mesh, Recipe};
use crate::io::site::Site;
use crate::scenario::{Parts, Scenario, Way};

pub(super) const IV: Scenario = Scenario {
    name: "mesh-iv",
    claim: "three routers verify one another under B.A.T.M.A.N. IV",
    parts: Parts::Image,
    way: Way::Alone(|site| forms(site, "mesh-iv", "BATMAN_IV")),
};

pub(super) const V: Scenario = Scenario {
    name: "mesh-v",
    claim: "three routers verify one another under B.A.T.M.A.N. V",
    parts: Parts::Image,
    way: Way::Alone(|site| forms(site, "mesh-v", "BATMAN_V")),
};

fn forms(site: &Site, name: &str, algorithm: &'static str) -> anyhow::Result<()> {
    let recipe = Recipe { algorithm, ..Recipe::routers(["alpha", "bravo", "charlie"]) };
    let mesh = Mesh::form(site, name, &recipe)?;

    for router in ["alpha", "bravo", "charlie"] {
        let status = mesh.status(router)?;
        let own = format!("spiffe://x0tta6bl4.mesh/node/{router}");
        ensure!(status.spiffe_id.as_deref() == Some(&own), "{router} is {:?}", status.spiffe_id);
        for neighbour in &status.neighbours {
            ensure!(neighbour.kx_group.as_deref() == Some("X25519MLKEM768"), "{neighbour:?}");
            let has_unit = match algorithm {
                "BATMAN_V" => neighbour.throughput_kbit.is_some() && neighbour.tq.is_none(),
                _ => neighbour.tq.is_some() && neighbour.throughput_kbit.is_none(),
            };
            ensure!(has_unit, "{neighbour:?}");
        }
    }
    Ok(())
}
