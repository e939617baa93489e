//! The mesh control plane on real links: hellos, and one mTLS session per neighbour and link.

mod air;
mod answer;
mod dialler;
mod held;
mod listener;
mod proven;
mod rendezvous;

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context as _;
use batman::{IfIndex, MacAddr};
use rustls::ClientConfig;
use spire_bridge::identity::LiveIdentity;
use spire_bridge::tls::{self, Peer, Terms};
use tokio::sync::mpsc;

pub use air::{Neighbourhood, NoAir, Quiet};
use held::Held;
use rendezvous::Rendezvous;

use crate::io::clock;

use crate::peers::{LinkEvent, PeerKey, Session, SessionId, Side};
use crate::proto::session::Beat;

/// What happens to sessions waits here while the loop is busy.
const EVENTS_WAITING: usize = 256;

/// Hellos wait apart, so that a flood of them holds up nothing else. One that finds no room comes again.
const HELLOS_WAITING: usize = 64;

/// The longest message between neighbours; a beat has a few dozen bytes.
const LONGEST_MESSAGE: usize = 1_024;

/// A neighbour is a few milliseconds away.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the control plane needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
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
    air: Neighbourhood,
    hellos: mpsc::Sender<LinkEvent>,
    events: mpsc::Sender<LinkEvent>,
}

/// Where the loop hears of what happens on the links.
pub struct Happenings {
    /// Hellos.
    pub hellos: mpsc::Receiver<LinkEvent>,
    /// Everything about sessions.
    pub events: mpsc::Receiver<LinkEvent>,
}

impl Shared {
    fn own_address(&self, link: IfIndex) -> Option<MacAddr> {
        self.links.read().unwrap_or_else(PoisonError::into_inner).get(&link).copied()
    }

    async fn tell(&self, event: LinkEvent) {
        // The loop is gone only when the process is about to end.
        let _ = self.events.send(event).await;
    }

    /// Makes a session out of what was proven and said, if the peer may hold it.
    fn session(&self, id: SessionId, side: Side, proven: Peer, mac: MacAddr) -> Session {
        let now = clock::wall();
        let own = self.identity.current().map(|identity| identity.not_after);
        let ends = own.map_or(proven.not_after, |own| own.min(proven.not_after));
        let life = ends.remaining(now);
        Session { id, side, proven, mac, ends, life, heard: clock::uptime(), round_trip: None }
    }
}

/// Reads who a peer says it is on this link, and refuses what cannot be: nothing, a group, or ourselves.
fn introduced(beat: Option<Beat>, own: MacAddr) -> Option<MacAddr> {
    let mac = MacAddr(beat?.introduction?.mac.try_into().ok()?);
    let [first, ..] = mac.0;
    (mac != own && mac.0 != [0; 6] && first & 1 == 0).then_some(mac)
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
    pub fn open(settings: Settings, terms: &Terms) -> anyhow::Result<(Self, Happenings)> {
        let (events, to_events) = mpsc::channel(EVENTS_WAITING);
        let (hellos, to_hellos) = mpsc::channel(HELLOS_WAITING);
        let client = tls::client(terms)?;
        let server = tls::server(terms)?;
        let held = Arc::<Held>::default();
        let shared = Shared {
            settings,
            identity: terms.identity.clone(),
            links: Links::default(),
            air: Neighbourhood::new(Arc::clone(&held)),
            held,
            hellos,
            events,
        };
        let port = shared.settings.port;
        let taken = || format!("cannot use port {port}; is another mesh-node running?");
        let rendezvous = Arc::new(Rendezvous::open(port).with_context(taken)?);
        listener::start(shared.clone(), server).with_context(taken)?;
        tokio::spawn(rendezvous::say(Arc::clone(&rendezvous), shared.clone()));
        tokio::spawn(rendezvous::hear(Arc::clone(&rendezvous), shared.clone()));
        let happenings = Happenings { hellos: to_hellos, events: to_events };
        Ok((Self { shared, client, rendezvous }, happenings))
    }

    /// Takes over which links carry the mesh now, and our addresses on them. A link on which hellos cannot
    /// be heard is left out, and tried again the next time.
    pub fn carry(&self, mut links: BTreeMap<IfIndex, MacAddr>) {
        let mut carried = self.shared.links.write().unwrap_or_else(PoisonError::into_inner);
        links.retain(|link, _| carried.contains_key(link) || self.rendezvous.join(*link));
        *carried = links;
    }

    /// Returns the air around this node.
    pub fn air(&self) -> Neighbourhood {
        self.shared.air.clone()
    }

    /// Opens a session in the background; how it went is told as an event.
    pub fn dial(&self, peer: PeerKey) {
        tokio::spawn(dialler::dial(self.shared.clone(), Arc::clone(&self.client), peer));
    }

    /// Ends a session in the background; that it is over is told as an event.
    pub fn hang_up(&self, session: SessionId) {
        self.shared.held.release(session);
    }
}
