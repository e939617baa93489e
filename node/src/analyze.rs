//! What is not as it should be: the only step of the loop that sees across mesh, identity and sessions.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use batman::{Obstacle, Step, VlanId};
use spire_bridge::Uptime;
use spire_bridge::agent::{Exit, Phase, ServerAddress};
use spire_bridge::identity::{Absence, Standing};

use crate::config::Config;
use crate::data::{self, DataFinding};
use crate::knowledge::{Knowledge, fights};
use crate::measuring::{Fall, Target};
use crate::observation::Observation;
use crate::peers::{PeerKey, SessionId, Timeouts};
use crate::trial::rules::{self, SlotFinding};

/// An agent that will try again sooner than this is not disturbed: a restart takes it as long.
const WORTH_A_RESTART: Duration = Duration::from_secs(5);

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The kernel would not tell about the mesh.
    MeshUnreadable(String),
    /// The mesh differs from what is wanted by this step.
    MeshDiffers(Step),
    /// Another program changes back what this node repairs; the step is left for a while.
    Contested(Step),
    /// Something keeps the mesh from being whole, and it is not ours to move.
    Obstacle(Obstacle),
    /// Bridge loop avoidance has found a loop that it cannot break.
    Loop {
        /// The VLAN; nothing for untagged packets.
        vlan: Option<VlanId>,
    },
    /// A neighbour's turn to be measured has come.
    MeasurementDue(Target),
    /// Less goes to a neighbour than used to.
    Slower {
        /// The neighbour.
        target: Target,
        /// What goes there, and what did.
        fall: Fall,
    },
    /// No agent runs.
    AgentDown {
        /// How the last one ended.
        last_exit: Option<Exit>,
    },
    /// There is no agent to run.
    AgentMissing(PathBuf),
    /// The agent waits to try again although the server answers now.
    AgentSleeps {
        /// The process.
        pid: i32,
    },
    /// The server takes no connections and there is no identity yet.
    ServerSilent(ServerAddress),
    /// There is no identity.
    NoIdentity(Absence),
    /// The identity has ended.
    IdentityExpired,
    /// The secret of the first attestation has been used and still lies there.
    JoinTokenSpent,
    /// A newer firmware wrote the configuration, and some of it says nothing to this one.
    ConfigurationNewer {
        /// How many keys are overlooked.
        overlooked: usize,
    },
    /// Something about the slots.
    Slots(SlotFinding),
    /// Something about the data file system.
    Data(DataFinding),
    /// A peer is there with whom no session is held, or one that ends soon.
    SessionMissing(PeerKey),
    /// A session is silent, or its peer's SVID has ended.
    SessionStale(SessionId),
}

impl Finding {
    /// Tells whether an operator who asks for the status would want to hear of it.
    pub fn is_notable(&self) -> bool {
        match self {
            Self::SessionMissing(_)
            | Self::SessionStale(_)
            | Self::JoinTokenSpent
            | Self::MeasurementDue(_) => false,
            Self::Slots(finding) => finding.is_notable(),
            Self::Data(finding) => finding.is_notable(),
            _ => true,
        }
    }

    /// Tells whether mesh or agent are not well enough to be measured beside.
    fn is_ailment(&self) -> bool {
        matches!(
            self,
            Self::MeshUnreadable(_)
                | Self::MeshDiffers(_)
                | Self::Contested(_)
                | Self::Loop { .. }
                | Self::AgentDown { .. }
                | Self::AgentMissing(_)
                | Self::NoIdentity(_)
                | Self::IdentityExpired
        )
    }

    /// Tells whether a person must act.
    pub fn is_alarm(&self) -> bool {
        matches!(self, Self::Contested(_) | Self::Loop { .. })
    }

    /// Tells whether it is logged when it begins and ends. A mesh that differs is logged as what was done
    /// about it, in one line, and an agent that has never run yet as its start.
    pub fn is_announced(&self) -> bool {
        let is_everyday =
            matches!(self, Self::MeshDiffers(_) | Self::AgentDown { last_exit: None });
        self.is_notable() && !is_everyday
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MeshUnreadable(error) => write!(f, "the mesh cannot be read: {error}"),
            Self::MeshDiffers(step) => write!(f, "the mesh is not as wanted: {step}"),
            Self::Contested(step) => {
                let (times, window) = (fights::FIGHTS, fights::WINDOW.as_secs());
                let quiet = fights::QUIET.as_secs() / 60;
                write!(
                    f,
                    "another program undoes what mesh-node does, {times} times within {window} s: {step}; \
                     tried again after {quiet} minutes"
                )
            }
            Self::Obstacle(obstacle) => write!(f, "the mesh is not whole: {obstacle}"),
            Self::Loop { vlan } => {
                let what = vlan.map_or_else(
                    || "packets without a VLAN".to_owned(),
                    |vlan| format!("packets of VLAN {}", vlan.number()),
                );
                write!(f, "{what} go round in a loop through a bridge beside the mesh")
            }
            Self::MeasurementDue(target) => {
                write!(f, "{} on {} is to be measured", target.node, target.interface)
            }
            Self::Slower { target: Target { interface, node }, fall: Fall { now, usual } } => {
                write!(f, "{node} on {interface} gets {now}, less than half of the usual {usual}")
            }
            Self::AgentDown { last_exit: Some(exit) } => {
                write!(f, "spire-agent is not running, {exit}")
            }
            Self::AgentDown { last_exit: None } => f.write_str("spire-agent is not running"),
            Self::AgentMissing(path) => {
                let path = path.display();
                write!(f, "no spire-agent at {path}: install it there or set identity.agent_binary")
            }
            Self::AgentSleeps { .. } => {
                f.write_str("spire-agent waits although the server answers")
            }
            Self::ServerSilent(server) => write!(f, "the SPIRE server {server} does not answer"),
            Self::NoIdentity(absence) => write!(f, "no identity: {absence}"),
            Self::IdentityExpired => f.write_str("the SVID of this node has ended"),
            Self::JoinTokenSpent => f.write_str("the join token has been used"),
            Self::ConfigurationNewer { overlooked } => {
                write!(f, "a newer firmware wrote the configuration: {overlooked} keys overlooked")
            }
            Self::Slots(finding) => finding.fmt(f),
            Self::Data(finding) => finding.fmt(f),
            Self::SessionMissing(peer) => write!(f, "no session with {}", peer.address),
            Self::SessionStale(id) => write!(f, "session {} is over", id.0),
        }
    }
}

/// Compares what was seen with what is wanted.
pub fn analyze(
    config: &Config,
    knowledge: &Knowledge,
    seen: &Observation,
    now: Uptime,
) -> Vec<Finding> {
    let mut findings = configuration(config);
    findings.extend(mesh(config, knowledge, seen, now));
    findings.extend(knowledge.told.loops(now).map(|vlan| Finding::Loop { vlan }));
    findings.extend(agent(config, knowledge, seen, now));
    findings.extend(identity(config, seen));
    findings.extend(sessions(config, knowledge, seen, now));
    findings.extend(data(seen));
    findings.extend(slots(seen));
    findings.extend(measuring(config, knowledge, seen, &findings, now));
    findings
}

fn configuration(config: &Config) -> Vec<Finding> {
    let overlooked = config.overlooked.len();
    let is_newer = config.schema.is_newer();
    is_newer.then_some(Finding::ConfigurationNewer { overlooked }).into_iter().collect()
}

fn mesh(config: &Config, knowledge: &Knowledge, seen: &Observation, now: Uptime) -> Vec<Finding> {
    match &seen.mesh {
        Err(error) => vec![Finding::MeshUnreadable(error.clone())],
        Ok(mesh) => {
            let steps = batman::plan(&config.mesh.wanted, mesh);
            let steps = contested(steps, |step| knowledge.fights.is_lost(step, mesh, now));
            let obstacles = batman::obstacles(&config.mesh.wanted, mesh).into_iter();
            steps.into_iter().chain(obstacles.map(Finding::Obstacle)).collect()
        }
    }
}

/// Tells whether a step makes no sense before another one that is not done: nothing is set of a link that is not made,
/// nor of a hard interface that is in no mesh.
pub(crate) fn awaits(step: &Step, other: &Step) -> bool {
    let Step::Attach { link, mesh } = other else {
        return other.makes().is_some_and(|link| step.concerns(link));
    };
    matches!(step, Step::SetHardInterface { link: set, mesh: of, .. } if (set, of) == (link, mesh))
}

/// Tells the steps apart. What awaits a step that is left is nothing to speak of.
fn contested(steps: Vec<Step>, is_lost: impl Fn(&Step) -> bool) -> Vec<Finding> {
    let mut left: Vec<Step> = Vec::new();
    let mut findings = Vec::new();
    for step in steps {
        let is_idle = left.iter().any(|other| awaits(&step, other));
        let is_lost = is_lost(&step);
        if is_idle || is_lost {
            left.push(step.clone());
        }
        match (is_idle, is_lost) {
            (true, _) => {}
            (false, true) => findings.push(Finding::Contested(step)),
            (false, false) => findings.push(Finding::MeshDiffers(step)),
        }
    }
    findings
}

fn agent(
    config: &Config,
    knowledge: &Knowledge,
    seen: &Observation,
    now: Uptime,
) -> Option<Finding> {
    match knowledge.agent.phase() {
        Phase::Down { .. } if seen.agent_missing => {
            Some(Finding::AgentMissing(config.identity.agent.binary.clone()))
        }
        Phase::Down { .. } => Some(Finding::AgentDown { last_exit: knowledge.agent.last_exit() }),
        Phase::Up { pid, retries_at: Some(retry), .. } => {
            let oversleeps = retry.since(now) > WORTH_A_RESTART;
            (seen.server_answers == Some(true) && oversleeps)
                .then_some(Finding::AgentSleeps { pid })
        }
        Phase::Up { .. } | Phase::Leaving { .. } => None,
    }
}

fn identity(config: &Config, seen: &Observation) -> Vec<Finding> {
    match &seen.identity {
        Standing::Held(identity) if identity.not_after <= seen.wall => {
            vec![Finding::IdentityExpired]
        }
        Standing::Held(_) => {
            seen.join_token_left.then_some(Finding::JoinTokenSpent).into_iter().collect()
        }
        Standing::Absent(absence) => {
            let server = config.identity.agent.server.clone();
            let silent = seen.server_answers == Some(false);
            let silent = silent.then_some(Finding::ServerSilent(server));
            [Finding::NoIdentity(absence.clone())].into_iter().chain(silent).collect()
        }
    }
}

fn sessions(
    config: &Config,
    knowledge: &Knowledge,
    seen: &Observation,
    now: Uptime,
) -> Vec<Finding> {
    let timeouts = timeouts(config);
    let stale = knowledge.peers.stale(timeouts, seen.wall, now);
    let stale = stale.into_iter().map(Finding::SessionStale);
    let missing = if seen.can_prove_itself() {
        knowledge.peers.to_dial(|link| seen.own_address(link), seen.wall, timeouts, now)
    } else {
        Vec::new()
    };
    stale.chain(missing.into_iter().map(Finding::SessionMissing)).collect()
}

fn data(seen: &Observation) -> Vec<Finding> {
    let findings = seen.data.map(data::findings).unwrap_or_default();
    findings.into_iter().map(Finding::Data).collect()
}

fn slots(seen: &Observation) -> Vec<Finding> {
    let slots = seen.slots.as_ref();
    let findings = slots.map(|slots| rules::findings(&seen.record, slots)).unwrap_or_default();
    findings.into_iter().map(Finding::Slots).collect()
}

/// Neighbours that are slower than they were, and whose turn to be measured it is: nobody's while the node is not well,
/// or while a slot on trial is judged.
fn measuring(
    config: &Config,
    knowledge: &Knowledge,
    seen: &Observation,
    others: &[Finding],
    now: Uptime,
) -> Vec<Finding> {
    let (known, settings) = (&knowledge.measuring, &config.mesh.measure);
    let falls = known.falls(&seen.measurable);
    let falls = falls.map(|(target, fall)| Finding::Slower { target: target.clone(), fall });
    let is_judged = seen.slots.as_ref().is_some_and(|slots| slots.judgement.is_some());
    let is_well = seen.can_prove_itself() && !others.iter().any(Finding::is_ailment);
    let due = (is_well && !is_judged)
        .then(|| known.due(settings, &seen.measurable, &seen.wireless, now))
        .flatten();
    falls.chain(due.map(Finding::MeasurementDue)).collect()
}

/// Returns how long peers may be silent under this configuration.
pub fn timeouts(config: &Config) -> Timeouts {
    Timeouts { hello: config.control.hello_timeout, session: config.control.session_timeout }
}

#[cfg(test)]
mod tests;
