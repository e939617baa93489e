//! What the node tells about itself, made out of what it knows.

use std::time::Duration;

use batman::{Gateway, GatewayMode, LinkQuality, Throughput};
use spire_bridge::Uptime;
use spire_bridge::agent::Phase;
use spire_bridge::identity::{Standing, WallTime};

use crate::analyze::Finding;
use crate::config::{Config, Schedule};
use crate::knowledge::Knowledge;
use crate::measuring::{Outcome, Wish};
use crate::mesh::gateway::Why;
use crate::mesh::names::Names;
use crate::neighbours::{self, Neighbour, Trust};
use crate::observation::Observation;
use crate::proto::node as wire;
use crate::proto::node::{NeighbourState, NodeState};

/// No more neighbours are told; who needs more asks the kernel.
const LONGEST_TABLE: usize = 256;

/// Makes the status as of one look.
pub fn status(
    name: &str,
    config: &Config,
    knowledge: &Knowledge,
    seen: &Observation,
    now: Uptime,
) -> wire::Status {
    let (state, reason) = node_state(knowledge, seen);
    let identity = match &seen.identity {
        Standing::Held(identity) => Some(identity),
        Standing::Absent(_) => None,
    };
    let mut table = neighbours::table(config, knowledge, seen);
    if table.len() > LONGEST_TABLE {
        // A flood of strangers must not push out the ones we know.
        table.sort_by_key(|neighbour| !matches!(neighbour.trust, Trust::Verified { .. }));
    }
    let left_out = table.len().saturating_sub(LONGEST_TABLE);
    wire::Status {
        name: name.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        state: state.into(),
        reason,
        spiffe_id: identity.map(|identity| identity.spiffe_id.to_string()),
        svid_not_after: identity.map(|identity| identity.not_after.to_string()),
        agent: Some(agent(knowledge)),
        mesh: mesh(config, seen),
        neighbours: table
            .iter()
            .take(LONGEST_TABLE)
            .map(|neighbour| told(neighbour, seen.wall))
            .collect(),
        neighbours_left_out: u64::try_from(left_out).unwrap_or(u64::MAX),
        findings: findings(knowledge, Finding::is_notable),
        alarms: findings(knowledge, Finding::is_alarm),
        events: knowledge.episodes().map(event).collect(),
        uptime_seconds: now.since_boot().as_secs_f64(),
        dry_run: config.cycle.dry_run,
        measuring: Some(measuring(config, knowledge)),
    }
}

fn findings(knowledge: &Knowledge, is_meant: impl Fn(&Finding) -> bool) -> Vec<String> {
    let meant = knowledge.findings.iter().filter(|finding| is_meant(finding));
    meant.map(ToString::to_string).collect()
}

/// Decides the state word and its reason.
fn node_state(knowledge: &Knowledge, seen: &Observation) -> (NodeState, String) {
    let agent_up = matches!(knowledge.agent.phase(), Phase::Up { .. });
    match &seen.identity {
        Standing::Absent(absence) => {
            let server = match seen.server_answers {
                Some(false) => "; the SPIRE server does not answer",
                _ => "",
            };
            (NodeState::Bootstrapping, format!("no identity: {absence}{server}"))
        }
        Standing::Held(identity) if identity.not_after <= seen.wall => {
            (NodeState::Expired, format!("the SVID ended at {}", identity.not_after))
        }
        Standing::Held(_) if !agent_up => {
            (NodeState::DegradedOffline, "spire-agent is not running".to_owned())
        }
        Standing::Held(_) => (NodeState::Attested, String::new()),
    }
}

fn agent(knowledge: &Knowledge) -> wire::Agent {
    let (phase, pid) = match knowledge.agent.phase() {
        Phase::Down { .. } => ("down", None),
        Phase::Up { pid, .. } => ("up", Some(pid)),
        Phase::Leaving { pid, .. } => ("leaving", Some(pid)),
    };
    wire::Agent {
        phase: phase.to_owned(),
        pid,
        starts: knowledge.agent.starts(),
        last_exit: knowledge.agent.last_exit().map(|exit| exit.to_string()),
    }
}

fn mesh(config: &Config, observed: &Observation) -> Option<wire::Mesh> {
    let seen = observed.mesh.as_ref().ok()?;
    let device = seen.mesh.as_ref();
    let hard_interfaces = config.mesh.wanted.hard_interfaces().iter().map(|name| {
        let link = seen.link(name);
        let mesh = device.map(|device| device.index);
        wire::HardInterface {
            name: name.to_string(),
            mac: link.and_then(|link| link.address).map(|mac| mac.to_string()),
            attached: link.is_some_and(|link| mesh.is_some() && link.master == mesh),
            carrier: link.is_some_and(|link| link.carrier),
        }
    });
    let interval = device.and_then(|device| device.settings.originator_interval);
    let originators = seen.originators.iter().filter(|originator| originator.best).count();
    let is_off = |why: &Why| matches!(why, Why::NotAClient(None | Some(GatewayMode::Off)));
    let choice = observed.gateway().filter(|choice| !is_off(&choice.why));
    Some(wire::Mesh {
        interface: config.mesh.wanted.mesh().to_string(),
        up: device.is_some_and(|device| device.up),
        algorithm: device
            .and_then(|device| device.algorithm)
            .map(|algorithm| algorithm.name().to_owned()),
        version: device.map(|device| device.version.clone()),
        orig_interval_ms: interval.and_then(|time| u32::try_from(time.as_millis()).ok()),
        hard_interfaces: hard_interfaces.collect(),
        originators: u64::try_from(originators).unwrap_or(u64::MAX),
        gateway: choice.as_ref().and_then(|choice| choice.used.as_ref()).map(gateway),
        gateway_reason: choice.map(|it| it.sentence(&Names::default())).unwrap_or_default(),
    })
}

fn gateway(used: &Gateway) -> wire::Gateway {
    let (tq, throughput_kbit) = measures(Some(used.quality));
    wire::Gateway {
        mac: used.address.to_string(),
        interface: used.interface.to_string(),
        router: used.router.to_string(),
        tq,
        throughput_kbit,
        download_kbit: used.download.kbit(),
        upload_kbit: used.upload.kbit(),
    }
}

/// A quality in IV's measure or in V's.
fn measures(quality: Option<LinkQuality>) -> (Option<u32>, Option<u64>) {
    match quality {
        Some(LinkQuality::Tq(tq)) => (Some(u32::from(tq)), None),
        Some(LinkQuality::Throughput(throughput)) => (None, Some(throughput.kbit())),
        None => (None, None),
    }
}

fn told(neighbour: &Neighbour, wall: WallTime) -> wire::Neighbour {
    let (tq, throughput_kbit) = measures(neighbour.quality);
    let told = wire::Neighbour {
        interface: neighbour.interface.clone(),
        mac: neighbour.mac.to_string(),
        tq,
        throughput_kbit,
        last_seen_ms: u64::try_from(neighbour.last_seen.as_millis()).unwrap_or(u64::MAX),
        ..wire::Neighbour::default()
    };
    match &neighbour.trust {
        Trust::Verified { proven, round_trip } => wire::Neighbour {
            state: NeighbourState::Verified.into(),
            spiffe_id: Some(proven.spiffe_id.to_string()),
            kx_group: Some(proven.kx_group.to_owned()),
            svid_not_after: Some(proven.not_after.to_string()),
            svid_seconds_left: Some(proven.not_after.remaining(wall).as_secs()),
            rtt_ms: round_trip.map(|time| time.as_secs_f64() * 1_000.0),
            ..told
        },
        Trust::Unverified { reason } => wire::Neighbour {
            state: NeighbourState::Unverified.into(),
            reason: reason.clone(),
            ..told
        },
        Trust::Refused { reason } => wire::Neighbour {
            state: NeighbourState::Refused.into(),
            reason: reason.clone(),
            ..told
        },
    }
}

fn measuring(config: &Config, knowledge: &Knowledge) -> wire::Measuring {
    let schedule = match config.mesh.measure.schedule {
        Schedule::Off => "off",
        Schedule::Wired => "wired",
        Schedule::On => "on",
    };
    let neighbours = knowledge.measuring.known().map(|history| wire::Measured {
        interface: history.target.interface.to_string(),
        originator: history.target.node.to_string(),
        usual_kbit: history.usual().map(Throughput::kbit),
        failure: history.failure.clone().unwrap_or_default(),
        results: history.results().map(result).collect(),
    });
    wire::Measuring { schedule: schedule.to_owned(), neighbours: neighbours.collect() }
}

fn result(outcome: &Outcome) -> wire::Result {
    wire::Result {
        at_seconds: outcome.at.since_boot().as_secs_f64(),
        time: outcome.wall.to_string(),
        throughput_kbit: outcome.throughput.kbit(),
        bytes: outcome.bytes,
        seconds: outcome.duration.as_secs_f64(),
        by_hand: outcome.wish == Wish::Person,
    }
}

fn event(episode: &crate::knowledge::Episode) -> wire::Event {
    wire::Event {
        at_seconds: episode.at.since_boot().as_secs_f64(),
        action: episode.action.clone(),
        error: episode.error.clone().unwrap_or_default(),
    }
}

/// Writes a time that is left in its two greatest units: `59m`, `1h 30m`, `12s`.
pub fn shortly(left: Duration) -> String {
    let seconds = left.as_secs();
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, s) => format!("{s}s"),
        (0, 0, m, _) => format!("{m}m"),
        (0, h, m, _) => format!("{h}h {m}m"),
        (d, h, _, _) => format!("{d}d {h}h"),
    }
}

#[cfg(test)]
mod tests;
