//! The steps from what was seen to what is wanted.

mod step;
#[cfg(test)]
mod tests;

pub use step::{Obstacle, Step};

use crate::{IfIndex, IfName, Link, MeshDevice, Seen, Wanted};

/// Plans the fewest steps that make the seen mesh the wanted one, in the order to take them.
///
/// A mesh device that exists is adopted as it is, unless its algorithm differs: the kernel cannot
/// change that, so the device is deleted and created. Links that are in the mesh and not wanted
/// there are detached. Steps are worth trying even after one before them failed: a hard interface
/// that the kernel refuses does not keep the mesh from the others. What stands in the way and is not ours to move is left alone here and named
/// by [`obstacles`].
pub fn plan(wanted: &Wanted, seen: &Seen) -> Vec<Step> {
    let mut steps = Vec::new();
    let kept = match &seen.mesh {
        Some(device) if device.algorithm == Some(wanted.algorithm()) => Some(device),
        Some(_) => {
            steps.push(Step::DeleteMesh { mesh: wanted.mesh().clone() });
            steps.push(create(wanted));
            None
        }
        None if seen.link(wanted.mesh()).is_some() => return steps,
        None => {
            steps.push(create(wanted));
            None
        }
    };
    let available = available(wanted, seen);
    steps.extend(available.iter().filter(|link| !link.up).map(|link| set_up(&link.name)));
    steps.extend(kept.into_iter().flat_map(|device| detach_unwanted(wanted, seen, device)));
    let kept_index = kept.map(|device| device.index);
    let outside = available.iter().filter(|link| kept_index.is_none() || link.master != kept_index);
    steps.extend(outside.map(|link| attach(&link.name, wanted)));
    if !kept.is_some_and(|device| device.up) {
        steps.push(set_up(wanted.mesh()));
    }
    steps
}

/// Names what keeps the wanted mesh from being whole and is not ours to change.
///
/// A wanted hard interface that serves another master, a bridge or another mesh, is not taken from
/// it: whoever enslaved it may depend on it, and the operator must say which of the two is meant.
pub fn obstacles(wanted: &Wanted, seen: &Seen) -> Vec<Obstacle> {
    let squatter = seen.link(wanted.mesh()).filter(|_| seen.mesh.is_none());
    let taken = squatter
        .map(|link| Obstacle::NameTaken { mesh: link.name.clone(), kind: link.kind.clone() });
    let hard_interfaces = wanted.hard_interfaces().iter().filter_map(|name| {
        let Some(link) = seen.link(name) else {
            return Some(Obstacle::Missing { link: name.clone() });
        };
        let master = other_master(link, seen)?;
        let master = seen.link_at(master).map(|link| link.name.clone());
        Some(Obstacle::Enslaved { link: name.clone(), master })
    });
    taken.into_iter().chain(hard_interfaces).collect()
}

/// The wanted hard interfaces that exist and serve nobody else.
fn available<'a>(wanted: &Wanted, seen: &'a Seen) -> Vec<&'a Link> {
    let existing = wanted.hard_interfaces().iter().filter_map(|name| seen.link(name));
    existing.filter(|link| other_master(link, seen).is_none()).collect()
}

fn other_master(link: &Link, seen: &Seen) -> Option<IfIndex> {
    let mesh = seen.mesh.as_ref().map(|device| device.index);
    link.master.filter(|master| Some(*master) != mesh)
}

fn detach_unwanted(wanted: &Wanted, seen: &Seen, device: &MeshDevice) -> Vec<Step> {
    let attached = seen.links.iter().filter(|link| link.master == Some(device.index));
    attached
        .filter(|link| !wanted.hard_interfaces().contains(&link.name))
        .map(|link| Step::Detach { link: link.name.clone(), mesh: device.name.clone() })
        .collect()
}

fn create(wanted: &Wanted) -> Step {
    Step::CreateMesh { mesh: wanted.mesh().clone(), algorithm: wanted.algorithm() }
}

fn set_up(link: &IfName) -> Step {
    Step::SetUp { link: link.clone() }
}

fn attach(link: &IfName, wanted: &Wanted) -> Step {
    Step::Attach { link: link.clone(), mesh: wanted.mesh().clone() }
}
