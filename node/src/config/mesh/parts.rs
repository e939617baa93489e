//! The sections within `[mesh]`.

use batman::{IfName, InterfaceSettings, Knob, Lan, VlanId, VlanSettings, Wanted};

use super::knobs;
use crate::config::Outline;
use crate::config::fault::Faults;
use crate::config::key::{Key, Preset};
use crate::config::section::Section;

static HOP_PENALTY: Key = knobs::key(Knob::InterfaceHopPenalty);
static ELP_INTERVAL: Key = knobs::key(Knob::ElpInterval);
static THROUGHPUT_OVERRIDE: Key = knobs::key(Knob::ThroughputOverride);

pub(in crate::config) static INTERFACE: Outline = Outline {
    name: "mesh.link.eth1",
    about: "One hard interface, by its name.",
    keys: &[&HOP_PENALTY, &ELP_INTERVAL, &THROUGHPUT_OVERRIDE],
};

static AP_ISOLATION: Key = knobs::key(Knob::VlanApIsolation);

pub(in crate::config) static VLAN: Outline = Outline {
    name: "mesh.vlan.10",
    about: "One VLAN, by its number. It gets an interface of its own, bat0.10, if nothing else made it.",
    keys: &[&AP_ISOLATION],
};

static BRIDGE: Key = Key {
    name: "bridge",
    doc: "The bridge. One that exists already is adopted, with the ports that others gave it.",
    preset: Preset::Default("\"br-lan\""),
};
static PORTS: Key = Key {
    name: "ports",
    doc: "The interfaces on which clients are, beside the mesh interface.",
    preset: Preset::Optional { example: "[\"eth0\"]", otherwise: "none" },
};

pub(in crate::config) static LAN: Outline = Outline {
    name: "mesh.lan",
    about: "The LAN side: a bridge of the mesh interface and of clients' ports.",
    keys: &[&BRIDGE, &PORTS],
};

/// The settings of hard interfaces.
pub(super) fn interfaces(
    mesh: &Section<'_>,
    wanted: Wanted,
    faults: &mut Faults,
) -> Option<Wanted> {
    let mut wanted = wanted;
    for (name, section) in mesh.each_within("link", &INTERFACE, faults) {
        section.refuse_unknown_keys(faults);
        let keys = [
            (Knob::InterfaceHopPenalty, &HOP_PENALTY),
            (Knob::ElpInterval, &ELP_INTERVAL),
            (Knob::ThroughputOverride, &THROUGHPUT_OVERRIDE),
        ];
        let given = knobs::read(&section, keys, faults)?;
        let mut settings = InterfaceSettings::default();
        for setting in given {
            settings.set(setting);
        }
        let name: IfName = match name.get_ref().parse() {
            Ok(name) => name,
            Err(error) => return section.refuse(&error.to_string(), faults),
        };
        wanted = match wanted.with_interface(name, settings) {
            Ok(wanted) => wanted,
            Err(contradiction) => return section.refuse(&contradiction.to_string(), faults),
        };
    }
    Some(wanted)
}

/// The VLANs and their settings.
pub(super) fn vlans(mesh: &Section<'_>, wanted: Wanted, faults: &mut Faults) -> Option<Wanted> {
    let mut wanted = wanted;
    for (name, section) in mesh.each_within("vlan", &VLAN, faults) {
        section.refuse_unknown_keys(faults);
        let given = knobs::read(&section, [(Knob::VlanApIsolation, &AP_ISOLATION)], faults)?;
        let mut settings = VlanSettings::default();
        for setting in given {
            settings.set(setting);
        }
        let number = name.get_ref().parse().ok().and_then(|number| VlanId::new(number).ok());
        let Some(number) = number else {
            return section.refuse("a VLAN's number is expected, 1 to 4094", faults);
        };
        wanted = match wanted.with_vlan(number, settings) {
            Ok(wanted) => wanted,
            Err(contradiction) => return section.refuse(&contradiction.to_string(), faults),
        };
    }
    Some(wanted)
}

/// The bridge, if one is wanted.
pub(super) fn lan(mesh: &Section<'_>, wanted: Wanted, faults: &mut Faults) -> Option<Wanted> {
    let Some(section) = mesh.within(&LAN) else { return Some(wanted) };
    section.refuse_unknown_keys(faults);
    let bridge = section.value(&BRIDGE, faults);
    let ports: Option<Option<Vec<IfName>>> = section.optional(&PORTS, faults);
    let lan = Lan { bridge: bridge?, ports: ports?.unwrap_or_default() };
    match wanted.with_lan(lan) {
        Ok(wanted) => Some(wanted),
        Err(contradiction) => section.refuse(&contradiction.to_string(), faults),
    }
}
