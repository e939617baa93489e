//! What is done to twenty nodes, and what must hold then.

mod fighting;
mod flapping;
mod gateways;
mod partition;
mod shapes;

use crate::configuration::Algorithm;
use crate::report::Report;
use crate::shape;
use crate::world::World;

/// Plays everything with one algorithm: each play goes on with the mesh that the one before has left.
pub(crate) async fn run(algorithm: Algorithm, report: &mut Report) -> anyhow::Result<()> {
    let (seed, random) = shapes::chance(algorithm);
    let shapes = [shape::line(), shape::ring(), shape::star(), random];
    let mut world = World::create(algorithm, &shapes, gateways::CLIENT).await?;
    let [line, ring, star, random] = shapes;
    report.played(algorithm, "line", shapes::form(&mut world, &line).await);
    report.played(algorithm, "partition", partition::play(&mut world).await);
    // Where there is another way, B.A.T.M.A.N. V tells of it for minutes after it is gone.
    report.played(algorithm, "flapping", flapping::play(&mut world).await);
    report.played(algorithm, "fighting", fighting::play(&mut world).await);
    report.played(algorithm, "gateways", gateways::play(&mut world).await);
    report.played(algorithm, "ring", shapes::ring(&mut world, &ring).await);
    report.played(algorithm, "star", shapes::form(&mut world, &star).await);
    let name = format!("random, seed {seed}");
    report.played(algorithm, &name, shapes::form(&mut world, &random).await);
    world.remove().await
}
