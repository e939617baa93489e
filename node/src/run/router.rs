use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use batman::{Kernel, Step};
use spire_bridge::agent::{self, Command, Origin, Phase};
use spire_bridge::identity::LiveIdentity;
use spire_bridge::io::Agent;
use spire_bridge::rule::Rule;
use spire_bridge::tls::Terms;
use tokio::sync::watch;

use super::Unable;
use super::sources::Sources;
use crate::analyze::{Finding, analyze, timeouts};
use crate::config::{Config, OnStop};
use crate::io::clock::{SystemClock, uptime, wall};
use crate::io::control::{Control, Settings};
use crate::io::log::with_causes;
use crate::io::{api, host, log, probe};
use crate::knowledge::{Changes, Knowledge};
use crate::observation::Observation;
use crate::peers::LinkEvent;
use crate::plan::{Action, plan};
use crate::proto::node::Status;
use crate::status::status;

/// Where the agent's process id, configuration and log are: in memory, gone with a reboot.
const AGENT_RUNTIME: &str = "/run/spire/agent";

/// Stopping is looked at this often when the agent says nothing.
const MOMENT: Duration = Duration::from_millis(200);

/// What the node is and what it acts with.
pub(super) struct Router {
    name: String,
    config: Config,
    kernel: Kernel,
    agent: Agent,
    control: Control,
    identity: LiveIdentity,
    server_answers: watch::Receiver<Option<bool>>,
    knowledge: Knowledge,
    told: watch::Sender<Status>,
    rehearsed: Vec<Action>,
}

impl Router {
    /// Opens everything and starts what runs beside the loop.
    pub(super) fn start(config: Config) -> anyhow::Result<(Self, Sources)> {
        let name = config.node.name.as_ref().map_or_else(host::name, |name| name.as_str().into());
        let kernel = Kernel::open()?;
        let link_changes = kernel.events()?;
        let identity = LiveIdentity::new();
        let (control, happenings) = Control::open(control(&config), &terms(&config, &identity))?;
        let (agent, supervisor) = open_agent(&config)?;
        let (told, to_tell) = watch::channel(Status { name: name.clone(), ..Status::default() });
        api::serve(&config.api.socket, to_tell)?;
        let (changed, identity_changes) = watch::channel(());
        let socket = config.identity.agent.socket.clone();
        let live = identity.clone();
        tokio::spawn(async move { spire_bridge::io::follow(&socket, live, changed).await });
        let (answers, server_answers) = watch::channel(None);
        tokio::spawn(probe::server(
            config.identity.agent.server.clone(),
            identity.clone(),
            answers,
        ));
        let sources = Sources::new(
            happenings,
            link_changes,
            identity_changes,
            server_answers.clone(),
            config.cycle.interval,
        )?;
        let mut knowledge = Knowledge::default();
        knowledge.agent = supervisor;
        tracing::info!(name, mesh = %config.mesh.wanted.mesh(), "mesh-node runs");
        let mut router = Self {
            name,
            config,
            kernel,
            agent,
            control,
            identity,
            server_answers,
            knowledge,
            told,
            rehearsed: Vec::new(),
        };
        router.part_with_stranger();
        Ok((router, sources))
    }

    /// Looks once, and gives up over what no later look will mend.
    pub(super) async fn first_look(&mut self) -> Result<(), Unable> {
        let wanted = &self.config.mesh.wanted;
        let seen = self.kernel.observe(wanted).await.map_err(hopeless)?;
        if !self.config.cycle.dry_run && seen.mesh.is_none() {
            for step in batman::plan(wanted, &seen) {
                if matches!(step, Step::CreateMesh { .. }) {
                    self.kernel.apply(&step).await.map_err(hopeless)?;
                    tracing::info!("{step}");
                }
            }
        }
        self.look().await;
        Ok(())
    }

    /// Notes what happened on a link and tells whether that is a reason to look at once.
    pub(super) fn learn(&mut self, event: LinkEvent) -> bool {
        announce(&event);
        let learned = self.knowledge.peers.learn(event, uptime());
        if let Some(session) = learned.superfluous {
            self.control.hang_up(session);
        }
        learned.is_news
    }

    /// Goes once round the loop: observe, analyze, plan, apply, verify.
    pub(super) async fn look(&mut self) {
        let mut seen = self.observe().await;
        let findings = analyze(&self.config, &self.knowledge, &seen, uptime());
        let actions = plan(&self.knowledge, &findings, uptime());
        tell(&self.knowledge.compare(findings));
        let changed = self.apply(actions).await;
        if !changed.is_empty() {
            seen = self.observe().await;
            self.verify(&changed, &seen);
        }
        let now = status(&self.name, &self.config, &self.knowledge, &seen, uptime());
        self.told.send_replace(now);
    }

    /// Stops in order: the agent first, the mesh if so configured.
    pub(super) async fn stop(&mut self, sources: &mut Sources) {
        tracing::info!("mesh-node stops");
        if self.config.cycle.dry_run {
            return;
        }
        while !matches!(self.knowledge.agent.phase(), Phase::Down { .. }) {
            if let Some(command) = self.knowledge.agent.plan(false, uptime()) {
                self.command_agent(command);
            }
            sources.child_or(MOMENT).await;
            self.observe_agent();
        }
        if self.config.mesh.on_stop == OnStop::Remove {
            let mesh = self.config.mesh.wanted.mesh();
            match self.kernel.remove_mesh(mesh).await {
                Ok(()) => tracing::info!(%mesh, "mesh removed"),
                Err(error) => tracing::error!(%error, "mesh not removed"),
            }
        }
    }

    async fn observe(&mut self) -> Observation {
        self.observe_agent();
        let now = uptime();
        self.knowledge.peers.forget(timeouts(&self.config), now);
        let mesh = self.kernel.observe(&self.config.mesh.wanted).await;
        let seen = Observation {
            mesh: mesh.map_err(|error| error.to_string()),
            identity: self.identity.standing(),
            wall: wall(),
            agent_missing: self.agent.is_missing(),
            server_answers: *self.server_answers.borrow(),
            join_token_left: self.agent.holds_given_join_token(),
        };
        if seen.mesh.is_ok() {
            let links = seen.hard_interfaces();
            let links = links.iter().filter_map(|link| Some((link.index, link.address?)));
            self.control.carry(links.collect());
        }
        self.knowledge.peers.able(seen.can_prove_itself(), now);
        self.knowledge.server(seen.server_answers, host::jitter(), now);
        seen
    }

    fn observe_agent(&mut self) {
        let now = uptime();
        for line in self.agent.new_log_lines() {
            if let Some(wait) = line.attestation_delayed() {
                self.knowledge.agent.attestation_delayed(wait, now);
            }
            log::pass_on(&line);
        }
        if let Some(exit) = self.agent.exited() {
            tracing::debug!(%exit, "spire-agent ended");
            self.knowledge.agent.exited(exit, now, host::jitter());
        }
    }

    /// Carries the actions out and returns the steps that changed the mesh.
    async fn apply(&mut self, actions: Vec<Action>) -> Vec<Step> {
        let mut changed = Vec::new();
        if self.config.cycle.dry_run {
            self.rehearse(actions);
            return changed;
        }
        for action in actions {
            let outcome = self.carry_out(&action).await;
            if let Err(error) = &outcome {
                tracing::warn!(%action, error, "not done");
            } else if let Action::Mesh(step) = &action {
                changed.push(step.clone());
            }
            self.knowledge.done(&action, outcome, uptime());
        }
        if !changed.is_empty() {
            let steps: Vec<String> = changed.iter().map(ToString::to_string).collect();
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
                self.kernel.apply(step).await.map_err(|error| error.to_string())?;
            }
            Action::Agent(Command::Start) => return self.start_agent(),
            Action::Agent(command) => self.command_agent(*command),
            Action::NudgeAgent { pid } => {
                self.knowledge.nudge_from = None;
                self.command_agent(Command::Terminate { pid: *pid });
            }
            Action::WipeJoinToken => {
                self.agent.wipe_join_token().map_err(|error| error.to_string())?;
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
        }
        Ok(())
    }

    /// Stops an adopted agent that was started with other settings; the loop then starts a right one.
    fn part_with_stranger(&mut self) {
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

    fn command_agent(&mut self, command: Command) {
        tracing::info!("{command}");
        self.agent.signal(command);
        self.knowledge.agent.told(command, uptime());
    }

    /// Finds the steps that the kernel accepted without becoming what they ask for.
    fn verify(&mut self, changed: &[Step], seen: &Observation) {
        let findings = analyze(&self.config, &self.knowledge, seen, uptime());
        for step in changed {
            if findings.contains(&Finding::MeshDiffers(step.clone())) {
                tracing::warn!(%step, "had no effect");
                let action = Action::Mesh(step.clone());
                let outcome = Err("the kernel accepted it without effect".to_owned());
                self.knowledge.done(&action, outcome, uptime());
            }
        }
        tell(&self.knowledge.compare(findings));
    }
}

fn control(config: &Config) -> Settings {
    Settings {
        mesh: config.mesh.name.as_str().to_owned(),
        port: config.control.port,
        hello_interval: config.control.hello_interval,
        keep_alive: config.control.keep_alive,
        nonce: host::random(),
    }
}

fn terms(config: &Config, identity: &LiveIdentity) -> Terms {
    let everyone = || vec![Rule::any_node(&config.identity.agent.trust_domain)];
    let rules = config.control.allow.clone().unwrap_or_else(everyone);
    Terms { identity: identity.clone(), rules: rules.into(), clock: Arc::new(SystemClock) }
}

fn open_agent(config: &Config) -> anyhow::Result<(Agent, agent::Supervisor)> {
    let agent = Agent::open(config.identity.agent.clone(), Path::new(AGENT_RUNTIME))?;
    let mut supervisor = agent::Supervisor::new();
    if let Some(pid) = agent.adopted() {
        tracing::info!(pid, "spire-agent adopted");
        supervisor.started(pid, uptime(), Origin::Adopted);
    }
    Ok((agent, supervisor))
}

fn hopeless(error: batman::Error) -> Unable {
    match error {
        batman::Error::NoBatmanAdv => Unable::NoBatmanAdv(error),
        other => Unable::Machine(other.into()),
    }
}

/// Tells what begins and what is over, once each.
fn tell(changes: &Changes) {
    for finding in changes.begun.iter().filter(|finding| finding.is_announced()) {
        tracing::warn!("{finding}");
    }
    for finding in changes.over.iter().filter(|finding| finding.is_announced()) {
        tracing::info!("over: {finding}");
    }
}

/// Tells a colleague who came and who went.
fn announce(event: &LinkEvent) {
    match event {
        LinkEvent::Opened { session, .. } => tracing::info!(
            session = session.id.0, mac = %session.mac, spiffe_id = %session.proven.spiffe_id,
            group = session.proven.kx_group, "session opened"
        ),
        LinkEvent::Closed { id } => tracing::info!(session = id.0, "session closed"),
        LinkEvent::Failed { from, failure, .. } => {
            tracing::debug!(address = %from.address, %failure, "no session");
        }
        LinkEvent::Hello { .. } | LinkEvent::Beat { .. } => {}
    }
}
