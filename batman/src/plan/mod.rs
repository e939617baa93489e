//! The steps from what was seen to what is wanted.

mod addresses;
mod lan;
mod obstacle;
mod rate;
mod settings;
mod step;
#[cfg(test)]
mod tests;
mod was;

pub use obstacle::{Named, Obstacle, obstacles};
pub use rate::{LinkRate, RateSource};
pub use step::Step;
pub use was::was;

use crate::{IfIndex, IfName, Link, MeshDevice, Seen, Wanted};

/// Plans the fewest steps that make the seen mesh the wanted one, in the order to take them.
///
/// A mesh device that exists is adopted as it is, unless its algorithm differs: the kernel cannot
/// change that, so the device is deleted and created, if the kernel is not known to lack the wanted
/// one. Links that are in the mesh and not wanted
/// there are detached. A link that another program took from the mesh or its bridge since an earlier
/// look ([`Seen::held`]) is taken back, and the mesh device that it renamed gets its name: that step
/// stands alone, since what the device has is seen under its name only. Settings, VLANs, ports and
/// addresses that are not wanted are another's and stay, but for addresses that carry our own mark.
/// Steps are worth trying even after one before them failed: a hard interface that the kernel
/// refuses does not keep the mesh from the others. What stands in the way and is not ours to move is
/// left alone here and named by [`obstacles`].
pub fn plan(wanted: &Wanted, seen: &Seen) -> Vec<Step> {
    if let Some(link) = renamed(wanted, seen) {
        return vec![Step::Rename { link: link.name.clone(), to: wanted.mesh().clone() }];
    }
    let kept = kept(wanted, seen);
    let mut steps = Vec::new();
    if kept.is_none() && seen.lacks(wanted.algorithm()) {
        return steps;
    }
    match (&seen.mesh, kept) {
        (None, _) if seen.link(wanted.mesh()).is_some() => return steps,
        (None, _) => steps.push(create(wanted)),
        (Some(_), None) => {
            let to_become = Some(wanted.algorithm());
            steps.push(Step::DeleteMesh { mesh: wanted.mesh().clone(), to_become });
            steps.push(create(wanted));
        }
        (Some(_), Some(_)) => {}
    }
    steps.extend(hardware_address(wanted, seen, kept));
    steps.extend(hard_interfaces(wanted, seen, kept));
    steps.extend(settings::of_interfaces(wanted, seen, kept));
    steps.extend(settings::of_mesh(wanted, kept));
    steps.extend(mtu(wanted, seen, kept));
    if !kept.is_some_and(|device| device.up) {
        steps.push(set_up(wanted.mesh()));
    }
    steps.extend(settings::of_vlans(wanted, seen, kept));
    steps.extend(lan::steps(wanted, seen, kept));
    steps.extend(addresses::steps(wanted, seen, kept));
    steps
}

/// The mesh device that exists and can become the wanted one.
fn kept<'a>(wanted: &Wanted, seen: &'a Seen) -> Option<&'a MeshDevice> {
    seen.mesh.as_ref().filter(|device| device.algorithm == Some(wanted.algorithm()))
}

/// The mesh device that had the wanted name at the last look, if it has another now and nothing has
/// the wanted one.
fn renamed<'a>(wanted: &Wanted, seen: &'a Seen) -> Option<&'a Link> {
    let device = seen.link_at(seen.held.mesh()?).filter(|link| link.is_mesh())?;
    seen.link(wanted.mesh()).is_none().then_some(device)
}

fn hardware_address(wanted: &Wanted, seen: &Seen, kept: Option<&MeshDevice>) -> Option<Step> {
    let first = wanted.hard_interfaces().first().and_then(|name| seen.link(name));
    let address = wanted.mac().address(first.and_then(|link| link.address))?;
    let is_there = kept.is_some_and(|device| device.address == address);
    (!is_there).then(|| Step::SetAddress { link: wanted.mesh().clone(), address })
}

fn hard_interfaces(wanted: &Wanted, seen: &Seen, kept: Option<&MeshDevice>) -> Vec<Step> {
    let available = available(wanted, seen);
    let mut steps: Vec<_> = available.iter().filter(|l| !l.up).map(|l| set_up(&l.name)).collect();
    steps.extend(kept.into_iter().flat_map(|device| detach_unwanted(wanted, seen, device)));
    let kept = kept.map(|device| device.index);
    let outside = available.iter().filter(|link| kept.is_none() || link.master != kept);
    steps.extend(outside.map(|link| attach(&link.name, wanted)));
    steps
}

/// The wanted hard interfaces that exist and serve nobody else, or that somebody took.
fn available<'a>(wanted: &Wanted, seen: &'a Seen) -> Vec<&'a Link> {
    let existing = wanted.hard_interfaces().iter().filter_map(|name| seen.link(name));
    let is_anothers =
        |link: &Link| other_master(link, seen).is_some() && !seen.held.contains(link.index);
    existing.filter(|link| !is_anothers(link)).collect()
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

/// After the hard interfaces: they bound what the kernel takes.
fn mtu(wanted: &Wanted, seen: &Seen, kept: Option<&MeshDevice>) -> Option<Step> {
    let mtu = wanted.mtu()?;
    let link = kept.and_then(|device| seen.link_at(device.index));
    let is_there = link.is_some_and(|link| link.mtu == Some(mtu.bytes()));
    (!is_there).then(|| Step::SetMtu { link: wanted.mesh().clone(), mtu })
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
