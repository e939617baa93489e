//! Line, star, ring and random: every node sees all the others and reaches across.

use crate::configuration::Algorithm;
use crate::report::Seen;
use crate::shape::{self, Edges, NODES};
use crate::world::World;

/// Cables of a random mesh beyond those that it needs.
const MORE: usize = 6;

/// The cable that the ring loses: with it the mesh is a line that begins elsewhere.
const LOST: (usize, usize) = (NODES / 4 - 1, NODES / 4);

/// Picks a random mesh, another for each algorithm.
pub(super) fn chance(algorithm: Algorithm) -> (u64, Edges) {
    let seed = match algorithm {
        Algorithm::Iv => 4,
        Algorithm::V => 5,
    };
    (seed, shape::random(seed, MORE))
}

/// Wires a shape with new cables.
pub(super) async fn form(world: &mut World, shape: &Edges) -> anyhow::Result<Seen> {
    world.wire(&Edges::new()).await?;
    let since = world.wire(shape).await?;
    let mut seen = Seen::default();
    seen.took("whole", world.whole(since).await?);
    Ok(seen)
}

/// Closes the ring and pulls one cable out: all are still within reach, the other way round.
pub(super) async fn ring(world: &mut World, ring: &Edges) -> anyhow::Result<Seen> {
    let mut seen = Seen::default();
    let since = world.wire(ring).await?;
    seen.took("whole", world.whole(since).await?);
    let rest: Edges = ring.iter().copied().filter(|edge| *edge != LOST).collect();
    let since = world.wire(&rest).await?;
    seen.took("whole without one cable", world.whole(since).await?);
    Ok(seen)
}
