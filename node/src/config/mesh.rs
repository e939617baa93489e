use std::time::Duration;

use batman::{IfName, RoutingAlgorithm, Wanted};

use super::Outline;
use super::fault::Faults;
use super::key::{Key, Preset};
use super::section::Section;
use super::values::Name;

/// `[mesh]`: what the kernel's mesh should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mesh {
    /// Nodes of another name are not dialled.
    pub name: Name,
    /// The mesh interface, its algorithm and the interfaces that carry it.
    pub wanted: Wanted,
    /// How long a silent neighbour is shown.
    pub neighbour_timeout: Duration,
    /// What becomes of the mesh interface when mesh-node stops.
    pub on_stop: OnStop,
}

/// What becomes of the mesh interface when mesh-node stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnStop {
    /// It goes on carrying traffic, as while mesh-node is being updated.
    Leave,
    /// It is taken away.
    Remove,
}

static NAME: Key = Key {
    name: "name",
    doc: "Which mesh this is. Nodes that say another name on the same link are left alone.",
    preset: Preset::Default("\"mesh\""),
};
static INTERFACE: Key = Key {
    name: "interface",
    doc: "The mesh interface. One that exists already is adopted.",
    preset: Preset::Default("\"bat0\""),
};
static ALGORITHM: Key = Key {
    name: "algorithm",
    doc: "BATMAN_IV counts lost packets, BATMAN_V measures throughput. All nodes use the same.",
    preset: Preset::Default("\"BATMAN_IV\""),
};
static HARD_INTERFACES: Key = Key {
    name: "hard_interfaces",
    doc: "The interfaces that carry the mesh. They are brought up and given to batman-adv.",
    preset: Preset::Required { example: "[\"eth1\"]" },
};
static NEIGHBOUR_TIMEOUT: Key = Key {
    name: "neighbour_timeout",
    doc: "A neighbour that was not heard for this long is gone from the table.\nThe kernel itself keeps it for 200 s.",
    preset: Preset::Default("\"10s\""),
};
static ON_STOP: Key = Key {
    name: "on_stop",
    doc: "What becomes of the mesh interface when mesh-node is told to stop: leave or remove.",
    preset: Preset::Default("\"leave\""),
};

impl Mesh {
    pub(super) const OUTLINE: Outline = Outline {
        name: "mesh",
        about: "What the kernel's mesh should be.",
        keys: &[&NAME, &INTERFACE, &ALGORITHM, &HARD_INTERFACES, &NEIGHBOUR_TIMEOUT, &ON_STOP],
    };

    pub(super) fn read(section: &Section<'_>, faults: &mut Faults) -> Option<Self> {
        section.refuse_unknown_keys(faults);
        let name = section.value(&NAME, faults);
        let interface: Option<IfName> = section.value(&INTERFACE, faults);
        let algorithm: Option<RoutingAlgorithm> = section.value(&ALGORITHM, faults);
        let hard_interfaces: Option<Vec<IfName>> = section.value(&HARD_INTERFACES, faults);
        let neighbour_timeout = section.value(&NEIGHBOUR_TIMEOUT, faults);
        let on_stop = section.value(&ON_STOP, faults);
        let wanted = Wanted::new(interface?, algorithm?, hard_interfaces?);
        let wanted = wanted.map_err(|contradiction| {
            section.contradiction(&HARD_INTERFACES, &contradiction.to_string(), faults);
        });
        Some(Self {
            name: name?,
            wanted: wanted.ok()?,
            neighbour_timeout: neighbour_timeout?,
            on_stop: on_stop?,
        })
    }
}
