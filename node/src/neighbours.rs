//! The neighbour table: the kernel's neighbours joined with the sessions.

use std::time::Duration;

use batman::{LinkQuality, MacAddr};
use spire_bridge::identity::Standing;
use spire_bridge::tls::{self, HandshakeFailure};

use crate::config::Config;
use crate::knowledge::Knowledge;
use crate::observation::Observation;
use crate::peers::Peer;

/// A neighbour of the kernel, and what is known of who it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbour {
    /// Our hard interface that hears it.
    pub interface: String,
    /// Its hardware address.
    pub mac: MacAddr,
    /// How good the link is, once the kernel knows.
    pub quality: Option<LinkQuality>,
    /// How long ago the kernel last heard it.
    pub last_seen: Duration,
    /// Who it is.
    pub trust: Trust,
}

/// Who a neighbour is.
#[derive(Clone, Debug, PartialEq)]
pub enum Trust {
    /// It has proven itself and holds a session.
    Verified {
        /// What it proved.
        proven: tls::Peer,
        /// The session's last round trip.
        round_trip: Option<Duration>,
    },
    /// Nobody knows who it is.
    Unverified {
        /// Why not.
        reason: String,
    },
    /// It tried, or was tried, and one side turned the other away.
    Refused {
        /// Why.
        reason: String,
    },
}

/// Joins the tables. Neighbours that have been silent for longer than the configured time are left out:
/// the kernel keeps them for 200 s.
pub fn table(config: &Config, knowledge: &Knowledge, seen: &Observation) -> Vec<Neighbour> {
    let Ok(mesh) = &seen.mesh else { return Vec::new() };
    let heard = mesh.neighbour_links().into_iter();
    let heard = heard.filter(|link| link.neighbour.last_seen <= config.mesh.neighbour_timeout);
    let mut neighbours: Vec<Neighbour> = heard
        .map(|link| {
            let (interface, mac) = (link.neighbour.interface_index, link.neighbour.address);
            let peer = knowledge.peers.owner(interface, mac);
            Neighbour {
                interface: link.neighbour.interface.to_string(),
                mac: link.neighbour.address,
                quality: link.quality,
                last_seen: link.neighbour.last_seen,
                trust: trust(peer, &seen.identity),
            }
        })
        .collect();
    neighbours.sort_by(|a, b| (&a.interface, a.mac).cmp(&(&b.interface, b.mac)));
    neighbours
}

fn trust(peer: Option<&Peer>, own: &Standing) -> Trust {
    let unverified = |reason: &str| Trust::Unverified { reason: reason.to_owned() };
    let Some(peer) = peer else {
        return unverified("it says no hello on this link");
    };
    if let Some(session) = &peer.session {
        return Trust::Verified { proven: session.proven.clone(), round_trip: session.round_trip };
    }
    match (&peer.failure, own) {
        (
            Some(failure @ (HandshakeFailure::Refused(_) | HandshakeFailure::RefusedByPeer { .. })),
            _,
        ) => Trust::Refused { reason: failure.to_string() },
        (_, Standing::Absent(absence)) => {
            unverified(&format!("this node has no identity: {absence}"))
        }
        _ if !peer.has_identity => unverified("it has no identity to show"),
        (Some(failure), _) => unverified(&failure.to_string()),
        (None, _) if peer.is_being_dialled() => unverified("the handshake is under way"),
        (None, _) => unverified("it has not dialled yet"),
    }
}
