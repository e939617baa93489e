//! Two programs want one knob otherwise: mesh-node gives way, once and aloud, and keeps the others.

use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::configuration::ORIGINATOR_INTERVAL_MS;
use crate::node::Node;
use crate::report::Seen;
use crate::shape::NODES;
use crate::waiting::until;
use crate::world::World;

/// The node that is fought with.
const FOUGHT: usize = NODES / 2;

/// The knob, which the kernel has as it should be from the beginning: every setting is a repair.
const KNOB: &str = "bonding";

/// How mesh-node keeps it.
const KEPT: &str = "disabled";

/// How the other program sets it.
const OTHER: &str = "enabled";

/// So many repairs of one thing are the last.
const REPAIRS: usize = 5;

/// What mesh-node says of a fight, in its log and in its status.
const ALARM: &str = "another program undoes what mesh-node does";

/// The kernel tells at once; the machine is slow and has nineteen other nodes. Less than the time between two looks that nothing
/// gives a reason for.
const REPAIRED: Duration = Duration::from_secs(8);

/// What is not repaired within this is left alone.
const LEFT: Duration = Duration::from_secs(3);

/// Five repairs, one line in the log, an alarm; another knob is still kept.
pub(super) async fn play(world: &mut World) -> anyhow::Result<Seen> {
    let mut seen = Seen::default();
    let node = world.node(FOUGHT)?;
    let began = Instant::now();
    for repair in 1..=REPAIRS {
        node.batctl(&world.home, &[KNOB, "1"])?;
        let repaired = reads(node, world, KNOB, KEPT).await?;
        seen.took(&format!("repair {repair}"), repaired);
    }
    seen.took("the fight", began.elapsed());
    node.batctl(&world.home, &[KNOB, "1"])?;
    let alarmed = until(REPAIRED, || {
        let is_told = node.alarms(&world.home)?.iter().any(|it| it.contains(ALARM));
        Ok((!is_told).then(|| "mesh-node's status says nothing of a fight".to_owned()))
    });
    seen.took("alarm", alarmed.await?);
    // The other program goes on, and has its way.
    let since = Instant::now();
    while since.elapsed() < LEFT {
        let now = node.batctl(&world.home, &[KNOB])?;
        ensure!(now.trim() == OTHER, "it was repaired once more: {now:?}");
        node.batctl(&world.home, &[KNOB, "1"])?;
    }
    let log = node.log();
    let lines = log.lines().filter(|line| line.contains(ALARM)).count();
    ensure!(lines == 1, "the log speaks of the fight {lines} times: {log}");
    node.batctl(&world.home, &["orig_interval", "1000"])?;
    let interval = ORIGINATOR_INTERVAL_MS.to_string();
    seen.took("another knob", reads(node, world, "orig_interval", &interval).await?);
    Ok(seen)
}

async fn reads(node: &Node, world: &World, knob: &str, wanted: &str) -> anyhow::Result<Duration> {
    until(REPAIRED, || {
        let now = node.batctl(&world.home, &[knob])?;
        Ok((now.trim() != wanted).then(|| format!("{knob} is {now:?}, not {wanted}")))
    })
    .await
}
