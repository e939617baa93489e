use batman::{Seen, Step};
use spire_bridge::agent::{Command, Origin, Phase};

use super::{Router, tell};
use crate::analyze::analyze;
use crate::data::DataAction;
use crate::io::clock::{uptime, wall};
use crate::io::log::with_causes;
use crate::io::{host, prepare};
use crate::observation::Observation;
use crate::peers::LinkEvent;
use crate::plan::Action;

impl Router {
    /// Carries the actions out and returns the steps that changed the mesh, which was `seen` before.
    pub(super) async fn apply(&mut self, actions: Vec<Action>, seen: Option<&Seen>) -> Vec<Step> {
        let mut changed = Vec::new();
        if self.config.cycle.dry_run {
            self.rehearse(actions);
            return changed;
        }
        for action in actions {
            let outcome = self.carry_out(&action).await;
            self.knowledge.done(&action, outcome.clone(), seen, uptime());
            match (outcome, action) {
                (Err(error), action) if self.knowledge.fails_again(&action) => {
                    tracing::debug!(%action, error, "not done again");
                }
                (Err(error), action) => tracing::warn!(%action, error, "not done"),
                (Ok(()), Action::Mesh(step)) => changed.push(step),
                (Ok(()), _) => {}
            }
        }
        if !changed.is_empty() {
            let steps: Vec<String> = changed.iter().map(|step| told(step, seen)).collect();
            tracing::info!(steps = steps.join(", "), "mesh changed");
        }
        changed
    }

    /// Says what would be done, once for as long as it would.
    fn rehearse(&mut self, actions: Vec<Action>) {
        for action in actions.iter().filter(|action| !self.rehearsed.contains(action)) {
            tracing::info!("dry run, this would be done: {action}");
        }
        self.rehearsed = actions;
    }

    async fn carry_out(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::Mesh(step) => {
                self.kernel.apply(step).await.map_err(|error| with_causes(&error))?;
            }
            Action::Agent(Command::Start) => return self.start_agent(),
            Action::Agent(command) => self.command_agent(*command),
            Action::NudgeAgent { pid } => {
                self.knowledge.nudge_from = None;
                self.command_agent(Command::Terminate { pid: *pid });
            }
            Action::WipeJoinToken => {
                self.agent.wipe_join_token().map_err(|error| with_causes(&error))?;
                tracing::info!("the used join token was removed");
            }
            Action::Dial(peer) => {
                self.knowledge.peers.dialled(*peer, uptime());
                self.control.dial(*peer);
            }
            Action::HangUp(session) => {
                self.control.hang_up(*session);
                self.knowledge.peers.learn(LinkEvent::Closed { id: *session }, uptime());
            }
            Action::Measure(target) => {
                self.knowledge.measuring.began(target.clone(), uptime());
                self.meter.start(target.clone(), self.config.mesh.measure.duration);
            }
            Action::Slots(action) => {
                return self.updating.carry_out(action, self.health, (wall(), uptime()));
            }
            Action::Data(action) => return self.keep_data(*action),
        }
        Ok(())
    }

    fn keep_data(&mut self, action: DataAction) -> Result<(), String> {
        let Some(data) = &mut self.data else { return Ok(()) };
        match action {
            DataAction::Mirror => data.mirror(self.identity.current().is_some()),
            DataAction::SaveClock => data.save_clock(uptime()).map_err(|error| error.to_string()),
            DataAction::RaiseClock => prepare::raise_clock().map_err(|error| format!("{error:#}")),
            DataAction::MoveAgent => {
                let place = data.move_agent().map_err(|error| error.to_string())?.to_owned();
                tracing::warn!(place = %place.display(), "spire-agent keeps its data in memory");
                self.agent.move_data(place);
                if let Phase::Up { pid, .. } = self.knowledge.agent.phase() {
                    self.command_agent(Command::Terminate { pid });
                }
                Ok(())
            }
        }
    }

    /// Stops an adopted agent that was started with other settings; the loop then starts a right one.
    pub(super) fn part_with_stranger(&mut self) {
        if let Some(pid) = self.agent.adopted()
            && !self.agent.is_as_configured()
            && !self.config.cycle.dry_run
        {
            tracing::info!(pid, "the adopted spire-agent has other settings");
            self.command_agent(Command::Terminate { pid });
        }
    }

    fn start_agent(&mut self) -> Result<(), String> {
        match self.agent.start() {
            Ok(pid) => {
                tracing::info!(pid, "spire-agent started");
                self.knowledge.agent.started(pid, uptime(), Origin::Ours);
                Ok(())
            }
            Err(error) => {
                self.knowledge.agent.start_failed(uptime(), host::jitter());
                Err(with_causes(&error))
            }
        }
    }

    pub(super) fn command_agent(&mut self, command: Command) {
        tracing::info!("{command}");
        self.agent.signal(command);
        self.knowledge.agent.told(command, uptime());
    }

    /// Finds the steps that the kernel accepted without becoming what they ask for.
    pub(super) fn verify(&mut self, changed: &[Step], seen: &Observation) {
        let findings = analyze(&self.config, &self.knowledge, seen, uptime());
        for step in changed {
            let Err(error) = self.knowledge.verified(step, &findings, uptime()) else { continue };
            if self.knowledge.fails_again(&Action::Mesh(step.clone())) {
                tracing::debug!(%step, error, "had no effect again");
            } else {
                tracing::warn!(%step, error, "had no effect");
            }
        }
        tell(&self.knowledge.compare(findings));
    }
}

/// A step and what was there before it.
fn told(step: &Step, seen: Option<&Seen>) -> String {
    match seen.and_then(|seen| batman::was(step, seen)) {
        Some(was) => format!("{step} (was {was})"),
        None => step.to_string(),
    }
}
