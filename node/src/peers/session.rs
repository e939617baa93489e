use std::time::Duration;

use batman::MacAddr;
use spire_bridge::Uptime;
use spire_bridge::identity::WallTime;
use spire_bridge::tls;

/// A session is renewed when less than this is left of it.
const RENEW_BEFORE: Duration = Duration::from_secs(300);

/// One that had little to begin with is renewed in the last third: by then the agents, which rotate at half
/// an SVID's life, have newer ones.
const SHARE: u32 = 3;

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
    /// The peer's hardware address on this link, on its word.
    pub mac: MacAddr,
    /// When the first of the two SVIDs ends.
    pub ends: WallTime,
    /// How long that was from the handshake.
    pub life: Duration,
    /// When the peer was last heard in it.
    pub heard: Uptime,
    /// The last round trip; only the dialler measures.
    pub round_trip: Option<Duration>,
}

impl Session {
    /// Tells whether it is time for a new one.
    pub fn ends_soon(&self, wall: WallTime) -> bool {
        self.ends.remaining(wall) < RENEW_BEFORE.min(self.life / SHARE)
    }
}
