//! The LAN side: the bridge and its ports.

use super::set_up;
use crate::{IfName, Link, MeshDevice, Seen, Step, Wanted};

pub(super) fn steps(wanted: &Wanted, seen: &Seen, kept: Option<&MeshDevice>) -> Vec<Step> {
    let Some(lan) = wanted.lan() else { return Vec::new() };
    let bridge = seen.link(&lan.bridge);
    if bridge.is_some_and(|link| !link.is_kind(Link::BRIDGE)) {
        return Vec::new();
    }
    let mut steps = Vec::new();
    if bridge.is_none() {
        steps.push(Step::CreateBridge { bridge: lan.bridge.clone() });
    }
    let add = |port: &IfName| Step::AddPort { port: port.clone(), bridge: lan.bridge.clone() };
    let index = bridge.map(|bridge| bridge.index);
    let is_taken = |link: &Link| seen.held.contains(link.index) && link.master != index;
    // A mesh device that is only just created has no master yet.
    let mesh = kept.and_then(|device| seen.link_at(device.index));
    if mesh.is_none_or(|link| link.master.is_none() || is_taken(link)) {
        steps.push(add(wanted.mesh()));
    }
    // What is in the mesh and wanted here has been detached by then.
    let detached = seen.mesh.as_ref().map(|device| device.index);
    for port in lan.ports.iter().filter_map(|name| seen.link(name)) {
        let is_in = index.is_some() && port.master == index;
        let is_free = port.master.is_none() || port.master == detached || is_taken(port);
        if is_free {
            steps.push(add(&port.name));
        }
        if !port.up && (is_in || is_free) {
            steps.push(set_up(&port.name));
        }
    }
    if !bridge.is_some_and(|bridge| bridge.up) {
        steps.push(set_up(&lan.bridge));
    }
    steps
}
