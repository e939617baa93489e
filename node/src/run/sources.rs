use std::time::Duration;

use anyhow::Context as _;
use batman::{Events, Notifications};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use super::router::Router;
use crate::io::control::Happenings;
use crate::io::log::with_causes;
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
    identity: watch::Receiver<()>,
    server: watch::Receiver<Option<bool>>,
    asked: mpsc::Receiver<Asked>,
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
    /// Somebody wants something of the slots.
    Asked(Asked),
    /// Somebody wants the node to stop.
    ToStop,
}

impl Sources {
    pub(super) fn new(
        links: Happenings,
        kernel: Events,
        identity: watch::Receiver<()>,
        server: watch::Receiver<Option<bool>>,
        asked: mpsc::Receiver<Asked>,
        every: Duration,
    ) -> anyhow::Result<Self> {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let caught = |kind| signal(kind).context("cannot catch signals");
        Ok(Self {
            links,
            kernel: Some(kernel),
            settings: None,
            identity,
            server,
            asked,
            ticks,
            child: caught(SignalKind::child())?,
            terminate: caught(SignalKind::terminate())?,
            interrupt: caught(SignalKind::interrupt())?,
        })
    }

    /// Wakes up too when anybody sets something of a mesh.
    pub(super) fn hear(&mut self, settings: Option<Notifications>) {
        self.settings = settings;
    }

    /// Waits until there is a reason to wake up.
    pub(super) async fn next(&mut self) -> Woken {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Woken::ToStop,
            _ = self.interrupt.recv() => Woken::ToStop,
            _ = self.child.recv() => Woken::ToLook,
            () = link_change(&mut self.kernel) => Woken::ToLook,
            () = setting_change(&mut self.settings) => Woken::ToLook,
            Ok(()) = self.identity.changed() => Woken::ToLook,
            Ok(()) = self.server.changed() => Woken::ToLook,
            Some(asked) = self.asked.recv() => Woken::Asked(asked),
            _ = self.ticks.tick() => Woken::ToLook,
            Some(event) = self.links.events.recv() => Woken::ByLink(Box::new(event)),
            Some(event) = self.links.hellos.recv() => Woken::ByLink(Box::new(event)),
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
