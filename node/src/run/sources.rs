use std::time::Duration;

use anyhow::Context as _;
use batman::{Events, IfIndex, MeshEvent, Notifications, Step, Uevent, Uevents};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use super::router::{Looked, Router};
use crate::io::control::Happenings;
use crate::io::log::with_causes;
use crate::measuring::Ended;
use crate::peers::LinkEvent;
use crate::trial::request::Asked;

/// Changes come in bursts; they are looked at together.
pub(super) const BURST: Duration = Duration::from_millis(50);

/// Anybody on a link can make things happen there, and each look reads all tables.
pub(super) const LINK_BURST: Duration = Duration::from_millis(250);

/// Everything that wakes the loop.
pub(super) struct Sources {
    links: Happenings,
    kernel: Option<Events>,
    settings: Option<Notifications>,
    meshes: Option<Uevents>,
    ear: Ear,
    identity: watch::Receiver<()>,
    server: watch::Receiver<Option<bool>>,
    asked: mpsc::Receiver<Asked>,
    measured: mpsc::Receiver<Ended>,
    ticks: Interval,
    child: Signal,
    terminate: Signal,
    interrupt: Signal,
}

/// Why the loop woke up.
pub(super) enum Woken {
    /// Something changed, or it is time.
    ToLook,
    /// Something happened on a link.
    ByLink(Box<LinkEvent>),
    /// A mesh told something of itself.
    ByMesh(MeshEvent),
    /// Somebody wants something of the slots.
    Asked(Asked),
    /// A measurement has ended.
    Measured(Box<Ended>),
    /// Somebody wants the node to stop.
    ToStop,
}

impl Sources {
    pub(super) fn new(
        links: Happenings,
        kernel: Events,
        identity: watch::Receiver<()>,
        server: watch::Receiver<Option<bool>>,
        (asked, measured): (mpsc::Receiver<Asked>, mpsc::Receiver<Ended>),
        every: Duration,
    ) -> anyhow::Result<Self> {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let caught = |kind| signal(kind).context("cannot catch signals");
        Ok(Self {
            links,
            kernel: Some(kernel),
            settings: None,
            meshes: None,
            ear: Ear::default(),
            identity,
            server,
            asked,
            measured,
            ticks,
            child: caught(SignalKind::child())?,
            terminate: caught(SignalKind::terminate())?,
            interrupt: caught(SignalKind::interrupt())?,
        })
    }

    /// Wakes up too when anybody sets something of a mesh, if batman-adv can be heard.
    pub(super) fn hear(&mut self, settings: batman::Result<Notifications>) {
        let was_deaf = std::mem::replace(&mut self.ear.is_deaf, settings.is_err());
        self.ear.has_ticked = false;
        match &settings {
            Err(error) if !was_deaf => tracing::warn!(
                error = with_causes(error),
                "changes of settings are only seen at looks"
            ),
            Ok(_) if was_deaf => tracing::info!("changes of settings are seen at once again"),
            _ => {}
        }
        self.settings = settings.ok();
    }

    /// Wakes up too when a mesh tells of its gateways and of loops.
    pub(super) fn hear_meshes(&mut self, events: batman::Result<Uevents>) {
        if let Err(error) = &events {
            tracing::warn!(
                error = with_causes(error),
                "gateways are only seen at looks, and loops not at all"
            );
        }
        self.meshes = events.ok();
    }

    /// Tells whether to listen to batman-adv anew after this look.
    pub(super) fn must_listen_anew(&mut self, looked: &Looked) -> bool {
        self.ear.must_listen_anew(looked)
    }

    /// Waits until there is a reason to wake up. A wish to stop comes first; of other reasons none keeps the others
    /// from being heard, however often it comes.
    pub(super) async fn next(&mut self) -> Woken {
        let Self { links, kernel, settings, meshes, ear, ticks, child, .. } = self;
        let Self { identity, server, asked, measured, .. } = self;
        let reason = async {
            tokio::select! {
                _ = child.recv() => Woken::ToLook,
                () = link_change(kernel) => Woken::ToLook,
                () = setting_change(settings) => {
                    ear.is_deaf = settings.is_none();
                    Woken::ToLook
                }
                Ok(()) = identity.changed() => Woken::ToLook,
                Ok(()) = server.changed() => Woken::ToLook,
                Some(asked) = asked.recv() => Woken::Asked(asked),
                Some(ended) = measured.recv() => Woken::Measured(Box::new(ended)),
                _ = ticks.tick() => {
                    ear.has_ticked = true;
                    Woken::ToLook
                }
                woken = mesh_event(meshes) => woken,
                Some(event) = links.events.recv() => Woken::ByLink(Box::new(event)),
                Some(event) = links.hellos.recv() => Woken::ByLink(Box::new(event)),
            }
        };
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Woken::ToStop,
            _ = self.interrupt.recv() => Woken::ToStop,
            woken = reason => woken,
        }
    }

    /// Lets a burst of changes end and teaches the router what has come meanwhile.
    pub(super) async fn settle(&mut self, router: &mut Router, pause: Duration) {
        sleep(pause).await;
        while let Ok(event) = self.links.events.try_recv() {
            router.learn(event);
        }
        while let Ok(event) = self.links.hellos.try_recv() {
            router.learn(event);
        }
    }

    /// Waits for the next sign of life of a process that is about to leave, or a moment.
    pub(super) async fn child_or(&mut self, moment: Duration) {
        tokio::select! {
            _ = self.child.recv() => {}
            () = sleep(moment) => {}
        }
    }
}

/// How batman-adv is heard.
#[derive(Debug, Default)]
struct Ear {
    is_deaf: bool,
    /// There was a tick since it was last tried.
    has_ticked: bool,
    /// The mesh device that was there at the last look.
    mesh: Option<IfIndex>,
}

impl Ear {
    /// A mesh that was made anew, by whomever, may be of a module that was loaded meanwhile, whose groups have
    /// other numbers: nothing is heard then, and nothing says so. What failed is tried again once a tick.
    fn must_listen_anew(&mut self, looked: &Looked) -> bool {
        let before = self.mesh;
        self.mesh = looked.mesh.or(before);
        let is_another = before.is_some() && before != self.mesh;
        let is_made = |step: &Step| matches!(step, Step::CreateMesh { .. });
        (self.is_deaf && self.has_ticked) || is_another || looked.changed.iter().any(is_made)
    }
}

/// Waits for a change to a link. Without the socket there are none, and the ticks have to do.
async fn link_change(kernel: &mut Option<Events>) {
    let Some(events) = kernel else { return std::future::pending().await };
    if let Err(error) = events.next().await {
        tracing::error!(
            error = with_causes(&error),
            "changes to links are only seen at the next look from now on"
        );
        *kernel = None;
    }
}

/// Waits for a change to a setting, as [`link_change`] does.
async fn setting_change(settings: &mut Option<Notifications>) {
    let Some(notifications) = settings else { return std::future::pending().await };
    if let Err(error) = notifications.next().await {
        tracing::error!(
            error = with_causes(&error),
            "changes of settings are only seen at the next look from now on"
        );
        *settings = None;
    }
}

/// Waits for what a mesh tells, as [`link_change`] does.
async fn mesh_event(meshes: &mut Option<Uevents>) -> Woken {
    let Some(events) = meshes else { return std::future::pending().await };
    let told = events.next().await;
    if let Err(error) = &told {
        tracing::error!(
            error = with_causes(error),
            "gateways are only seen at the next look from now on"
        );
        *meshes = None;
    }
    woken_by(told)
}

/// What was lost may have been of a gateway: a look tells.
fn woken_by(told: batman::Result<Uevent>) -> Woken {
    match told {
        Ok(Uevent::Mesh(event)) => Woken::ByMesh(event),
        Ok(Uevent::Missed) | Err(_) => Woken::ToLook,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mesh_that_was_made_is_listened_to_anew() {
        let (mesh, algorithm) = ("bat0".parse().unwrap(), batman::RoutingAlgorithm::BatmanIv);
        let up = Step::SetUp { link: "eth1".parse().unwrap() };
        let created = Step::CreateMesh { mesh, algorithm };
        let anew =
            |step| Ear::default().must_listen_anew(&Looked { changed: vec![step], mesh: None });

        assert!(anew(created));
        assert!(!anew(up));
    }

    #[test]
    fn mesh_that_somebody_else_made_is_listened_to_anew_once() {
        let mut ear = Ear::default();
        let seen = [None, Some(3), Some(3), None, Some(9), Some(9)];

        let anew = seen.map(|mesh| {
            ear.must_listen_anew(&Looked { changed: Vec::new(), mesh: mesh.map(IfIndex) })
        });

        assert_eq!(anew, [false, false, false, false, true, false]);
    }

    #[test]
    fn listening_that_failed_is_tried_again_once_a_tick() {
        let anew = |has_ticked| {
            Ear { is_deaf: true, has_ticked, mesh: None }.must_listen_anew(&Looked::default())
        };

        assert!(!anew(false));
        assert!(anew(true));
    }

    #[test]
    fn what_a_mesh_tells_wakes_the_loop_and_so_does_what_was_lost() {
        let event = MeshEvent {
            mesh: "bat0".parse().unwrap(),
            mesh_index: IfIndex(9),
            happening: batman::Happening::GatewayLost,
        };

        let told = woken_by(Ok(Uevent::Mesh(event.clone())));

        assert!(matches!(told, Woken::ByMesh(woken) if woken == event));
        assert!(matches!(woken_by(Ok(Uevent::Missed)), Woken::ToLook));
    }
}
