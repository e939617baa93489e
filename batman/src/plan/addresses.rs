//! The addresses of the link by which this node is reached in the mesh.

use super::kept;
use crate::{Address, IfIndex, IfName, Link, LinkAddress, MeshDevice, Seen, Step, Wanted};

/// Adds what is missing and removes what carries our mark and is not wanted. Nobody else's address
/// is removed, but for one that is wanted with another prefix where the kernel takes only one.
pub(super) fn steps(wanted: &Wanted, seen: &Seen, kept: Option<&MeshDevice>) -> Vec<Step> {
    let host = match host(wanted, seen, kept) {
        Host::Link(index) => Some(index),
        Host::New => None,
        Host::Taken => return Vec::new(),
    };
    let mut steps = superfluous(wanted, seen, kept, host);
    let link = wanted.host();
    let of_host = || seen.addresses.iter().filter(|address| Some(address.link) == host);
    // One that was found to be somebody else's stays on the link, and cannot be added again.
    let own = host.and_then(|host| seen.link_at(host)?.address).map(Address::link_local);
    let is_settled = |it: &LinkAddress| {
        it.is_usable_link_local() || (it.is_duplicate && Some(it.address) == own)
    };
    if !of_host().any(is_settled) {
        steps.push(Step::AddLinkLocal { link: link.clone() });
    }
    let missing = wanted.addresses().iter().filter(|a| of_host().all(|seen| seen.address != **a));
    steps.extend(missing.map(|&address| Step::AddAddress { link: link.clone(), address }));
    steps
}

enum Host {
    Link(IfIndex),
    /// It is created by a step before these.
    New,
    /// Its name belongs to another link.
    Taken,
}

fn host(wanted: &Wanted, seen: &Seen, kept: Option<&MeshDevice>) -> Host {
    match (wanted.lan().and_then(|lan| seen.link(&lan.bridge)), wanted.lan(), kept) {
        (Some(bridge), ..) if !bridge.is_kind(Link::BRIDGE) => Host::Taken,
        (Some(bridge), ..) => Host::Link(bridge.index),
        (None, None, Some(device)) => Host::Link(device.index),
        (None, Some(_), _) | (None, None, None) => Host::New,
    }
}

/// The addresses of the host that are wanted, and those of its link, which it has in vain: somebody else
/// has them too.
pub(super) fn duplicates<'a>(
    wanted: &'a Wanted,
    seen: &'a Seen,
) -> impl Iterator<Item = Address> + 'a {
    let host = match host(wanted, seen, kept(wanted, seen)) {
        Host::Link(index) => Some(index),
        Host::New | Host::Taken => None,
    };
    let of_host = seen.addresses.iter().filter(move |address| Some(address.link) == host);
    let addresses = of_host.filter(|address| address.is_duplicate).map(|address| address.address);
    addresses.filter(|it| it.is_link_local() || wanted.addresses().contains(it))
}

/// What we added to the host, and to the mesh device before it became a port, and is not wanted; and
/// what keeps a wanted address from the host.
fn superfluous(
    wanted: &Wanted,
    seen: &Seen,
    kept: Option<&MeshDevice>,
    host: Option<IfIndex>,
) -> Vec<Step> {
    let name = |index: IfIndex| -> Option<&IfName> {
        if Some(index) == host {
            return Some(wanted.host());
        }
        kept.filter(|device| device.index == index).map(|device| &device.name)
    };
    let steps = seen.addresses.iter().filter_map(|seen| {
        let is_of_host = Some(seen.link) == host;
        let to_become =
            wanted.addresses().iter().find(|it| is_of_host && it.excludes(seen.address));
        let is_wanted = is_of_host && wanted.addresses().contains(&seen.address);
        // The link-local address comes and goes with its link.
        let is_left_over = seen.is_ours && !is_wanted && !seen.address.is_link_local();
        let link = name(seen.link).filter(|_| is_left_over || to_become.is_some())?.clone();
        Some(Step::RemoveAddress { link, address: seen.address, to_become: to_become.copied() })
    });
    steps.collect()
}
