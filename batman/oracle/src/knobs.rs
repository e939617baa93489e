//! Every knob, both ways.

use std::time::Duration;

use anyhow::{Context as _, bail};
use batman::codec::BatadvCmd;
use batman::knob::{Kind, Scope};
use batman::{
    GatewayMode, Knob, LogLevel, Mask, RoutingAlgorithm, Setting, Step, Throughput, Value, VlanId,
};
use serde_json::{Value as Json, json};

use crate::batctl;
use crate::report::Report;
use crate::world::{CABLE, MESHES, VLAN, World, name};

/// Sets each knob to some values, by us and by batctl, and has the other read them.
pub(crate) async fn check(world: &mut World, report: &mut Report) -> anyhow::Result<()> {
    for &knob in Knob::ALL {
        let title = title(knob);
        match both_ways(world, knob).await {
            Ok(Seen::Values(count)) => {
                report.agrees(world.algorithm, &title, count);
                let key = key(knob)?;
                for command in commands(knob) {
                    report.covers(command, &[&key]);
                }
            }
            Ok(Seen::Lacking) => {
                report.lacks(world.algorithm, &title, &knob.about().why_lacking());
                report.coverage().lacks_knob(knob, &key(knob)?);
            }
            Err(error) => report.fails(world.algorithm, &format!("{title}: {error:#}")),
        }
    }
    Ok(())
}

enum Seen {
    Values(usize),
    Lacking,
}

async fn both_ways(world: &mut World, knob: Knob) -> anyhow::Result<Seen> {
    let before = ours(world, knob).await?;
    let theirs = theirs(knob)?;
    match (before, &theirs) {
        (None, Json::Null) => return Ok(Seen::Lacking),
        (Some(_), Json::Null) | (None, _) => bail!("we see {before:?} and batctl {theirs}"),
        (Some(_), _) => {}
    }
    let values = values(knob, world.algorithm);
    for value in &values {
        world.apply(step(knob, *value)?).await?;
        let read = self::theirs(knob)?;
        let expected = shown(*value);
        if read != expected {
            bail!("we set {value}, batctl reads {read} instead of {expected}");
        }
    }
    for value in values.iter().rev() {
        tell(world.algorithm, knob, *value)?;
        let read = ours(world, knob).await?;
        if read != Some(*value) {
            bail!("batctl sets {value}, we read {read:?}");
        }
    }
    if let Some(before) = before {
        world.apply(step(knob, before)?).await?;
    }
    Ok(Seen::Values(values.len()))
}

/// Values that differ from one another, the ends of the range among them.
fn values(knob: Knob, algorithm: RoutingAlgorithm) -> Vec<Value> {
    let values = match knob.about().kind {
        Kind::Switch => vec![Value::Switch(true), Value::Switch(false)],
        Kind::Number { least, most } => {
            vec![
                Value::Number(least),
                Value::Number(least.midpoint(most.min(255))),
                Value::Number(most),
            ]
        }
        Kind::Mask => {
            vec![Value::Mask(Mask(1)), Value::Mask(Mask(0x8000_0001)), Value::Mask(Mask(0))]
        }
        Kind::Time { least, .. } => {
            vec![Value::Time(least), Value::Time(Duration::from_millis(1234))]
        }
        Kind::Rate { least } => vec![
            Value::Rate(Throughput::from_kbit(54_300)),
            Value::Rate(if least.kbit() == 0 { least } else { Throughput::from_kbit(1_000_000) }),
        ],
        Kind::Gateway => [GatewayMode::Server, GatewayMode::Off, GatewayMode::Client]
            .map(Value::Gateway)
            .to_vec(),
        Kind::Log => vec![Value::Log(LogLevel(0)), Value::Log(LogLevel(0b101))],
    };
    values.into_iter().filter(|value| knob.takes(*value, algorithm)).collect()
}

pub(crate) async fn ours(world: &mut World, knob: Knob) -> anyhow::Result<Option<Value>> {
    let mesh = name(MESHES[0]);
    Ok(match knob.about().scope {
        Scope::Mesh => world.kernel.mesh_device(&mesh).await?.settings.get(knob),
        Scope::HardInterface => {
            let interfaces = world.kernel.hard_interfaces(&mesh).await?;
            let found = interfaces.iter().find(|it| it.name.as_str() == CABLE[0]);
            found.context("the hard interface is gone")?.settings.get(knob)
        }
        Scope::Vlan => world.kernel.vlan(&mesh, VlanId::new(VLAN)?).await?.settings.get(knob),
    })
}

/// What batctl's JSON says; null if it says nothing.
pub(crate) fn theirs(knob: Knob) -> anyhow::Result<Json> {
    let vlan = VLAN.to_string();
    let object = match knob.about().scope {
        Scope::Mesh => batctl::query(&["meshif", MESHES[0], "mesh_json"])?,
        Scope::HardInterface => batctl::query(&["hardif", CABLE[0], "hardif_json"])?,
        Scope::Vlan => batctl::query(&["meshif", MESHES[0], "vid", &vlan, "vlan_json"])?,
    };
    Ok(batctl::plain(object.get(key(knob)?)))
}

/// The commands that read and write a knob.
fn commands(knob: Knob) -> [BatadvCmd; 2] {
    match knob.about().scope {
        Scope::Mesh => [BatadvCmd::GetMesh, BatadvCmd::SetMesh],
        Scope::HardInterface => [BatadvCmd::GetHardif, BatadvCmd::SetHardif],
        Scope::Vlan => [BatadvCmd::GetVlan, BatadvCmd::SetVlan],
    }
}

/// The key of a knob in batctl's JSON.
fn key(knob: Knob) -> anyhow::Result<String> {
    let setting = Setting { knob, value: knob.about().default };
    let attribute = setting.attribute().context("the knob has no attribute")?;
    let key = attribute.name().and_then(|it| it.strip_prefix("BATADV_ATTR_")).context("no name")?;
    Ok(key.to_ascii_lowercase())
}

/// A value as batctl's JSON has it.
pub(crate) fn shown(value: Value) -> Json {
    match value {
        Value::Switch(on) => json!(on),
        Value::Number(number) => json!(number),
        Value::Mask(mask) => json!(mask.0),
        Value::Time(time) => json!(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        Value::Rate(rate) => json!(rate.kbit() / 100),
        Value::Gateway(mode) => json!(mode.to_string()),
        Value::Log(level) => json!(level.0),
    }
}

fn step(knob: Knob, value: Value) -> anyhow::Result<Step> {
    let (mesh, setting) = (name(MESHES[0]), Setting { knob, value });
    Ok(match knob.about().scope {
        Scope::Mesh => Step::Set { mesh, setting },
        Scope::HardInterface => Step::SetHardInterface { mesh, link: name(CABLE[0]), setting },
        Scope::Vlan => Step::SetVlan { mesh, vlan: VlanId::new(VLAN)?, setting },
    })
}

/// Has batctl set a value, in its words.
pub(crate) fn tell(algorithm: RoutingAlgorithm, knob: Knob, value: Value) -> anyhow::Result<()> {
    let vlan = VLAN.to_string();
    let mut words: Vec<&str> = match knob.about().scope {
        Scope::Mesh => vec!["meshif", MESHES[0]],
        Scope::HardInterface => vec!["hardif", CABLE[0]],
        Scope::Vlan => vec!["meshif", MESHES[0], "vid", &vlan],
    };
    let (command, said) = words_for(knob, value, algorithm);
    words.push(command);
    words.extend(said.split(' '));
    batctl::run(&words).map(drop)
}

/// batctl's command for a knob, and its word for a value.
fn words_for(knob: Knob, value: Value, algorithm: RoutingAlgorithm) -> (&'static str, String) {
    let plain = match value {
        Value::Switch(on) => u8::from(on).to_string(),
        Value::Time(time) => time.as_millis().to_string(),
        Value::Rate(rate) => format!("{}kbit", rate.kbit()),
        Value::Mask(mask) => format!("{:#x}", mask.0),
        Value::Number(_) | Value::Gateway(_) | Value::Log(_) => value.to_string(),
    };
    match knob {
        Knob::Aggregation => ("aggregation", plain),
        Knob::ApIsolation | Knob::VlanApIsolation => ("ap_isolation", plain),
        // The mark goes with its mask; what stands before is kept by the mask alone.
        Knob::IsolationMark => ("isolation_mark", format!("{plain}/0xffffffff")),
        Knob::IsolationMask => ("isolation_mark", format!("0x0/{plain}")),
        Knob::Bonding => ("bonding", plain),
        Knob::BridgeLoopAvoidance => ("bridge_loop_avoidance", plain),
        Knob::DistributedArpTable => ("distributed_arp_table", plain),
        Knob::Fragmentation => ("fragmentation", plain),
        Knob::GatewayMode => ("gw_mode", plain),
        Knob::GatewayDownload => ("gw_mode", format!("server {plain}/2000kbit")),
        Knob::GatewayUpload => ("gw_mode", format!("server 10000kbit/{plain}")),
        Knob::GatewayClass => {
            let class = match (algorithm, value) {
                // Under V it is a bandwidth, which batctl reads in kbit/s.
                (RoutingAlgorithm::BatmanV, Value::Number(class)) => {
                    format!("{}kbit", u64::from(class) * 100)
                }
                _ => plain,
            };
            ("gw_mode", format!("client {class}"))
        }
        Knob::HopPenalty | Knob::InterfaceHopPenalty => ("hop_penalty", plain),
        Knob::LogLevel => ("loglevel", plain.replace(',', "")),
        Knob::MulticastForceflood => ("multicast_forceflood", plain),
        Knob::MulticastFanout => ("multicast_fanout", plain),
        Knob::OriginatorInterval => ("orig_interval", plain),
        Knob::ElpInterval => ("elp_interval", plain),
        Knob::ThroughputOverride => ("throughput_override", plain),
    }
}

pub(crate) fn title(knob: Knob) -> String {
    match knob.about().scope {
        Scope::Mesh => knob.to_string(),
        Scope::HardInterface => format!("hard interface {knob}"),
        Scope::Vlan => format!("VLAN {knob}"),
    }
}
