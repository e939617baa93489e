//! The main job, shown: three routers that trust each other by SVID, and a rogue that nobody trusts.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde::Serialize;

use super::mesh::{FOREIGN, Member, Mesh, Recipe};
use super::site::Site;
use crate::patience::Seen;
use crate::status::{Neighbour, Status};

const ROUTERS: [&str; 3] = ["alpha", "bravo", "charlie"];
const ROGUE: &str = "rogue";

/// Emulated machines share the host's cores, and an agent alone takes a dozen seconds of one to start.
const LIMIT: Duration = Duration::from_secs(180);

/// What the demo has shown.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The routers.
    pub nodes: Vec<NodeReport>,
    /// The rogue.
    pub rogue: Rogue,
    /// How long each stage took.
    pub seconds: BTreeMap<&'static str, f64>,
}

/// A router and its neighbour table.
#[derive(Debug, Serialize)]
pub struct NodeReport {
    /// What it calls itself.
    pub name: String,
    /// Who it is.
    pub spiffe_id: Option<String>,
    /// Its neighbours.
    pub neighbours: Vec<Neighbour>,
    /// The table as an operator sees it on the node.
    #[serde(skip)]
    pub table: String,
}

/// The rogue, as the routers see it.
#[derive(Debug, Serialize)]
pub struct Rogue {
    /// Its address on the mesh.
    pub mac: String,
    /// The routers that have verified it: none.
    pub verified_by: Vec<String>,
    /// Why not, router by router.
    pub reasons: BTreeMap<String, String>,
}

/// Starts the servers and powers the machines on.
///
/// # Errors
/// If one of them cannot be started.
pub fn power_on<'site>(site: &'site Site, name: &str) -> anyhow::Result<Mesh<'site>> {
    Mesh::power_on(site, name, &recipe())
}

/// Shows it on running machines.
///
/// # Errors
/// The first expectation that did not hold.
pub fn show(mesh: &Mesh<'_>) -> anyhow::Result<Report> {
    let mut seconds = BTreeMap::new();
    let mut begun = Instant::now();
    let mut stage = |name| {
        seconds.insert(name, begun.elapsed().as_secs_f64());
        begun = Instant::now();
    };
    mesh.wait_for_shells()?;
    stage("boot");
    mesh.wait_until_formed(&recipe(), LIMIT)?;
    stage("routers_verified");
    let reasons = turn_away(mesh)?;
    stage("rogue_turned_away");
    let nodes = ROUTERS.iter().map(|name| look(mesh, name));
    let nodes = nodes.collect::<anyhow::Result<Vec<_>>>()?;
    let mac = mesh.mac(ROGUE)?;
    let verified_by = verified_by(&nodes, &mac);
    ensure!(verified_by.is_empty(), "the rogue was verified by {verified_by:?}");
    let rogue = Rogue { mac, verified_by, reasons };
    Ok(Report { nodes, rogue, seconds })
}

fn recipe() -> Recipe {
    Recipe::routers(ROUTERS).with(Member::Foreigner(ROGUE))
}

/// Waits until every router has met the rogue and refused it, while the rogue has an identity to show.
fn turn_away(mesh: &Mesh<'_>) -> anyhow::Result<BTreeMap<String, String>> {
    let own = format!("spiffe://{FOREIGN}/node/{ROGUE}");
    mesh.wait_for(ROGUE, "the rogue's identity", LIMIT, |status| {
        status.spiffe_id.as_deref() == Some(&own)
    })?;
    let mac = mesh.mac(ROGUE)?;
    mesh.lab.wait_until("the rogue to be refused by all", LIMIT, || {
        let statuses = mesh.statuses(&ROUTERS)?;
        let refused = |status: &Status| {
            let row = status.neighbour(&mac);
            row.is_some_and(|row| row.state == "refused" && row.reason.contains(FOREIGN))
        };
        let told = || {
            let summaries: Vec<String> = statuses.values().map(Status::summary).collect();
            summaries.join("; ")
        };
        Ok(Seen::when(statuses.values().all(refused), told))
    })?;
    mesh.shunned(&ROUTERS, ROGUE)
}

/// Names the routers in whose tables a machine is verified.
fn verified_by(nodes: &[NodeReport], mac: &str) -> Vec<String> {
    let verifies = |node: &&NodeReport| {
        node.neighbours.iter().any(|row| row.mac == mac && row.state == "verified")
    };
    nodes.iter().filter(verifies).map(|node| node.name.clone()).collect()
}

/// Reads a router's table and checks what it must hold.
fn look(mesh: &Mesh<'_>, name: &str) -> anyhow::Result<NodeReport> {
    let status = mesh.status(name)?;
    let verified: Vec<&Neighbour> =
        status.neighbours.iter().filter(|neighbour| neighbour.state == "verified").collect();
    ensure!(verified.len() == ROUTERS.len() - 1, "{}", status.summary());
    for neighbour in verified {
        ensure!(neighbour.kx_group.as_deref() == Some("X25519MLKEM768"), "{neighbour:?}");
        ensure!(neighbour.svid_not_after.is_some(), "{neighbour:?}");
    }
    let table = mesh.node(name)?.run("mesh-node status")?;
    Ok(NodeReport {
        name: status.name,
        spiffe_id: status.spiffe_id,
        neighbours: status.neighbours,
        table,
    })
}
