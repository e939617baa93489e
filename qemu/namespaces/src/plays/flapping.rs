//! An interface that comes and goes fifty times: pulled out, taken down, renamed.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rtnetlink::LinkUnspec;

use crate::configuration::{MESH, end_of_cable};
use crate::node::{Held, Node};
use crate::report::Seen;
use crate::shape::NODES;
use crate::waiting::until;
use crate::world::World;

/// The cable, and the end of it that is taken down and renamed.
const FLAPPING: (usize, usize) = (NODES - 3, NODES - 2);

/// So often the cable is pulled out and plugged in.
const PULLED: usize = 44;

/// The first of them, before it is looked at what a node holds.
const FIRST: usize = 5;

/// So often one end is taken down, and as often it is renamed and back: more of it within a minute is a fight.
const TAKEN: usize = 3;

/// What it is called meanwhile.
const AWAY: &str = "elsewhere";

/// The kernel tells at once; the machine is slow and has nineteen other nodes. Less than the time between two looks that nothing
/// gives a reason for.
const BACK: Duration = Duration::from_secs(8);

/// Memory that a process may have more of afterwards: less than a page for each flap.
const GROWTH_KIB: u64 = 128;

/// Both ends are back each time, nothing is left over and all see all.
pub(super) async fn play(world: &mut World) -> anyhow::Result<Seen> {
    let mut seen = Seen::default();
    let began = Instant::now();
    // What is allocated once is there after the first few.
    for _ in 0..FIRST {
        pull_and_plug(world).await?;
    }
    let before = held(world)?;
    for _ in FIRST..PULLED {
        pull_and_plug(world).await?;
    }
    for _ in 0..TAKEN {
        take_down(world).await?;
    }
    for _ in 0..TAKEN {
        rename(world).await?;
    }
    seen.took("fifty flaps", began.elapsed());
    let since = Instant::now();
    seen.took("whole", world.whole(since).await?);
    for (node, before) in ends(world)?.into_iter().zip(before) {
        let number = node.number;
        let was = before.descriptors;
        // Some are open for a moment; one for each flap would stay.
        let kept = until(BACK, || {
            let is = node.held()?.descriptors;
            Ok((is > was).then(|| format!("node {number} had {was} descriptors, and has {is}")))
        });
        kept.await?;
        let after = node.held()?;
        let (was, is) = (before.kib, after.kib);
        ensure!(is <= was + GROWTH_KIB, "node {number} had {was} KiB of memory and has {is}");
        seen.note(format!(
            "node {number}: {} descriptors, {was} KiB, then {is} KiB",
            after.descriptors
        ));
        let meshes = node.links()?.into_iter().filter(|it| it.starts_with("bat")).count();
        ensure!(meshes == 1, "node {number} has {meshes} meshes");
        let findings = node.findings(&world.home)?;
        let disputed = findings.iter().find(|it| it.contains("another program"));
        ensure!(disputed.is_none(), "node {number} took it for a fight: {disputed:?}");
    }
    Ok(seen)
}

async fn pull_and_plug(world: &mut World) -> anyhow::Result<()> {
    world.pull(FLAPPING).await?;
    world.plug(FLAPPING).await?;
    back(world).await
}

async fn take_down(world: &World) -> anyhow::Result<()> {
    let (node, name) = (world.node(FLAPPING.0)?, end_of_cable(FLAPPING.1));
    let down = LinkUnspec::new_with_name(&name).down().build();
    node.namespace.links.link().set(down).execute().await.context("taking down")?;
    back(world).await
}

/// Renames it, until mesh-node lets go of what it is not told to keep, and back.
async fn rename(world: &World) -> anyhow::Result<()> {
    let (node, name) = (world.node(FLAPPING.0)?, end_of_cable(FLAPPING.1));
    let index = node.link(&name, "ifindex").context("it is there")?.parse()?;
    let call = async |name: &str| {
        let named = LinkUnspec::new_with_index(index).name(name).build();
        node.namespace.links.link().set(named).execute().await.context("renaming")
    };
    call(AWAY).await?;
    let kept = || Ok(node.is_attached(AWAY).then(|| format!("{AWAY} is kept in the mesh")));
    until(BACK, kept).await?;
    call(&name).await?;
    back(world).await
}

/// Waits until both ends are up and in the mesh.
async fn back(world: &World) -> anyhow::Result<()> {
    for (node, to) in ends(world)?.into_iter().zip([FLAPPING.1, FLAPPING.0]) {
        let name = end_of_cable(to);
        until(BACK, || {
            let is_up = node.link(&name, "carrier").is_some_and(|it| it == "1");
            let is_back = is_up && node.is_attached(&name);
            Ok((!is_back).then(|| format!("{name} of node {} is not in {MESH}", node.number)))
        })
        .await?;
    }
    Ok(())
}

fn held(world: &World) -> anyhow::Result<Vec<Held>> {
    ends(world)?.into_iter().map(Node::held).collect()
}

fn ends(world: &World) -> anyhow::Result<[&Node; 2]> {
    Ok([world.node(FLAPPING.0)?, world.node(FLAPPING.1)?])
}
