//! Who was heard on the raw links, who proved itself, who did not, and whom to dial next.
//!
//! Everything that a hello says is a claim. A peer is therefore known by where it was heard from, a link and
//! an address; its hardware address counts only once it was said inside a session.

mod event;
mod session;

use std::net::Ipv6Addr;
use std::time::Duration;

use batman::{IfIndex, MacAddr};
use heapless::index_map::FnvIndexMap;
use spire_bridge::identity::WallTime;
use spire_bridge::tls::HandshakeFailure;
use spire_bridge::{Uptime, doubling};

use crate::hello::Hello;
pub use event::{Learned, LinkEvent};
pub use session::{Session, SessionId, Side};

/// How many peers are kept over all links. A router has a dozen neighbours; the rest is noise or a flood.
pub const CAPACITY: usize = 64;

/// How many dials are under way at a time: each holds a descriptor and costs a few milliseconds of CPU.
const DIALS: usize = 8;

/// How many sessions one identity may hold: one for each link that two nodes share, and no more.
const SESSIONS_OF_ONE: usize = 4;

/// The side with the greater hardware address leaves the dialling to the other one for this long. Then it
/// dials as well: the other may be unable to, or unwilling, and our own verdict is the one we can explain.
const COURTESY: Duration = Duration::from_secs(3);

/// The waits between attempts to dial one peer.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A session that was just renewed is not renewed again within this time, or a third of its life, whatever
/// its certificates say.
const RENEWALS_APART: Duration = Duration::from_secs(30);

/// An attempt that has brought no result after this long has been lost.
const ATTEMPT_LOST: Duration = Duration::from_secs(20);

/// Where a peer was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey {
    /// Our link.
    pub link: IfIndex,
    /// Its link-local address there.
    pub address: Ipv6Addr,
}

/// What is known of a peer.
#[derive(Clone, Debug, PartialEq)]
pub struct Peer {
    /// The hardware address that it claims.
    pub claimed: Option<MacAddr>,
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
    /// Since when this node has had an identity to show.
    able_since: Option<Uptime>,
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

    /// Finds who has a hardware address: whoever said so in a session, else whoever claims it, and of
    /// several the one whose address was made from it.
    pub fn owner(&self, link: IfIndex, mac: MacAddr) -> Option<&Peer> {
        let here = || self.known.iter().filter(move |(key, _)| key.link == link);
        let proven = here().find(|(_, peer)| peer.session.as_ref().is_some_and(|it| it.mac == mac));
        let claims = here().filter(|(_, peer)| peer.session.is_none() && peer.claimed == Some(mac));
        let likeliest = || claims.min_by_key(|(key, _)| key.address != link_local(mac));
        proven.or_else(likeliest).map(|(_, peer)| peer)
    }

    /// Notes whether this node has an identity to show.
    pub fn able(&mut self, is_able: bool, now: Uptime) {
        self.able_since = is_able.then(|| self.able_since.unwrap_or(now));
    }

    /// Notes what happened.
    pub fn learn(&mut self, event: LinkEvent, now: Uptime) -> Learned {
        let news = Learned { is_news: true, superfluous: None };
        match event {
            LinkEvent::Hello { from, hello } => {
                Learned { is_news: self.hello(from, &hello, now), superfluous: None }
            }
            LinkEvent::Opened { from, own, session } => {
                Learned { superfluous: self.opened(from, own, session), ..news }
            }
            LinkEvent::Failed { from, side, failure } => {
                Learned { is_news: self.failed(from, side, failure, now), superfluous: None }
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

    /// Notes that a peer is being dialled.
    pub fn dialled(&mut self, key: PeerKey, now: Uptime) {
        if let Some(peer) = self.known.get_mut(&key) {
            peer.dialling_since = Some(now);
            peer.attempts = peer.attempts.saturating_add(1);
        }
    }

    /// Drops the peers that have neither been heard in time nor hold a session.
    pub fn forget(&mut self, timeouts: Timeouts, now: Uptime) {
        self.known
            .retain(|_, peer| peer.session.is_some() || now.since(peer.heard) <= timeouts.hello);
    }

    /// Lists the sessions that are over: silent, or one of their SVIDs has ended.
    pub fn stale(&self, timeouts: Timeouts, wall: WallTime, now: Uptime) -> Vec<SessionId> {
        self.sessions()
            .filter(|it| now.since(it.heard) > timeouts.session || it.ends <= wall)
            .map(|session| session.id)
            .collect()
    }

    /// Lists whom to dial now: who is there, can show an identity, and has no session or one that ends
    /// soon. Only a few are under way at a time.
    pub fn to_dial(
        &self,
        own: impl Fn(IfIndex) -> Option<MacAddr>,
        wall: WallTime,
        timeouts: Timeouts,
        now: Uptime,
    ) -> Vec<PeerKey> {
        let is_under_way =
            |peer: &Peer| peer.dialling_since.is_some_and(|since| now.since(since) <= ATTEMPT_LOST);
        let under_way = self.known.values().filter(|peer| is_under_way(peer)).count();
        self.known
            .iter()
            .filter(|(key, peer)| {
                now >= peer.dial_from
                    && !is_under_way(peer)
                    && own(key.link).is_some_and(|own| match &peer.session {
                        None => self.lacks_session(peer, own, timeouts, now),
                        Some(session) => own < session.mac && session.ends_soon(wall),
                    })
            })
            .map(|(key, _)| *key)
            .take(DIALS.saturating_sub(under_way))
            .collect()
    }

    fn lacks_session(&self, peer: &Peer, own: MacAddr, timeouts: Timeouts, now: Uptime) -> bool {
        let Some((able_since, claimed)) = self.able_since.zip(peer.claimed) else { return false };
        let waited = now.since(able_since.max(peer.alone_since));
        let is_our_turn = own < claimed || waited >= COURTESY;
        is_our_turn && peer.has_identity && now.since(peer.heard) <= timeouts.hello
    }

    /// Notes a hello and tells whether it says anything new.
    fn hello(&mut self, from: PeerKey, hello: &Hello, now: Uptime) -> bool {
        let is_new = self.insert(from, now);
        let Some(peer) = self.known.get_mut(&from) else { return false };
        peer.heard = now;
        if peer.session.is_some() {
            // Whoever it was that said this, the session knows better.
            return is_new;
        }
        let has_changed = peer.nonce != hello.nonce
            || peer.claimed != Some(hello.mac)
            || peer.has_identity != hello.has_identity;
        if has_changed {
            // Old failures say nothing about it any more, but it does not get to be dialled at will.
            peer.failure = None;
            peer.dial_from = peer.dial_from.min(now.after(FIRST_WAIT));
        }
        peer.nonce = hello.nonce;
        peer.claimed = Some(hello.mac);
        peer.has_identity |= hello.has_identity;
        is_new || has_changed
    }

    /// Keeps a new session and returns the one that it makes superfluous: an older one, or itself.
    ///
    /// Both ends may dial at once. Both then keep the session that the lower address dialled, and of two
    /// with the same dialler the newer one. Nobody takes the place of another identity.
    fn opened(&mut self, from: PeerKey, own: MacAddr, session: Session) -> Option<SessionId> {
        let id = session.id;
        let now = session.heard;
        let who = &session.proven.spiffe_id;
        let of_one = self.sessions().filter(|it| it.proven.spiffe_id == *who).count();
        let rival = self.known.iter().find(|(key, peer)| {
            **key != from && key.link == from.link && peer.has_session_as(session.mac)
        });
        let usurps = rival.is_some_and(|(_, peer)| !peer.is_session_of(who));
        // Two addresses of one peer: whoever dialled gives the second up, and the other end follows.
        let is_twin = rival.is_some() && session.side == Side::Dialler;
        self.insert(from, now);
        let Some(peer) = self.known.get_mut(&from) else { return Some(id) };
        peer.dialling_since = None;
        peer.attempts = 0;
        peer.failure = None;
        peer.dial_from = now.after(RENEWALS_APART.min(session.life / 3).max(FIRST_WAIT));
        let preferred = if own < session.mac { Side::Dialler } else { Side::Listener };
        let yields = peer.session.as_ref().is_some_and(|old| {
            old.proven.spiffe_id != *who || (old.side == preferred && session.side != preferred)
        });
        if usurps || is_twin || yields || (of_one >= SESSIONS_OF_ONE && peer.session.is_none()) {
            return Some(id);
        }
        peer.session.replace(session).map(|old| old.id)
    }

    /// Notes that a session was not to be had, and tells whether that changes what is known.
    fn failed(
        &mut self,
        from: PeerKey,
        side: Side,
        failure: HandshakeFailure,
        now: Uptime,
    ) -> bool {
        let Some(peer) = self.known.get_mut(&from) else { return false };
        if side == Side::Dialler {
            peer.dialling_since = None;
            let failures = peer.attempts.saturating_sub(1);
            peer.dial_from = now.after(doubling(FIRST_WAIT, LONGEST_WAIT, failures));
        }
        // What we found out ourselves says more than an alert that the peer sent us.
        let ours = |failure: &HandshakeFailure| matches!(failure, HandshakeFailure::Refused(_));
        let is_weaker = !ours(&failure) && peer.failure.as_ref().is_some_and(ours);
        if is_weaker || peer.failure.as_ref() == Some(&failure) {
            return false;
        }
        peer.failure = Some(failure);
        true
    }

    fn beat(&mut self, id: SessionId, round_trip: Option<Duration>, now: Uptime) {
        let mut sessions = self.known.values_mut().filter_map(|peer| peer.session.as_mut());
        if let Some(session) = sessions.find(|session| session.id == id) {
            session.heard = now;
            session.round_trip = round_trip.or(session.round_trip);
        }
    }

    fn closed(&mut self, id: SessionId, now: Uptime) {
        for peer in self.known.values_mut() {
            if peer.session.as_ref().is_some_and(|session| session.id == id) {
                peer.session = None;
                peer.alone_since = now;
                peer.dial_from = now.after(FIRST_WAIT);
            }
        }
    }

    fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.known.values().filter_map(|peer| peer.session.as_ref())
    }

    /// Makes sure that a peer is known, if there is room, and tells whether it is new.
    fn insert(&mut self, key: PeerKey, now: Uptime) -> bool {
        if self.known.contains_key(&key) {
            return false;
        }
        self.make_room();
        // Where every place is held by an open session, a newcomer has to wait.
        self.known.insert(key, Peer::new(now)).is_ok()
    }

    /// Gives up the peer that was silent longest, if the table is full; never one with a session.
    fn make_room(&mut self) {
        if self.known.len() < CAPACITY {
            return;
        }
        let idle = self.known.iter().filter(|(_, peer)| peer.session.is_none());
        let idle = idle.min_by_key(|(_, peer)| (peer.dialling_since.is_some(), peer.heard));
        if let Some(key) = idle.map(|(key, _)| *key) {
            self.known.swap_remove(&key);
        }
    }
}

impl Peer {
    /// Tells whether an attempt at a session is under way.
    pub fn is_being_dialled(&self) -> bool {
        self.dialling_since.is_some()
    }

    fn new(now: Uptime) -> Self {
        Self {
            claimed: None,
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

    fn has_session_as(&self, mac: MacAddr) -> bool {
        self.session.as_ref().is_some_and(|session| session.mac == mac)
    }

    fn is_session_of(&self, who: &spire_bridge::SpiffeId) -> bool {
        self.session.as_ref().is_some_and(|session| session.proven.spiffe_id == *who)
    }
}

/// Returns the link-local address that the kernel makes of a hardware address (RFC 4291 appendix A).
fn link_local(mac: MacAddr) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.0;
    Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}

#[cfg(test)]
mod tests;
