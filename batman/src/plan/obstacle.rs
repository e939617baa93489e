use std::fmt;

use super::{
    addresses::duplicates,
    kept, renamed,
    settings::{carries, is_brought},
};
use crate::{
    Address, IfIndex, IfName, Knob, Link, RoutingAlgorithm, Seen, Setting, VlanId, Wanted,
};

/// Something that is in the way of the wanted mesh and that no step will move.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Obstacle {
    /// A wanted hard interface or port does not exist.
    Missing {
        /// The wanted name.
        link: IfName,
    },
    /// A wanted hard interface or port, or the mesh device, serves another master, as it did from the
    /// start.
    Enslaved {
        /// The link.
        link: IfName,
        /// Its master, if that was seen.
        master: Option<IfName>,
    },
    /// The wanted name belongs to a link of another kind.
    NameTaken {
        /// The wanted name.
        link: IfName,
        /// What the link should be.
        wanted: Named,
        /// What the link is instead; nothing for hardware.
        kind: Option<String>,
    },
    /// Somebody else on the link has an address too, so the kernel does not use it.
    Duplicate {
        /// The link.
        link: IfName,
        /// The address.
        address: Address,
    },
    /// This kernel does not have the wanted algorithm. A mesh of another stays as it is.
    AlgorithmLacking {
        /// The mesh device.
        mesh: IfName,
        /// The algorithm.
        algorithm: RoutingAlgorithm,
    },
    /// This kernel does not have a setting that is wanted.
    Lacking {
        /// What the setting would be of.
        link: IfName,
        /// The setting.
        knob: Knob,
    },
}

/// What a wanted name is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Named {
    /// The mesh device.
    Mesh,
    /// The bridge.
    Bridge,
    /// The link of this VLAN.
    Vlan(VlanId),
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mesh => f.write_str("mesh"),
            Self::Bridge => f.write_str("bridge"),
            Self::Vlan(id) => write!(f, "VLAN {id} of the mesh"),
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { link } => write!(f, "there is no link {link}"),
            Self::Enslaved { link, master: Some(master) } => {
                write!(f, "{link} is enslaved to {master}")
            }
            Self::Enslaved { link, master: None } => {
                write!(f, "{link} is enslaved to another link")
            }
            Self::NameTaken { link, wanted, kind } => {
                let kind = kind.as_deref().unwrap_or("hardware");
                write!(f, "the name {link} belongs to a link that is no {wanted} ({kind})")
            }
            Self::Duplicate { link, address } => {
                write!(f, "{} on {link} is used by somebody else too", address.ip())
            }
            Self::AlgorithmLacking { mesh, algorithm } => {
                write!(f, "this kernel has no {algorithm} for {mesh}")?;
                match algorithm {
                    RoutingAlgorithm::BatmanIv => Ok(()),
                    RoutingAlgorithm::BatmanV => {
                        f.write_str(": it was built without CONFIG_BATMAN_ADV_BATMAN_V")
                    }
                }
            }
            Self::Lacking { link, knob } => {
                let why = knob.about().why_lacking();
                write!(f, "this kernel cannot set {knob} of {link}: {why}")
            }
        }
    }
}

/// Names what keeps the wanted mesh from being whole and is not ours to change.
///
/// A wanted hard interface or port that serves another master and never was ours is not taken from
/// it: whoever enslaved it may depend on it, and the operator must say which of the two is meant. A
/// setting that
/// this kernel does not have is named here and not planned.
pub fn obstacles(wanted: &Wanted, seen: &Seen) -> Vec<Obstacle> {
    let mut obstacles = Vec::new();
    if let Some(link) = seen.link(wanted.mesh()).filter(|_| seen.mesh.is_none()) {
        obstacles.push(taken(link, Named::Mesh));
    }
    if kept(wanted, seen).is_none() && seen.lacks(wanted.algorithm()) {
        let (mesh, algorithm) = (wanted.mesh().clone(), wanted.algorithm());
        obstacles.push(Obstacle::AlgorithmLacking { mesh, algorithm });
    }
    let mesh = seen.mesh.as_ref().map(|device| device.index);
    let renamed = renamed(wanted, seen).map(|device| device.index);
    obstacles.extend(members(wanted.hard_interfaces(), &[mesh, renamed], seen));
    obstacles.extend(lan(wanted, seen));
    obstacles.extend(vlans(wanted, seen));
    let link = wanted.host();
    let duplicate = |address| Obstacle::Duplicate { link: link.clone(), address };
    obstacles.extend(duplicates(wanted, seen).map(duplicate));
    obstacles.extend(lacking(wanted, seen));
    obstacles
}

fn taken(link: &Link, wanted: Named) -> Obstacle {
    Obstacle::NameTaken { link: link.name.clone(), wanted, kind: link.kind.clone() }
}

/// What keeps links from being enslaved: any master but these, of a link that never was ours.
fn members(names: &[IfName], masters: &[Option<IfIndex>], seen: &Seen) -> Vec<Obstacle> {
    let obstacle = |name: &IfName| {
        let Some(link) = seen.link(name) else {
            return Some(Obstacle::Missing { link: name.clone() });
        };
        let is_ours = |master| masters.contains(&Some(master)) || seen.held.contains(link.index);
        let other = link.master.filter(|other| !is_ours(*other))?;
        let master = seen.link_at(other).map(|link| link.name.clone());
        Some(Obstacle::Enslaved { link: name.clone(), master })
    };
    names.iter().filter_map(obstacle).collect()
}

fn lan(wanted: &Wanted, seen: &Seen) -> Vec<Obstacle> {
    let Some(lan) = wanted.lan() else { return mesh_in(&[], wanted, seen) };
    let bridge = seen.link(&lan.bridge);
    if let Some(link) = bridge.filter(|link| !link.is_kind(Link::BRIDGE)) {
        return vec![taken(link, Named::Bridge)];
    }
    let bridge = bridge.map(|bridge| bridge.index);
    let mesh = seen.mesh.as_ref().map(|device| device.index);
    let mut obstacles = members(&lan.ports, &[bridge, mesh], seen);
    obstacles.extend(mesh_in(&[bridge], wanted, seen));
    obstacles
}

/// What keeps the mesh device from having one of these masters or none: in the bridge of a LAN that
/// is no longer wanted it is not reached by its own addresses.
fn mesh_in(masters: &[Option<IfIndex>], wanted: &Wanted, seen: &Seen) -> Vec<Obstacle> {
    let mesh = kept(wanted, seen).map(|device| device.name.clone());
    members(mesh.as_slice(), masters, seen)
}

fn vlans(wanted: &Wanted, seen: &Seen) -> Vec<Obstacle> {
    let Some(device) = kept(wanted, seen) else { return Vec::new() };
    let is_there = |id: VlanId| {
        seen.vlans.iter().any(|vlan| vlan.id == id) && is_brought(id, seen, Some(device))
    };
    let missing = wanted.vlans().map(|(id, _)| id).filter(|id| !is_there(*id));
    let link = missing.filter_map(|id| Some((id, seen.link(&wanted.vlan_link(id)?)?)));
    let other = link.filter(|(id, link)| !carries(link, *id, device));
    other.map(|(id, link)| taken(link, Named::Vlan(id))).collect()
}

fn lacking(wanted: &Wanted, seen: &Seen) -> Vec<Obstacle> {
    let Some(device) = kept(wanted, seen) else { return Vec::new() };
    let obstacle = |link: &IfName, knob| Obstacle::Lacking { link: link.clone(), knob };
    let absent = |setting: &Setting| device.settings.get(setting.knob).is_none();
    let mesh = wanted.settings().iter().filter(absent);
    let mut obstacles: Vec<_> = mesh.map(|s| obstacle(wanted.mesh(), s.knob)).collect();
    for interface in &seen.hard_interfaces {
        let wanted = wanted.interface(&interface.name);
        let absent = |setting: &Setting| interface.settings.get(setting.knob).is_none();
        obstacles.extend(wanted.iter().filter(absent).map(|s| obstacle(&interface.name, s.knob)));
    }
    for vlan in &seen.vlans {
        let wanted = wanted.vlans().find(|(id, _)| *id == vlan.id);
        let settings = wanted.into_iter().flat_map(|(_, settings)| settings.iter());
        let absent = settings.filter(|setting| vlan.settings.get(setting.knob).is_none());
        obstacles.extend(absent.map(|s| obstacle(&device.name, s.knob)));
    }
    obstacles
}
