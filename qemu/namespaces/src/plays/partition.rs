//! The line is cut in its middle and joined again.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::ensure;
use serde_json::Value;

use crate::configuration::{address, end_of_cable};
use crate::report::Seen;
use crate::shape::NODES;
use crate::waiting::until;
use crate::world::{FORMED, GONE, MIDDLE, World};

/// Each half sees only itself, and all see all again.
pub(super) async fn play(world: &mut World) -> anyhow::Result<Seen> {
    let mut seen = Seen::default();
    let halves: [BTreeSet<usize>; 2] = [(0..=MIDDLE.0).collect(), (MIDDLE.1..NODES).collect()];
    world.cut().await?;
    let since = Instant::now();
    // Sooner nobody can be missed.
    tokio::time::sleep(GONE).await;
    seen.took("in two halves", world.split(since, &halves).await?);
    let first = world.node(0)?;
    ensure!(!first.reaches(&world.home, &address(NODES - 1))?, "the other half still answers");
    let beside = world.node(MIDDLE.0)?;
    until(FORMED, || {
        let status = beside.ask(&world.home, &["status"])?;
        let rows = status.get("neighbours").and_then(Value::as_array).into_iter().flatten();
        let links: Vec<&str> = rows.filter_map(|row| row.get("interface")?.as_str()).collect();
        let is_there = links.contains(&end_of_cable(MIDDLE.1).as_str());
        Ok(is_there.then(|| format!("mesh-node still lists neighbours {links:?}")))
    })
    .await?;
    seen.took("gone from mesh-node's table", since.elapsed());
    let since = Instant::now();
    world.mend().await?;
    seen.took("healed", world.whole(since).await?);
    Ok(seen)
}
