//! What to do about it: actions as values, which a test can compare and a log can print.

use std::fmt;

use batman::Step;
use spire_bridge::Uptime;
use spire_bridge::agent::Command;

use crate::analyze::{Finding, awaits};
use crate::data::{self, DataAction};
use crate::knowledge::Knowledge;
use crate::measuring::Target;
use crate::peers::{PeerKey, SessionId};
use crate::trial::rules::{self, SlotAction};

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Change the kernel's mesh.
    Mesh(Step),
    /// Start or stop the agent.
    Agent(Command),
    /// Have the agent try again at once.
    NudgeAgent {
        /// The process.
        pid: i32,
    },
    /// Remove the secret of the first attestation.
    WipeJoinToken,
    /// Open a session.
    Dial(PeerKey),
    /// End a session.
    HangUp(SessionId),
    /// Measure the throughput to a neighbour.
    Measure(Target),
    /// Do something about the slots.
    Slots(SlotAction),
    /// Do something about data.
    Data(DataAction),
}

impl Action {
    /// Tells whether it belongs into the node's history; dialling happens all the time.
    pub fn is_worth_remembering(&self) -> bool {
        let is_everyday = matches!(
            self,
            Self::Dial(_)
                | Self::HangUp(_)
                | Self::Measure(_)
                | Self::Data(DataAction::Mirror | DataAction::SaveClock)
        );
        !is_everyday
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mesh(step) => step.fmt(f),
            Self::Agent(command) => command.fmt(f),
            Self::NudgeAgent { pid } => write!(f, "restart spire-agent ({pid}) to attest now"),
            Self::WipeJoinToken => f.write_str("remove the used join token"),
            Self::Dial(peer) => write!(f, "dial {}", peer.address),
            Self::HangUp(session) => write!(f, "end session {}", session.0),
            Self::Measure(target) => {
                write!(f, "measure the throughput to {} over {}", target.node, target.interface)
            }
            Self::Slots(action) => action.fmt(f),
            Self::Data(action) => action.fmt(f),
        }
    }
}

/// Plans what to do about the findings. What failed a short while ago waits for its time, and what awaits that too.
pub fn plan(knowledge: &Knowledge, findings: &[Finding], now: Uptime) -> Vec<Action> {
    let actions = findings.iter().filter_map(|finding| action(knowledge, finding, now));
    // An agent that overstays its leave is nobody's finding: nothing is wrong with the node.
    let overdue = knowledge.agent.plan(true, now).filter(|command| *command != Command::Start);
    let mut left: Vec<Step> = Vec::new();
    let is_due = |action: &Action| {
        let step = if let Action::Mesh(step) = action { Some(step) } else { None };
        let is_idle = step.is_some_and(|step| left.iter().any(|other| awaits(step, other)));
        let is_due = !is_idle && !knowledge.must_wait(action, now);
        left.extend(step.filter(|_| !is_due).cloned());
        is_due
    };
    actions.chain(overdue.map(Action::Agent)).filter(is_due).collect()
}

fn action(knowledge: &Knowledge, finding: &Finding, now: Uptime) -> Option<Action> {
    match finding {
        Finding::MeshDiffers(step) => Some(Action::Mesh(step.clone())),
        Finding::AgentDown { .. } => knowledge.agent.plan(true, now).map(Action::Agent),
        Finding::AgentSleeps { pid } => {
            let is_due = knowledge.nudge_from.is_some_and(|from| now >= from);
            is_due.then_some(Action::NudgeAgent { pid: *pid })
        }
        Finding::JoinTokenSpent => Some(Action::WipeJoinToken),
        Finding::SessionMissing(peer) => Some(Action::Dial(*peer)),
        Finding::SessionStale(session) => Some(Action::HangUp(*session)),
        Finding::MeasurementDue(target) => Some(Action::Measure(target.clone())),
        Finding::Slots(finding) => rules::action(finding).map(Action::Slots),
        Finding::Data(finding) => data::action(*finding).map(Action::Data),
        Finding::ConfigurationNewer { .. }
        | Finding::MeshUnreadable(_)
        | Finding::Obstacle(_)
        | Finding::Contested(_)
        | Finding::Loop { .. }
        | Finding::Slower { .. }
        | Finding::AgentMissing(_)
        | Finding::ServerSilent(_)
        | Finding::NoIdentity(_)
        | Finding::IdentityExpired => None,
    }
}

#[cfg(test)]
mod tests;
