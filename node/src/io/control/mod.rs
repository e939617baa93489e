//! The mesh control plane on real links: hellos, and one mTLS session per neighbour and link.

mod dialler;
mod held;
mod listener;
mod rendezvous;

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use batman::{IfIndex, MacAddr};
use rustls::ClientConfig;
use spire_bridge::identity::LiveIdentity;
use spire_bridge::tls::{self, Terms};
use tokio::sync::mpsc;

use held::Held;
use rendezvous::Rendezvous;

use crate::peers::{Dial, LinkEvent, SessionId};

/// Events wait here while the loop is busy. Hellos that find it full are dropped and come again.
const WAITING: usize = 256;

/// What the control plane needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What this node calls itself.
    pub name: String,
    /// Which mesh it belongs to.
    pub mesh: String,
    /// UDP and TCP port.
    pub port: NonZeroU16,
    /// How often it says hello.
    pub hello_interval: Duration,
    /// How often a session is tried.
    pub keep_alive: Duration,
    /// Changes with every start.
    pub nonce: u64,
}

/// The hard interfaces and our addresses on them.
pub(super) type Links = Arc<RwLock<BTreeMap<IfIndex, MacAddr>>>;

/// What every task of the control plane shares.
#[derive(Clone)]
struct Shared {
    settings: Settings,
    identity: LiveIdentity,
    links: Links,
    held: Arc<Held>,
    events: mpsc::Sender<LinkEvent>,
}

impl Shared {
    fn own_address(&self, link: IfIndex) -> Option<MacAddr> {
        self.links.read().unwrap_or_else(PoisonError::into_inner).get(&link).copied()
    }

    async fn tell(&self, event: LinkEvent) {
        // The loop is gone only when the process is about to end.
        let _ = self.events.send(event).await;
    }
}

/// The running control plane.
pub struct Control {
    shared: Shared,
    client: Arc<ClientConfig>,
    rendezvous: Arc<Rendezvous>,
}

impl Control {
    /// Opens the ports and starts to say hello and to listen. Returns where the loop hears of it.
    ///
    /// # Errors
    /// If a port is taken or TLS cannot be set up.
    pub fn open(
        settings: Settings,
        terms: &Terms,
    ) -> anyhow::Result<(Self, mpsc::Receiver<LinkEvent>)> {
        let (events, received) = mpsc::channel(WAITING);
        let client = tls::client(terms)?;
        let server = tls::server(terms)?;
        let shared = Shared {
            settings,
            identity: terms.identity.clone(),
            links: Links::default(),
            held: Arc::default(),
            events,
        };
        let rendezvous = Arc::new(Rendezvous::open(shared.settings.port)?);
        listener::start(shared.clone(), server)?;
        tokio::spawn(rendezvous::say(Arc::clone(&rendezvous), shared.clone()));
        tokio::spawn(rendezvous::hear(Arc::clone(&rendezvous), shared.clone()));
        Ok((Self { shared, client, rendezvous }, received))
    }

    /// Takes over which links carry the mesh now, and our addresses on them.
    pub fn carry(&self, links: BTreeMap<IfIndex, MacAddr>) {
        let mut carried = self.shared.links.write().unwrap_or_else(PoisonError::into_inner);
        for link in links.keys().filter(|link| !carried.contains_key(link)) {
            self.rendezvous.join(*link);
        }
        *carried = links;
    }

    /// Opens a session in the background; how it went is told as an event.
    pub fn dial(&self, dial: Dial) {
        tokio::spawn(dialler::dial(self.shared.clone(), Arc::clone(&self.client), dial));
    }

    /// Ends a session in the background; that it is over is told as an event.
    pub fn hang_up(&self, session: SessionId) {
        self.shared.held.release(session);
    }
}
