use super::Step;
use crate::{Seen, Value};

/// Tells what was seen in the place of what a step would make; nothing if there was nothing.
pub fn was(step: &Step, seen: &Seen) -> Option<String> {
    match step {
        Step::Set { setting, .. } => {
            shown(seen.mesh.as_ref().and_then(|device| device.settings.get(setting.knob)))
        }
        Step::SetHardInterface { link, setting, .. } => {
            let row = seen.hard_interfaces.iter().find(|row| row.name == *link);
            shown(row.and_then(|row| row.settings.get(setting.knob)))
        }
        Step::SetVlan { vlan, setting, .. } => {
            let row = seen.vlans.iter().find(|row| row.id == *vlan);
            shown(row.and_then(|row| row.settings.get(setting.knob)))
        }
        Step::SetMtu { link, .. } => seen.link(link)?.mtu.map(|bytes| bytes.to_string()),
        Step::SetAddress { link, .. } => seen.link(link)?.address.map(|mac| mac.to_string()),
        Step::SetUp { link } => seen.link(link).map(|_| "down".to_owned()),
        Step::DeleteMesh { .. } => {
            let algorithm = seen.mesh.as_ref()?.algorithm;
            Some(algorithm.map_or("another algorithm".to_owned(), |known| known.to_string()))
        }
        Step::Attach { link, .. } | Step::AddPort { port: link, .. } => {
            let master = seen.link(link)?.master?;
            Some(format!("in {}", seen.link_at(master)?.name))
        }
        Step::CreateMesh { .. }
        | Step::Rename { .. }
        | Step::Detach { .. }
        | Step::CreateVlan { .. }
        | Step::CreateBridge { .. }
        | Step::AddAddress { .. }
        | Step::AddLinkLocal { .. }
        | Step::RemoveAddress { .. } => None,
    }
}

fn shown(value: Option<Value>) -> Option<String> {
    value.map(|value| value.to_string())
}
