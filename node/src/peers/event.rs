use std::time::Duration;

use batman::MacAddr;
use spire_bridge::tls::HandshakeFailure;

use super::{PeerKey, Session, SessionId, Side};
use crate::hello::Hello;

/// What happened on a link.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkEvent {
    /// A hello was heard.
    Hello {
        /// From here, as far as anybody can tell.
        from: PeerKey,
        /// What it said.
        hello: Hello,
    },
    /// A session was opened: both ends have proven themselves and said who they are on this link.
    Opened {
        /// With whom.
        from: PeerKey,
        /// Our own hardware address on the link.
        own: MacAddr,
        /// The session.
        session: Session,
    },
    /// A session was not to be had.
    Failed {
        /// With whom.
        from: PeerKey,
        /// Which end this node would have been.
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
    /// The node should look soon; everything else can wait for the next turn.
    pub is_news: bool,
    /// A session that another one has made superfluous.
    pub superfluous: Option<SessionId>,
}
