//! Three routers verify one another, under both algorithms.

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::io::machine::Machine;
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
    shows_its_tables(mesh.node("alpha")?, algorithm)
}

/// What an operator asks of the kernel, each as a table and as JSON.
fn shows_its_tables(alpha: &Machine, algorithm: &str) -> anyhow::Result<()> {
    for table in TABLES {
        let shown = alpha.run(&format!("mesh-node mesh {table}"))?;
        let widest = shown.lines().map(|line| line.trim_end().chars().count()).max();
        ensure!(widest.is_some_and(|widest| (2..=80).contains(&widest)), "{table}: {shown}");
        let told = alpha.run(&format!("mesh-node mesh {table} --json"))?;
        let told: Value =
            serde_json::from_str(&told).with_context(|| format!("{table}: {told}"))?;
        ensure!(told.is_array() || told.is_object(), "{table}: {told}");
    }
    let neighbours = alpha.run("mesh-node mesh neighbours --json")?;
    let unit = if algorithm == "BATMAN_V" { "throughput" } else { "tq" };
    let neighbours: Vec<Value> = serde_json::from_str(&neighbours)?;
    ensure!(
        neighbours.len() == 2 && neighbours.iter().all(|it| it.get(unit).is_some()),
        "{neighbours:?}"
    );
    let vis: Value = serde_json::from_str(&alpha.run("mesh-node mesh topology --format vis")?)?;
    let links = vis.pointer("/vis/0/neighbors").and_then(Value::as_array);
    ensure!(links.is_some_and(|links| links.len() == 2), "{vis}");
    Ok(())
}

const TABLES: [&str; 13] = [
    "neighbours",
    "originators",
    "gateways",
    "interfaces",
    "vlans",
    "clients",
    "dat",
    "claims",
    "backbones",
    "multicast",
    "settings",
    "counters",
    "topology",
];
