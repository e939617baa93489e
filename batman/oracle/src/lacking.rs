//! mesh-node on a kernel that lacks something: it starts, sets what there is, and says what is not there and why.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use batman::Knob;
use batman::knob::Scope;

use crate::node::Node;
use crate::report::Report;
use crate::world::{CABLE, MESHES, World};
use crate::{drift, knobs};

/// How long a start may take.
const STARTED: Duration = Duration::from_secs(60);

/// Asks for every knob, whatever this kernel has.
pub(crate) async fn check(
    world: &mut World,
    has_algorithm: bool,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut node = Node::start(world.algorithm)?;
    if !has_algorithm {
        let algorithm = world.algorithm;
        warned_once(&node, &format!("this kernel has no {algorithm} for {}", MESHES[0])).await?;
        report.holds(algorithm, "mesh-node without its algorithm");
        return node.stop().await;
    }
    let since = Instant::now();
    while let Err(amiss) = drift::whole(world).await {
        node.runs()?;
        ensure!(since.elapsed() < STARTED, "{amiss:#}; its log: {}", node.told()?);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for &knob in Knob::ALL {
        if knobs::ours(world, knob).await?.is_some() {
            continue;
        }
        let link = if knob.about().scope == Scope::HardInterface { CABLE[0] } else { MESHES[0] };
        let why = knob.about().why_lacking();
        warned_once(&node, &format!("this kernel cannot set {knob} of {link}: {why}")).await?;
        report.holds(world.algorithm, &format!("mesh-node without {}", knobs::title(knob)));
    }
    node.stop().await
}

/// Waits until it has warned of an obstacle, and fails if it did so twice.
async fn warned_once(node: &Node, obstacle: &str) -> anyhow::Result<()> {
    let words = &format!("WARN the mesh is not whole: {obstacle}");
    let since = Instant::now();
    loop {
        let told = node.told()?;
        let times = told.matches(words.as_str()).count();
        if times == 1 {
            return Ok(());
        }
        let first = told.lines().next().context("it says nothing").unwrap_or_default();
        ensure!(
            times == 0 && since.elapsed() < STARTED,
            "it said {times} times: {words}; it began with {first}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
