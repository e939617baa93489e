//! What is neither a knob nor a table: the mesh device itself, the algorithms, notifications and the throughput meter.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use batman::codec::{BatadvAttr, BatadvCmd};
use batman::{Knob, MacAddr, Notification, Value};
use serde_json::json;

use crate::batctl;
use crate::report::Report;
use crate::world::{MESHES, VLAN, World, name, set};

/// How long a measurement takes.
const MEASURED: Duration = Duration::from_secs(1);

/// How long the kernel may take to say something.
const SAID: Duration = Duration::from_secs(20);

pub(crate) async fn check(world: &mut World, report: &mut Report) {
    let algorithm = world.algorithm;
    for (what, outcome) in [
        ("mesh device", itself(world, report).await),
        ("VLAN", vlan(world, report).await),
        ("algorithms", algorithms(world, report).await),
        ("notifications", notifications(world, report).await),
        ("throughput meter", meter(world, report).await),
    ] {
        match outcome {
            Ok(()) => report.holds(algorithm, what),
            Err(error) => report.fails(algorithm, &format!("{what}: {error:#}")),
        }
    }
}

async fn itself(world: &mut World, report: &mut Report) -> anyhow::Result<()> {
    let mesh = name(MESHES[0]);
    let device = world.kernel.mesh_device(&mesh).await?;
    let state = world.kernel.mesh_state(&mesh).await?;
    let primary = state.primary.context("no hard interface is active")?;
    let network_coding =
        world.kernel.mesh_attributes(&mesh).await?.iter().find_map(|it| match it {
            BatadvAttr::NetworkCodingEnabled(on) => Some(*on),
            _ => None,
        });
    let theirs = batctl::query(&["meshif", MESHES[0], "mesh_json"])?;
    let ours = [
        ("version", json!(device.version)),
        ("algo_name", json!(device.algorithm.map(batman::RoutingAlgorithm::name))),
        ("mesh_ifindex", json!(device.index.0)),
        ("mesh_ifname", json!(device.name.as_str())),
        ("mesh_address", json!(device.address.to_string())),
        ("tt_ttvn", json!(state.table_version)),
        ("bla_crc", json!(state.backbone_group)),
        ("mcast_flags", json!(state.multicast.map(batman::codec::McastFlags::bits))),
        (
            "mcast_flags_priv",
            json!(state.bridge_multicast.map(batman::codec::McastFlagsPriv::bits)),
        ),
        ("hard_ifindex", json!(primary.index.0)),
        ("hard_ifname", json!(primary.name.as_str())),
        ("hard_address", json!(primary.address.to_string())),
        ("network_coding_enabled", json!(network_coding)),
    ];
    for (key, value) in &ours {
        let told = batctl::plain(theirs.get(*key));
        ensure!(told == *value, "{key}: we see {value}, batctl {told}");
        match option(key) {
            Some(option) if told.is_null() => report.coverage().lacks(&[key], option),
            _ => report.covers(BatadvCmd::GetMesh, &[key]),
        }
    }
    Ok(())
}

/// What a kernel has to be built with to tell something of a mesh device that is no setting of ours.
fn option(key: &str) -> Option<&'static str> {
    match key {
        "bla_crc" => Some("CONFIG_BATMAN_ADV_BLA"),
        "mcast_flags" | "mcast_flags_priv" => Some("CONFIG_BATMAN_ADV_MCAST"),
        "network_coding_enabled" => Some("CONFIG_BATMAN_ADV_NC"),
        _ => None,
    }
}

async fn vlan(world: &mut World, report: &mut Report) -> anyhow::Result<()> {
    let vlan = world.kernel.vlan(&name(MESHES[0]), batman::VlanId::new(VLAN)?).await?;
    let theirs = batctl::query(&["meshif", MESHES[0], "vid", &VLAN.to_string(), "vlan_json"])?;
    for (key, value) in [
        ("vlanid", json!(vlan.id.number())),
        ("mesh_ifname", json!(vlan.mesh.as_str())),
        ("mesh_ifindex", json!(vlan.mesh_index.0)),
    ] {
        let told = batctl::plain(theirs.get(key));
        ensure!(told == value, "{key}: we see {value}, batctl {told}");
        report.covers(BatadvCmd::GetVlan, &[key]);
    }
    Ok(())
}

async fn algorithms(world: &mut World, report: &mut Report) -> anyhow::Result<()> {
    let ours = world.kernel.routing_algorithms().await?;
    let theirs = batctl::run(&["routing_algo"])?;
    let count = theirs.matches("BATMAN_").count();
    ensure!(!ours.is_empty() && ours.iter().all(|it| theirs.contains(it)), "{ours:?}, {theirs:?}");
    // Those that are available, and one line for each mesh that has one.
    ensure!(count >= ours.len(), "batctl lists {count}, we see {ours:?}");
    report.covers(BatadvCmd::GetRoutingAlgos, &["algo_name"]);
    Ok(())
}

/// What batctl changes we are told.
async fn notifications(world: &mut World, report: &mut Report) -> anyhow::Result<()> {
    let mut notifications = world.kernel.notifications().await?;
    batctl::run(&["meshif", MESHES[0], "hop_penalty", "77"])?;
    let told = tokio::time::timeout(SAID, async {
        loop {
            for notification in notifications.next().await? {
                if let Notification::Mesh { mesh, settings, .. } = notification
                    && mesh.as_str() == MESHES[0]
                    && settings.hop_penalty == Some(77)
                {
                    return anyhow::Ok(());
                }
            }
        }
    });
    told.await.context("we were not told")??;
    world.apply(set(&name(MESHES[0]), Knob::HopPenalty, Value::Number(30))).await?;
    report.covers(BatadvCmd::SetMesh, &["hop_penalty"]);
    Ok(())
}

/// A measurement is told of before the kernel has ended it: until then the next is refused.
async fn meter(world: &mut World, report: &mut Report) -> anyhow::Result<()> {
    let (mesh, far, since) = (name(MESHES[0]), far(world).await?, Instant::now());
    let may_wait = |error: &batman::Error| is_busy(error) && since.elapsed() < SAID * 2;
    let measurement = loop {
        let measurement = world.kernel.measure(&mesh, far, MEASURED);
        match tokio::time::timeout(SAID, measurement).await.context("no result")? {
            Err(error) if may_wait(&error) => tokio::time::sleep(MEASURED).await,
            told => break told?,
        }
    };
    let rate = measurement.throughput().context("nothing was carried")?;
    ensure!(rate.kbit() > 0 && measurement.bytes > 0, "{measurement:?}");
    let words = ["meshif", MESHES[0], "tp", "-t", "1000", &far.to_string()];
    let theirs = loop {
        match batctl::run(&words) {
            Err(_) if since.elapsed() < SAID * 2 => tokio::time::sleep(MEASURED).await,
            told => break told?,
        }
    };
    ensure!(theirs.contains("Throughput"), "batctl tp: {theirs}");
    report.covers(
        BatadvCmd::TpMeter,
        &["orig_address", "tpmeter_result", "tpmeter_test_time", "tpmeter_bytes", "tpmeter_cookie"],
    );
    loop {
        match cancelled(world, far).await? {
            Err(error) if may_wait(&error) => tokio::time::sleep(MEASURED).await,
            told => break told?,
        }
    }
    report.covers(BatadvCmd::TpMeterCancel, &[]);
    Ok(())
}

/// Begins a measurement and cancels it.
async fn cancelled(world: &mut World, far: MacAddr) -> anyhow::Result<batman::Result<()>> {
    let mesh = name(MESHES[0]);
    let mut measuring = match world.kernel.begin_measurement(&mesh, far, SAID * 3).await {
        Ok(measuring) => measuring,
        Err(error) => return Ok(Err(error)),
    };
    world.kernel.cancel_measurement(&mesh, far).await?;
    let end = tokio::time::timeout(SAID, measuring.end()).await;
    Ok(end.context("it was not cancelled")?.map(drop))
}

fn is_busy(error: &batman::Error) -> bool {
    let busy = batman::MeasurementFault::AlreadyOngoing;
    matches!(error, batman::Error::Measurement { fault, .. } if *fault == busy)
}

async fn far(world: &mut World) -> anyhow::Result<MacAddr> {
    let originators = world.kernel.originators(&name(MESHES[0])).await?;
    match originators.first() {
        Some(originator) => Ok(originator.address),
        None => bail!("there is no other node"),
    }
}
