//! Whatever another program changes comes back: mesh-node runs, and batctl and ip change everything that it keeps.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use batman::knob::{Kind, Scope};
use batman::{GatewayMode, Knob, LocalClient, LogLevel, Mask, Step, Throughput, Value, VlanId};

use crate::knobs;
use crate::node::{self, ADDRESSES, BRIDGE, MAC, MTU, Node};
use crate::report::{Mended, Report};
use crate::world::{CABLE, CLIENT, MESHES, VLAN, World, name};

/// What the kernel tells of is back so soon.
const BY_EVENT: Duration = Duration::from_secs(2);

/// A mesh that is made from nothing takes longer than a repair, and a repair that takes this long has failed.
const WHOLE: Duration = Duration::from_secs(60);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(25);

/// Longer than a node lets a burst of changes end: what it does in a second step it has done then.
const QUIET: Duration = Duration::from_millis(150);

/// What ip is told, after `ip`, and what that changes.
const BY_IP: [(&str, &str); 17] = [
    ("MTU of the mesh", "link set bat0 mtu 1300"),
    ("MAC of the mesh", "link set bat0 address 02:00:00:00:00:78"),
    ("mesh down", "link set bat0 down"),
    ("hard interface detached", "link set mesh0 nomaster"),
    ("hard interface down", "link set mesh0 down"),
    ("IPv4 address removed", "addr del 10.9.1.1/24 dev br-lan"),
    ("IPv6 address removed", "addr del fd09::1/64 dev br-lan"),
    ("port out of the bridge", "link set lan0 nomaster"),
    ("mesh out of the bridge", "link set bat0 nomaster"),
    ("hard interface into another bridge", "link set mesh0 master br0"),
    ("port into another bridge", "link set lan0 master br0"),
    ("mesh into another bridge", "link set bat0 master br0"),
    ("mesh renamed", "link set bat0 name bat9"),
    ("bridge down", "link set br-lan down"),
    ("VLAN with a client deleted", "link del bat0.10"),
    ("bridge deleted", "link del br-lan"),
    ("mesh deleted", "link del bat0"),
];

/// Lets a mesh-node make a mesh, changes one thing after the other, and waits for each to be back.
pub(crate) async fn check(world: &mut World, report: &mut Report) -> anyhow::Result<()> {
    let algorithm = world.algorithm;
    let mut node = Node::start(algorithm)?;
    until_whole(world, &mut node, 0).await.context("the mesh was never made")?;
    strangers(world).await.context("what is not of the mesh")?;
    for &knob in Knob::ALL {
        if knobs::ours(world, knob).await?.is_none() {
            continue;
        }
        let change = async |_: &mut World| knobs::tell(algorithm, knob, other(knob));
        match mended(world, &mut node, change).await {
            Ok((mended, lines)) => {
                let is_named =
                    lines.len() == 1 && lines.iter().all(|it| it.contains(knob.about().name));
                report.mended(algorithm, &knobs::title(knob), mended);
                if !is_named {
                    report.fails(algorithm, &format!("{knob} was told of like this: {lines:?}"));
                }
            }
            Err(error) => report.fails(algorithm, &format!("{knob} set by batctl: {error:#}")),
        }
    }
    for (what, words) in BY_IP {
        match mended(world, &mut node, async |_| ip(words).map(drop)).await {
            Ok((mended, _)) => report.mended(algorithm, what, mended),
            Err(error) => report.fails(algorithm, &format!("{what}: {error:#}")),
        }
    }
    let what = "IPv6 address with another prefix";
    match mended(world, &mut node, async |world| world.lengthen_prefix(BRIDGE, ADDRESSES[1]).await)
        .await
    {
        Ok((mended, _)) => report.mended(algorithm, what, mended),
        Err(error) => report.fails(algorithm, &format!("{what}: {error:#}")),
    }
    for &knob in Knob::ALL {
        let (theirs, wanted) = (knobs::theirs(knob)?, knobs::shown(node::wanted(knob)));
        if !theirs.is_null() && theirs != wanted {
            report.fails(
                algorithm,
                &format!("{knob}: batctl reads {theirs} in the end, and not {wanted}"),
            );
        }
    }
    node.stop().await
}

/// Makes a bridge that is nobody's, and a client in the VLAN: its packets keep the VLAN in the kernel when its link is deleted.
async fn strangers(world: &mut World) -> anyhow::Result<()> {
    world.apply(Step::CreateBridge { bridge: name("br0") }).await?;
    let (vlan, link) = (VlanId::new(VLAN)?, name("lan1.10"));
    world.apply(Step::CreateVlan { mesh: name(CLIENT[1]), vlan, link: link.clone() }).await?;
    world.apply(Step::SetUp { link }).await?;
    let client = attribute(CLIENT[1], "address")?;
    let since = Instant::now();
    loop {
        let clients = world.kernel.local_clients(&name(MESHES[0])).await?;
        let is_it = |it: &LocalClient| it.vlan == Some(vlan) && it.address.to_string() == client;
        if clients.iter().any(is_it) {
            return Ok(());
        }
        ensure!(since.elapsed() < WHOLE, "the client of the VLAN is not heard");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Changes something and waits until all is as it was; returns how long that took and the lines that tell of it.
async fn mended(
    world: &mut World,
    node: &mut Node,
    change: impl AsyncFnOnce(&mut World) -> anyhow::Result<()>,
) -> anyhow::Result<(Mended, Vec<String>)> {
    let before = node.changes()?.len();
    let since = Instant::now();
    change(world).await?;
    until_whole(world, node, before + 1).await?;
    let after = since.elapsed();
    ensure!(after <= BY_EVENT, "it was back only after {} ms", after.as_millis());
    tokio::time::sleep(QUIET).await;
    let lines = node.changes()?.split_off(before);
    Ok((Mended { after, lines: lines.len() }, lines))
}

/// Waits until the mesh is as it is wanted and that many changes were told of.
async fn until_whole(world: &mut World, node: &mut Node, changes: usize) -> anyhow::Result<()> {
    let since = Instant::now();
    loop {
        let told = node.changes()?.len();
        let Err(amiss) = whole(world).await else {
            if told >= changes {
                return Ok(());
            }
            ensure!(since.elapsed() < WHOLE, "nothing told of it");
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        node.runs()?;
        if since.elapsed() > WHOLE {
            bail!("{amiss:#}; its log: {}", node.told()?);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Fails with the first thing that is not as it is wanted.
pub(crate) async fn whole(world: &mut World) -> anyhow::Result<()> {
    let mesh = name(MESHES[0]);
    let device = world.kernel.mesh_device(&mesh).await?;
    let interfaces = world.kernel.hard_interfaces(&mesh).await?;
    let interface = interfaces.iter().find(|it| it.name.as_str() == CABLE[0]);
    let interface = interface.context("the hard interface is detached")?;
    let vlan = world.kernel.vlan(&mesh, VlanId::new(VLAN)?).await?;
    for &knob in Knob::ALL {
        let seen = match knob.about().scope {
            Scope::Mesh => device.settings.get(knob),
            Scope::HardInterface => interface.settings.get(knob),
            Scope::Vlan => vlan.settings.get(knob),
        };
        ensure!(seen.is_none_or(|it| it == node::wanted(knob)), "{knob} is {seen:?}");
    }
    let [mesh, cable, port] = [MESHES[0], CABLE[0], CLIENT[0]];
    let vlan = format!("{mesh}.{VLAN}");
    ensure!(attribute(mesh, "mtu")? == MTU.to_string(), "another MTU");
    ensure!(attribute(mesh, "address")? == MAC, "another MAC");
    for (link, master) in [(cable, mesh), (port, BRIDGE), (mesh, BRIDGE)] {
        let seen = fs::read_link(format!("/sys/class/net/{link}/master"));
        let seen = seen.with_context(|| format!("{link} is in nothing"))?;
        ensure!(
            seen.file_name() == Path::new(master).file_name(),
            "{link} is in {}",
            seen.display()
        );
    }
    for link in [mesh, cable, BRIDGE, &vlan] {
        let flags = attribute(link, "flags")?;
        let flags = u32::from_str_radix(flags.trim_start_matches("0x"), 16)?;
        ensure!(flags & IFF_UP != 0, "{link} is down");
    }
    let addresses = ip(&format!("addr show dev {BRIDGE}"))?;
    for address in ADDRESSES {
        ensure!(addresses.contains(address), "{address} is not on {BRIDGE}");
    }
    Ok(())
}

/// include/uapi/linux/if.h.
const IFF_UP: u32 = 1;

fn attribute(link: &str, attribute: &str) -> anyhow::Result<String> {
    let file = format!("/sys/class/net/{link}/{attribute}");
    Ok(fs::read_to_string(&file).context(file)?.trim().to_owned())
}

fn ip(words: &str) -> anyhow::Result<String> {
    let output = Command::new("ip").args(words.split(' ')).output().context("there is no ip")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {words}: {told} ({})", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A value that is not the wanted one.
fn other(knob: Knob) -> Value {
    match (knob.about().kind, node::wanted(knob)) {
        (Kind::Switch, wanted) => Value::Switch(wanted != Value::Switch(true)),
        (Kind::Number { .. }, _) => Value::Number(77),
        (Kind::Mask, _) => Value::Mask(Mask(0x34)),
        (Kind::Time { .. }, _) => Value::Time(Duration::from_millis(1234)),
        (Kind::Rate { .. }, _) => Value::Rate(Throughput::from_kbit(20_000)),
        (Kind::Gateway, _) => Value::Gateway(GatewayMode::Off),
        (Kind::Log, _) => Value::Log(LogLevel(0b10)),
    }
}
