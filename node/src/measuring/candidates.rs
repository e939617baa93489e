//! Who can be measured: direct neighbours that have proven themselves, over the link that leads to them.

use std::time::Duration;

use batman::{MacAddr, Originator, Seen};

use super::Target;
use crate::peers::{Peers, Session};

/// A neighbour that can be measured over a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The neighbour, and the link of the best way to it.
    pub target: Target,
    /// Its address on that link.
    pub next_hop: MacAddr,
}

/// Lists the neighbours that can be measured. Others' packets would go another way, and whoever holds no session
/// cannot be asked for the air.
pub fn candidates(seen: &Seen, peers: &Peers, timeout: Duration) -> Vec<Candidate> {
    let heard = seen.originators.iter().filter(|it| it.best && it.last_seen <= timeout);
    let near = heard.filter(|originator| is_near(originator, peers));
    let candidate = |it: &Originator| Candidate {
        target: Target { interface: it.interface.clone(), node: it.address },
        next_hop: it.neighbour,
    };
    near.map(candidate).collect()
}

/// Whether the neighbour that leads to an originator is that node itself: it may have another address on each link.
fn is_near(originator: &Originator, peers: &Peers) -> bool {
    let owner = peers.owner(originator.interface_index, originator.neighbour);
    let Some(session) = owner.and_then(|peer| peer.session.as_ref()) else { return false };
    let is_it = |other: &Session| {
        other.mac == originator.address && other.proven.spiffe_id == session.proven.spiffe_id
    };
    originator.neighbour == originator.address
        || peers.iter().filter_map(|(_, peer)| peer.session.as_ref()).any(is_it)
}
