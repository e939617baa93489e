//! Two gateways: the one in use stops being one, and the other takes its place.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::node::{Node, number};
use crate::report::Seen;
use crate::shape::NODES;
use crate::waiting::until;
use crate::world::{FORMED, World};

/// The node whose configuration says that it uses a gateway.
pub(crate) const CLIENT: usize = 0;

/// The nodes that are gateways for a while. Their configurations say nothing of it, so it is anybody's to set.
const SERVERS: [usize; 2] = [NODES / 4, NODES * 3 / 4];

/// The kernel tells of it, and the machine is slow; less than half of the time between two looks without a reason.
const TOLD: Duration = Duration::from_secs(4);

/// mesh-node and batctl name the same gateway, before and after.
pub(super) async fn play(world: &mut World) -> anyhow::Result<Seen> {
    let mut seen = Seen::default();
    for server in SERVERS {
        world.node(server)?.batctl(&world.home, &["gw_mode", "server", "50mbit/10mbit"])?;
    }
    let client = world.node(CLIENT)?;
    let mut used = None;
    let chosen = until(FORMED, || {
        let known = gateways(client, world)?;
        used = known.iter().find_map(|(node, is_used)| is_used.then_some(*node));
        let is_done = known.len() == SERVERS.len() && used.is_some();
        Ok((!is_done).then(|| format!("mesh-node knows gateways {known:?}")))
    });
    seen.took("chosen", chosen.await?);
    let used = used.context("one is in use")?;
    let other = SERVERS.into_iter().find(|it| *it != used).context("there is another")?;
    world.node(used)?.batctl(&world.home, &["gw_mode", "off"])?;
    let switched = until(FORMED, || {
        let known = gateways(client, world)?;
        Ok((known != [(other, true)]).then(|| format!("mesh-node knows gateways {known:?}")))
    });
    seen.took("switched", switched.await?);
    let told = until(TOLD, || {
        let told = in_use(client, world)?;
        Ok((told != Some(other)).then(|| format!("the node that runs uses {told:?}")))
    });
    seen.took("told by the node", told.await?);
    let theirs = client.query(&world.home, "gateways_json")?;
    ensure!(listed(&theirs) == [(other, true)], "batctl names others: {theirs}");
    seen.note(format!("node {other} took over from node {used}"));
    world.node(other)?.batctl(&world.home, &["gw_mode", "off"])?;
    Ok(seen)
}

/// The gateway that the running node says it uses.
fn in_use(client: &Node, world: &World) -> anyhow::Result<Option<usize>> {
    let status = client.ask(&world.home, &["status"])?;
    Ok(status.pointer("/mesh/gateway/mac").and_then(Value::as_str).and_then(number))
}

/// What mesh-node says: each gateway, and whether it is in use.
fn gateways(client: &Node, world: &World) -> anyhow::Result<Vec<(usize, bool)>> {
    Ok(listed(&client.ask(&world.home, &["mesh", "gateways"])?))
}

fn listed(table: &Value) -> Vec<(usize, bool)> {
    let rows = table.as_array().into_iter().flatten();
    let gateways = rows.filter_map(|row| {
        let is_used = row.get("best").and_then(Value::as_bool) == Some(true);
        Some((number(row.get("orig_address")?.as_str()?)?, is_used))
    });
    gateways.collect()
}
