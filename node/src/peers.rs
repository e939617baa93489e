//! Who was heard on the raw links, who proved itself, who did not, and whom to dial next.

use std::net::Ipv6Addr;
use std::time::Duration;

use batman::{IfIndex, MacAddr};
use heapless::index_map::FnvIndexMap;
use spire_bridge::Uptime;
use spire_bridge::identity::WallTime;
use spire_bridge::tls::{self, HandshakeFailure};

use crate::hello::Hello;

/// How many peers are kept over all links. A router has a dozen neighbours; the rest is noise or a flood.
pub const CAPACITY: usize = 64;

/// The side with the greater hardware address leaves the dialling to the other one for this long. Then it
/// dials as well: the other may be unable to, or unwilling, and our own verdict is the one we can explain.
const COURTESY: Duration = Duration::from_secs(3);

/// The waits between attempts to dial one peer.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// An attempt that has brought no result after this long has been lost.
const ATTEMPT_LOST: Duration = Duration::from_secs(20);

/// A session is replaced by one with fresh certificates when less than this is left of the peer's SVID.
const RENEW_BEFORE: Duration = Duration::from_secs(300);

/// A peer is known by its hardware address on one of our links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey {
    /// Our link.
    pub link: IfIndex,
    /// Its address there.
    pub mac: MacAddr,
}

/// The number of a session within this run of mesh-node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// Which end of a session this node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// This node dialled.
    Dialler,
    /// The peer dialled.
    Listener,
}

/// An open session with a peer that has proven itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Its number.
    pub id: SessionId,
    /// Which end this node is.
    pub side: Side,
    /// What the handshake proved.
    pub proven: tls::Peer,
    /// When the peer was last heard in it.
    pub heard: Uptime,
    /// The last round trip; only the dialler measures.
    pub round_trip: Option<Duration>,
}

/// What is known of a peer.
#[derive(Clone, Debug, PartialEq)]
pub struct Peer {
    /// Its link-local address.
    pub address: Ipv6Addr,
    /// Where it takes sessions.
    pub port: u16,
    /// It says that it has an identity to show.
    pub has_identity: bool,
    /// When its hello was last heard.
    pub heard: Uptime,
    /// The session with it.
    pub session: Option<Session>,
    /// Why the last attempt at a session failed.
    pub failure: Option<HandshakeFailure>,
    nonce: u64,
    /// Since when there has been no session.
    alone_since: Uptime,
    attempts: u32,
    dial_from: Uptime,
    dialling_since: Option<Uptime>,
}

impl Peer {
    /// Tells whether an attempt at a session is under way.
    pub fn is_being_dialled(&self) -> bool {
        self.dialling_since.is_some()
    }
}

/// Somebody to dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dial {
    /// Whom.
    pub peer: PeerKey,
    /// Where.
    pub address: Ipv6Addr,
    /// Its port.
    pub port: u16,
}

/// What happened on a link.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkEvent {
    /// A hello was heard.
    Hello {
        /// On this link.
        link: IfIndex,
        /// From this link-local address.
        address: Ipv6Addr,
        /// What it said.
        hello: Hello,
    },
    /// A session was opened: both ends have proven themselves and said who they are on this link.
    Opened {
        /// The session.
        id: SessionId,
        /// With whom.
        peer: PeerKey,
        /// Our own hardware address on the link.
        own: MacAddr,
        /// The peer's link-local address.
        address: Ipv6Addr,
        /// Which end this node is.
        side: Side,
        /// What the handshake proved.
        proven: tls::Peer,
    },
    /// A session was not to be had.
    Failed {
        /// The link.
        link: IfIndex,
        /// The peer's link-local address.
        address: Ipv6Addr,
        /// Who dialled.
        side: Side,
        /// Why not.
        failure: HandshakeFailure,
    },
    /// A session is alive.
    Beat {
        /// The session.
        id: SessionId,
        /// The round trip, if this node dialled.
        round_trip: Option<Duration>,
    },
    /// A session is over.
    Closed {
        /// The session.
        id: SessionId,
    },
}

/// What follows from an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// The node should look at once; everything else can wait for the next turn.
    pub is_news: bool,
    /// A session that another one has made superfluous.
    pub superfluous: Option<SessionId>,
}

/// How long peers and sessions may be silent.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// A peer without a hello for this long is gone.
    pub hello: Duration,
    /// A session without a beat for this long is over.
    pub session: Duration,
}

/// The peers, at most [`CAPACITY`].
#[derive(Debug, Default)]
pub struct Peers {
    known: FnvIndexMap<PeerKey, Peer, CAPACITY>,
}

impl Peers {
    /// Finds a peer.
    pub fn get(&self, key: PeerKey) -> Option<&Peer> {
        self.known.get(&key)
    }

    /// Goes through all peers.
    pub fn iter(&self) -> impl Iterator<Item = (&PeerKey, &Peer)> {
        self.known.iter()
    }

    /// Notes what happened.
    pub fn learn(&mut self, event: LinkEvent, now: Uptime) -> Learned {
        let news = Learned { is_news: true, superfluous: None };
        match event {
            LinkEvent::Hello { link, address, hello } => {
                Learned { is_news: self.hello(link, address, &hello, now), superfluous: None }
            }
            LinkEvent::Opened { id, peer, own, address, side, proven } => {
                let session = Session { id, side, proven, heard: now, round_trip: None };
                Learned { superfluous: self.opened(peer, own, address, session), ..news }
            }
            LinkEvent::Failed { link, address, side, failure } => {
                self.failed(link, address, side, failure, now);
                news
            }
            LinkEvent::Beat { id, round_trip } => {
                self.beat(id, round_trip, now);
                Learned::default()
            }
            LinkEvent::Closed { id } => {
                self.closed(id, now);
                news
            }
        }
    }

    /// Notes a hello and tells whether it says anything new.
    fn hello(&mut self, link: IfIndex, address: Ipv6Addr, hello: &Hello, now: Uptime) -> bool {
        let key = PeerKey { link, mac: hello.mac };
        let is_new = !self.known.contains_key(&key);
        if is_new {
            self.make_room();
            // There is room now, or every place is held by an open session and the newcomer waits.
            let _ = self.known.insert(key, Peer::new(address, hello, now));
        }
        let Some(peer) = self.known.get_mut(&key) else { return false };
        let has_changed = peer.nonce != hello.nonce || peer.has_identity != hello.has_identity;
        if has_changed {
            // It has started anew or has got an identity: old failures say nothing about it any more.
            *peer = Peer { session: peer.session.take(), ..Peer::new(address, hello, now) };
        }
        peer.address = address;
        peer.port = hello.port;
        peer.heard = now;
        is_new || has_changed
    }

    /// Notes that a peer is being dialled.
    pub fn dialled(&mut self, key: PeerKey, now: Uptime) {
        if let Some(peer) = self.known.get_mut(&key) {
            peer.dialling_since = Some(now);
            peer.attempts = peer.attempts.saturating_add(1);
        }
    }

    /// Keeps a new session and returns the one that it makes superfluous: an older one, or itself.
    ///
    /// Both ends may dial at once. Both then keep the session that the lower address dialled, and of two
    /// with the same dialler the newer one, which has the fresher certificates.
    fn opened(
        &mut self,
        key: PeerKey,
        own: MacAddr,
        address: Ipv6Addr,
        session: Session,
    ) -> Option<SessionId> {
        let now = session.heard;
        if !self.known.contains_key(&key) {
            self.make_room();
            let _ = self.known.insert(key, Peer::unheard(address, now));
        }
        let Some(peer) = self.known.get_mut(&key) else { return Some(session.id) };
        peer.failure = None;
        peer.attempts = 0;
        peer.dialling_since = None;
        peer.dial_from = now;
        let preferred = if own < key.mac { Side::Dialler } else { Side::Listener };
        match &peer.session {
            Some(old) if old.side == preferred && session.side != preferred => Some(session.id),
            _ => peer.session.replace(session).map(|old| old.id),
        }
    }

    fn failed(
        &mut self,
        link: IfIndex,
        address: Ipv6Addr,
        side: Side,
        failure: HandshakeFailure,
        now: Uptime,
    ) {
        let found =
            self.known.iter_mut().find(|(key, peer)| key.link == link && peer.address == address);
        let Some((_, peer)) = found else { return };
        if side == Side::Dialler {
            peer.dialling_since = None;
            let wait = FIRST_WAIT.saturating_mul(1 << peer.attempts.saturating_sub(1).min(10));
            peer.dial_from = now.after(wait.min(LONGEST_WAIT));
        }
        // What we found out ourselves says more than an alert that the peer sent us.
        let ours = |failure: &HandshakeFailure| matches!(failure, HandshakeFailure::Refused(_));
        if ours(&failure) || !peer.failure.as_ref().is_some_and(ours) {
            peer.failure = Some(failure);
        }
    }

    fn beat(&mut self, id: SessionId, round_trip: Option<Duration>, now: Uptime) {
        if let Some(session) = self.session_mut(id) {
            session.heard = now;
            session.round_trip = round_trip.or(session.round_trip);
        }
    }

    fn closed(&mut self, id: SessionId, now: Uptime) {
        for peer in self.known.values_mut() {
            if peer.session.as_ref().is_some_and(|session| session.id == id) {
                peer.session = None;
                peer.alone_since = now;
            }
        }
    }

    /// Drops the peers that have neither been heard in time nor hold a session.
    pub fn forget(&mut self, timeouts: Timeouts, now: Uptime) {
        self.known
            .retain(|_, peer| peer.session.is_some() || now.since(peer.heard) <= timeouts.hello);
    }

    /// Lists the sessions that are over: silent, or proven by an SVID that has ended.
    pub fn stale(&self, timeouts: Timeouts, wall: WallTime, now: Uptime) -> Vec<SessionId> {
        let sessions = self.known.values().filter_map(|peer| peer.session.as_ref());
        sessions
            .filter(|session| {
                now.since(session.heard) > timeouts.session || session.proven.not_after <= wall
            })
            .map(|session| session.id)
            .collect()
    }

    /// Lists whom to dial now: who is there, can show an identity, and has no session or one that ends soon.
    pub fn to_dial(
        &self,
        own: impl Fn(IfIndex) -> Option<MacAddr>,
        wall: WallTime,
        timeouts: Timeouts,
        now: Uptime,
    ) -> Vec<Dial> {
        let due = |key: &PeerKey, peer: &Peer| {
            let Some(own) = own(key.link) else { return false };
            let our_turn = own < key.mac || now.since(peer.alone_since) >= COURTESY;
            let wanted = match &peer.session {
                None => our_turn,
                Some(session) => {
                    own < key.mac && session.proven.not_after.remaining(wall) < RENEW_BEFORE
                }
            };
            let lost = |since: Uptime| now.since(since) > ATTEMPT_LOST;
            wanted
                && peer.has_identity
                && now.since(peer.heard) <= timeouts.hello
                && now >= peer.dial_from
                && peer.dialling_since.is_none_or(lost)
        };
        self.known
            .iter()
            .filter(|(key, peer)| due(key, peer))
            .map(|(key, peer)| Dial { peer: *key, address: peer.address, port: peer.port })
            .collect()
    }

    fn session_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        let sessions = self.known.values_mut().filter_map(|peer| peer.session.as_mut());
        sessions.into_iter().find(|session| session.id == id)
    }

    /// Gives up the peer that was silent longest, if the table is full; never one with a session.
    fn make_room(&mut self) {
        if self.known.len() < CAPACITY {
            return;
        }
        let idle = self.known.iter().filter(|(_, peer)| peer.session.is_none());
        if let Some(key) = idle.min_by_key(|(_, peer)| peer.heard).map(|(key, _)| *key) {
            self.known.swap_remove(&key);
        }
    }
}

impl Peer {
    fn new(address: Ipv6Addr, hello: &Hello, now: Uptime) -> Self {
        Self {
            port: hello.port,
            has_identity: hello.has_identity,
            nonce: hello.nonce,
            ..Self::unheard(address, now)
        }
    }

    /// A peer that dialled before its hello was heard.
    fn unheard(address: Ipv6Addr, now: Uptime) -> Self {
        Self {
            address,
            port: 0,
            has_identity: false,
            heard: now,
            session: None,
            failure: None,
            nonce: 0,
            alone_since: now,
            attempts: 0,
            dial_from: now,
            dialling_since: None,
        }
    }
}

#[cfg(test)]
mod tests;
