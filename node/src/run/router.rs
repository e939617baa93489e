mod acting;
mod hearing;
mod measuring;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use batman::{IfIndex, Kernel, Notifications, Step};
use spire_bridge::agent::{self, Origin, Phase};
use spire_bridge::identity::LiveIdentity;
use spire_bridge::io::Agent;
use spire_bridge::rule::Rule;
use spire_bridge::tls::Terms;
use tokio::sync::watch;

use super::Unable;
use super::sources::Sources;
use super::trial::{self, Updating};
use crate::analyze::{analyze, timeouts};
use crate::clock_floor;
use crate::config::{Config, OnStop};
use crate::io::clock::{SystemClock, uptime, wall};
use crate::io::control::{Control, Settings};
use crate::io::data::DataFiles;
use crate::io::image_api::ImageApi;
use crate::io::log::with_causes;
use crate::io::meter::Meter;
use crate::io::watchdog::Watchdog;
use crate::io::{api, host, log, prepare, probe};
use crate::knowledge::{Changes, Knowledge};
use crate::observation::Observation;
use crate::peers::LinkEvent;
use crate::plan::{Action, plan};
use crate::proto::node::Status;
use crate::status::status;
use crate::trial::health::health;
use crate::trial::judgement::Health;
use crate::trial::request::{Asked, NotDone};

/// Where the agent's process id, configuration and log are: in memory, gone with a reboot.
const AGENT_RUNTIME: &str = "/run/spire/agent";

/// Stopping is looked at this often when the agent says nothing.
const MOMENT: Duration = Duration::from_millis(200);

/// What came of a look.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// The steps that changed the mesh.
    pub(super) changed: Vec<Step>,
    /// The mesh device.
    pub(super) mesh: Option<IfIndex>,
}

/// What the node is and what it acts with.
pub(super) struct Router {
    name: String,
    config: Config,
    kernel: Kernel,
    agent: Agent,
    control: Control,
    meter: Meter,
    identity: LiveIdentity,
    server_answers: watch::Receiver<Option<bool>>,
    knowledge: Knowledge,
    told: watch::Sender<Status>,
    rehearsed: Vec<Action>,
    watchdog: Watchdog,
    data: Option<DataFiles>,
    updating: Updating,
    /// How the node stood at the last look.
    health: Health,
}

impl Router {
    /// Opens everything and starts what runs beside the loop.
    pub(super) fn start(config: Config, starts: u32) -> anyhow::Result<(Self, Sources)> {
        let watchdog = Watchdog::open();
        let name = config.node.name.as_ref().map_or_else(host::name, |name| name.as_str().into());
        let kernel = Kernel::open()?;
        let link_changes = kernel.events()?;
        let identity = LiveIdentity::new();
        let (control, happenings) = Control::open(control(&config), &terms(&config, &identity))?;
        let data = DataFiles::open(&config.identity.agent.data_dir);
        let (agent, supervisor) = open_agent(&config, data.as_ref())?;
        let (updating, slots, asked) = Updating::start(&config.update, starts);
        let (told, to_tell) = watch::channel(Status { name: name.clone(), ..Status::default() });
        let image = ImageApi::of_machine(slots, &config.update);
        let mesh = config.mesh.wanted.mesh().clone();
        let (meter, measured) = Meter::new(mesh, control.air());
        api::serve(&config.api.socket, to_tell, image, meter.clone())?;
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
            (asked, measured),
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
            meter,
            identity,
            server_answers,
            knowledge,
            told,
            rehearsed: Vec::new(),
            watchdog,
            data,
            updating,
            health: Health::default(),
        };
        router.part_with_stranger();
        Ok((router, sources))
    }

    /// Looks once, and gives up over what no later look will mend.
    pub(super) async fn first_look(&mut self) -> Result<Looked, Unable> {
        let wanted = &self.config.mesh.wanted;
        let seen = self.kernel.observe(wanted).await.map_err(hopeless)?;
        let mut changed = Vec::new();
        if !self.config.cycle.dry_run && seen.mesh.is_none() {
            for step in batman::plan(wanted, &seen) {
                if matches!(step, Step::CreateMesh { .. }) {
                    self.kernel.apply(&step).await.map_err(hopeless)?;
                    tracing::info!("{step}");
                    changed.push(step);
                }
            }
        }
        let mut looked = self.look().await;
        looked.changed.extend(changed);
        Ok(looked)
    }

    /// Listens to batman-adv itself. Without it what others set is seen at the next look.
    pub(super) async fn notifications(&mut self) -> batman::Result<Notifications> {
        self.kernel.notifications().await
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
    pub(super) async fn look(&mut self) -> Looked {
        let mut seen = self.observe().await;
        let findings = analyze(&self.config, &self.knowledge, &seen, uptime());
        let actions = plan(&self.knowledge, &findings, uptime());
        tell(&self.knowledge.compare(findings));
        let changed = self.apply(actions, seen.mesh.as_ref().ok()).await;
        self.note_links(&seen);
        if !changed.is_empty() {
            seen = self.observe().await;
            self.verify(&changed, &seen);
            self.note_links(&seen);
        }
        self.announce_gateway(&seen);
        let now = status(&self.name, &self.config, &self.knowledge, &seen, uptime());
        self.told.send_replace(now);
        self.watchdog.pet();
        self.updating.leave_if_due();
        let mesh = seen.mesh.ok().and_then(|seen| Some(seen.mesh?.index));
        Looked { changed, mesh }
    }

    /// Does what somebody asked for, and answers.
    pub(super) fn answer(&mut self, asked: Asked) {
        let Asked { request, answer } = asked;
        tracing::info!(?request, "asked for");
        let done = if self.config.cycle.dry_run {
            Err(NotDone::DryRun)
        } else {
            self.updating.answer(request, self.health, (wall(), uptime()))
        };
        // Whoever asked may have left; it is done all the same.
        let _ = answer.send(done);
    }

    /// Stops in order: the agent first, the mesh if so configured.
    pub(super) async fn stop(&mut self, sources: &mut Sources) {
        tracing::info!("mesh-node stops");
        // On the way into a reboot it goes on counting: a shutdown can hang too.
        if !self.updating.is_leaving() {
            self.watchdog.disarm();
        }
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
                Err(error) => tracing::error!(error = with_causes(&error), "mesh not removed"),
            }
        }
    }

    async fn observe(&mut self) -> Observation {
        self.observe_agent();
        let now = uptime();
        self.knowledge.peers.forget(timeouts(&self.config), now);
        let mut mesh = self.kernel.observe(&self.config.mesh.wanted).await;
        mesh.iter_mut().for_each(|seen| seen.held.clone_from(&self.knowledge.held));
        let identity = self.identity.standing();
        let record = trial::record();
        let floor = clock_floor::floor(prepare::known_with(&record)).at;
        let clocks = (wall(), now);
        let data = self.data.as_mut().map(|data| data.observe(&identity, clocks, floor));
        let mut seen = Observation {
            mesh: mesh.map_err(|error| with_causes(&error)),
            gateways: None,
            measurable: Vec::new(),
            wireless: Vec::new(),
            identity,
            wall: wall(),
            agent_missing: self.agent.is_missing(),
            server_answers: *self.server_answers.borrow(),
            join_token_left: self.agent.holds_given_join_token(),
            data,
            slots: None,
            record,
        };
        self.observe_gateways(&mut seen).await;
        self.observe_measuring(&mut seen);
        if seen.mesh.is_ok() {
            let links = seen.hard_interfaces();
            let links = links.iter().filter_map(|link| Some((link.index, link.address?)));
            self.control.carry(links.collect());
        }
        self.knowledge.peers.able(seen.can_prove_itself(), now);
        self.knowledge.server(seen.server_answers, host::jitter(), now);
        self.health = health(&self.config, &self.knowledge, &seen);
        seen.slots = self.updating.observe(self.health, now);
        seen
    }

    fn note_links(&mut self, seen: &Observation) {
        if let Ok(mesh) = &seen.mesh {
            self.knowledge.fights.looked(mesh);
            self.knowledge.held.note(&self.config.mesh.wanted, mesh);
        }
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

fn open_agent(
    config: &Config,
    data: Option<&DataFiles>,
) -> anyhow::Result<(Agent, agent::Supervisor)> {
    let mut settings = config.identity.agent.clone();
    if let Some(data) = data {
        data.agent().clone_into(&mut settings.data_dir);
    }
    let agent = Agent::open(settings, Path::new(AGENT_RUNTIME))?;
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
        if finding.is_alarm() {
            tracing::error!("{finding}");
        } else {
            tracing::warn!("{finding}");
        }
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
