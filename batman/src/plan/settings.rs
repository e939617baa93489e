//! Settings, as far as they are wanted.

use super::{available, rate::RateSource, set_up};
use crate::{
    HardInterface, IfName, InterfaceSettings, Link, MeshDevice, RoutingAlgorithm, Seen, Setting,
    Step, Value, VlanId, VlanSettings, Wanted,
};

/// Whether a setting must be changed: it is not if this kernel does not have it.
fn differs(seen: Option<Option<Value>>, wanted: &Setting) -> bool {
    match seen {
        Some(Some(value)) => value != wanted.value,
        Some(None) => false,
        // It belongs to something that is not there yet.
        None => true,
    }
}

pub(super) fn of_mesh(wanted: &Wanted, kept: Option<&MeshDevice>) -> Vec<Step> {
    let seen = |setting: &Setting| kept.map(|device| device.settings.get(setting.knob));
    let changed = wanted.settings().iter().filter(|setting| differs(seen(setting), setting));
    changed.map(|setting| Step::Set { mesh: wanted.mesh().clone(), setting }).collect()
}

pub(super) fn of_interfaces(wanted: &Wanted, seen: &Seen, kept: Option<&MeshDevice>) -> Vec<Step> {
    let links = available(wanted, seen).into_iter();
    links.flat_map(|link| of_interface(wanted, seen, kept, link)).collect()
}

fn of_interface(wanted: &Wanted, seen: &Seen, kept: Option<&MeshDevice>, link: &Link) -> Vec<Step> {
    let is_attached = kept.is_some_and(|device| link.master == Some(device.index));
    let row = seen.hard_interfaces.iter().find(|row| row.index == link.index);
    let row: Option<&HardInterface> = row.filter(|_| is_attached);
    let settings = interface_settings(wanted, seen, &link.name);
    let seen = |setting: &Setting| row.map(|row| row.settings.get(setting.knob));
    let changed = settings.iter().filter(|setting| differs(seen(setting), setting));
    changed
        .map(|setting| Step::SetHardInterface {
            mesh: wanted.mesh().clone(),
            link: link.name.clone(),
            setting,
        })
        .collect()
}

/// What is wanted of a hard interface, and under B.A.T.M.A.N. V the throughput that the kernel
/// cannot know.
fn interface_settings(wanted: &Wanted, seen: &Seen, name: &IfName) -> InterfaceSettings {
    let settings = wanted.interface(name);
    if wanted.algorithm() != RoutingAlgorithm::BatmanV {
        return settings;
    }
    let known = seen.rates.get(name).copied().unwrap_or_default();
    let source = RateSource::of(settings.throughput_override, &known);
    InterfaceSettings { throughput_override: source.override_(), ..settings }
}

pub(super) fn of_vlans(wanted: &Wanted, seen: &Seen, kept: Option<&MeshDevice>) -> Vec<Step> {
    wanted.vlans().flat_map(|(id, settings)| of_vlan(wanted, seen, kept, id, settings)).collect()
}

/// A VLAN that somebody brought to the mesh device in whatever way is adopted; one that it has not
/// is made by a link of its own, unless a stranger has that name.
fn of_vlan(
    wanted: &Wanted,
    seen: &Seen,
    kept: Option<&MeshDevice>,
    id: VlanId,
    settings: &VlanSettings,
) -> Vec<Step> {
    let Some(name) = wanted.vlan_link(id) else { return Vec::new() };
    let mesh = || wanted.mesh().clone();
    let vlan = seen.vlans.iter().find(|vlan| kept.is_some() && vlan.id == id);
    let link = seen.link(&name).filter(|link| is_left(link, seen, kept));
    let is_ours = |link: &&Link| kept.is_some_and(|device| carries(link, id, device));
    let mut steps = Vec::new();
    match (vlan, link) {
        (None, Some(link)) if !is_ours(&link) => return steps,
        (Some(_), None) if is_brought(id, seen, kept) => {}
        (_, None) => {
            steps.push(Step::CreateVlan { mesh: mesh(), vlan: id, link: name.clone() });
            steps.push(set_up(&name));
        }
        (_, Some(link)) if is_ours(&link) && !link.up => steps.push(set_up(&name)),
        (_, Some(_)) => {}
    }
    let seen = |setting: &Setting| vlan.map(|vlan| vlan.settings.get(setting.knob));
    let changed = settings.iter().filter(|setting| differs(seen(setting), setting));
    steps.extend(changed.map(|setting| Step::SetVlan { mesh: mesh(), vlan: id, setting }));
    steps
}

/// Whether a link is this VLAN's of this mesh device.
pub(super) fn carries(link: &Link, id: VlanId, device: &MeshDevice) -> bool {
    link.is_kind(Link::VLAN) && link.vlan == Some(id) && link.lower == Some(device.index)
}

/// Whether a VLAN that is there is another's: of a link with another name, or of the bridge whose
/// port the mesh device is, if that bridge filters VLANs. Else its link is gone, and the kernel
/// keeps the VLAN for as long as it knows clients in it (batadv_interface_add_vid in
/// net/batman-adv/mesh-interface.c revives it).
pub(super) fn is_brought(id: VlanId, seen: &Seen, kept: Option<&MeshDevice>) -> bool {
    let Some(device) = kept else { return false };
    let master = seen.link_at(device.index).and_then(|link| seen.link_at(link.master?));
    let is_bridged = master.is_some_and(|master| master.filters_vlans);
    let is_of_it = |link: &Link| link.vlan == Some(id) && link.lower == Some(device.index);
    is_bridged || seen.links.iter().any(is_of_it)
}

/// Whether a link outlives the deletion of the mesh device, if that is planned.
fn is_left(link: &Link, seen: &Seen, kept: Option<&MeshDevice>) -> bool {
    let deleted = seen.mesh.as_ref().filter(|_| kept.is_none());
    deleted.is_none_or(|device| link.lower != Some(device.index))
}
