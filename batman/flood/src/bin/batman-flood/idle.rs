//! What the node takes that only looks, in meshes of three sizes.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};
use batman_flood::Crowd;
use serde_json::Value;

use crate::world::{HARD, World};
use crate::{NODES, cost, row};

/// How many nodes the meshes have.
const SIZES: [u16; 3] = [10, 100, NODES];

/// How long the node looks on: as many rounds of its loop as it has seconds.
const WATCHED: Duration = Duration::from_secs(30);

/// A change's look-again and the allocator's first growth are over by then.
const SETTLED: Duration = Duration::from_secs(10);

/// What the node says goes here.
const LOG: &str = "/tmp/mesh-node.log";

/// What it costs in a mesh of one size.
struct Cost {
    /// Milliseconds of the processor in a minute.
    cpu: f64,
    /// KiB.
    memory: f64,
}

pub(crate) fn measure(world: &mut World) -> anyhow::Result<Vec<Value>> {
    configure()?;
    let mut node = start()?;
    let costs = costs(world, &mut node);
    node.kill()?;
    node.wait()?;
    let costs = costs.inspect_err(|_| println!("{}", fs::read_to_string(LOG).unwrap_or_default()));
    let [small, medium, large] = costs?;
    let peer = "10 originators";
    Ok(vec![
        row("idle-cpu-100", medium.cpu, "ms CPU/min", peer, small.cpu),
        row("idle-cpu-1000", large.cpu, "ms CPU/min", peer, small.cpu),
        row("idle-memory-100", medium.memory, "KiB RSS", peer, small.memory),
        row("idle-memory-1000", large.memory, "KiB RSS", peer, small.memory),
    ])
}

fn costs(world: &mut World, node: &mut Child) -> anyhow::Result<[Cost; 3]> {
    let [small, medium, large] = SIZES;
    let mut at = |nodes| {
        world.crowd(Crowd::new(world.algorithm, nodes))?;
        cost(node)
    };
    Ok([at(small)?, at(medium)?, at(large)?])
}

fn cost(node: &mut Child) -> anyhow::Result<Cost> {
    thread::sleep(SETTLED);
    let before = cost::of_process(node.id())?;
    thread::sleep(WATCHED);
    if let Some(status) = node.try_wait()? {
        bail!("mesh-node ended with {status}");
    }
    let cpu = (cost::of_process(node.id())? - before) / WATCHED.as_secs_f64() * 60.0;
    Ok(Cost { cpu, memory: cost::resident(node.id())? })
}

/// Everything as it is by default, and nobody to attest the node.
fn configure() -> anyhow::Result<()> {
    let directories = ["/etc/mesh-node", "/run/mesh-node", "/run/spire/sockets", "/tmp"];
    for directory in directories {
        fs::create_dir_all(directory).context(directory)?;
    }
    let config = format!(
        "[mesh]\nhard_interfaces = [\"{HARD}\"]\n[identity]\nserver = \"127.0.0.1:8081\"\n"
    );
    fs::write(Path::new("/etc/mesh-node/config.toml"), config).context("the configuration")
}

fn start() -> anyhow::Result<Child> {
    let log = File::create(LOG)?;
    let mut node = Command::new("mesh-node");
    node.arg("run").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    node.spawn().context("there is no mesh-node")
}
