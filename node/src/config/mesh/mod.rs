mod knobs;
mod measure;
#[cfg(test)]
mod page;
mod parts;
#[cfg(test)]
mod tests;
mod values;

use std::time::Duration;

use batman::{
    Address, Contradiction, IfName, Knob, MacPolicy, MeshSettings, Mtu, RoutingAlgorithm, Wanted,
};

use super::Outline;
use super::fault::Faults;
use super::key::{Key, Preset};
use super::section::Section;
use super::values::Name;
pub(super) use measure::MEASURE;
pub use measure::{Measure, Schedule};
pub(super) use parts::{INTERFACE as INTERFACES, LAN, VLAN};

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
    /// When the throughput to neighbours is measured.
    pub measure: Measure,
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

static MAC: Key = Key {
    name: "mac",
    doc: "Where the mesh interface's address comes from: kernel makes one up at each start, stable makes it\nout of the first hard interface's, or an address such as \"02:00:00:00:00:01\".",
    preset: Preset::Default("\"kernel\""),
};
static MTU: Key = Key {
    name: "mtu",
    doc: "The MTU of the mesh interface, in bytes.",
    preset: Preset::Optional { example: "1500", otherwise: "the kernel's choice" },
};
static ADDRESSES: Key = Key {
    name: "addresses",
    doc: "Addresses of this node in the mesh, beside the IPv6 link-local one: of the bridge where there is\none, else of the mesh interface. Those of others are left alone.",
    preset: Preset::Optional {
        example: "[\"10.0.0.1/24\", \"fd00::1/64\"]",
        otherwise: "none is added",
    },
};
static AGGREGATION: Key = knobs::key(Knob::Aggregation);
static AP_ISOLATION: Key = knobs::key(Knob::ApIsolation);
static ISOLATION_MARK: Key = knobs::key(Knob::IsolationMark);
static ISOLATION_MASK: Key = knobs::key(Knob::IsolationMask);
static BONDING: Key = knobs::key(Knob::Bonding);
static BRIDGE_LOOP_AVOIDANCE: Key = knobs::key(Knob::BridgeLoopAvoidance);
static DISTRIBUTED_ARP_TABLE: Key = knobs::key(Knob::DistributedArpTable);
static FRAGMENTATION: Key = knobs::key(Knob::Fragmentation);
static GATEWAY_MODE: Key = knobs::key(Knob::GatewayMode);
static GATEWAY_DOWNLOAD: Key = knobs::key(Knob::GatewayDownload);
static GATEWAY_UPLOAD: Key = knobs::key(Knob::GatewayUpload);
static GATEWAY_CLASS: Key = knobs::key(Knob::GatewayClass);
static HOP_PENALTY: Key = knobs::key(Knob::HopPenalty);
static LOG_LEVEL: Key = knobs::key(Knob::LogLevel);
static MULTICAST_FORCEFLOOD: Key = knobs::key(Knob::MulticastForceflood);
static MULTICAST_FANOUT: Key = knobs::key(Knob::MulticastFanout);
static ORIGINATOR_INTERVAL: Key = knobs::key(Knob::OriginatorInterval);

static SETTINGS: [(Knob, &Key); 17] = [
    (Knob::Aggregation, &AGGREGATION),
    (Knob::ApIsolation, &AP_ISOLATION),
    (Knob::IsolationMark, &ISOLATION_MARK),
    (Knob::IsolationMask, &ISOLATION_MASK),
    (Knob::Bonding, &BONDING),
    (Knob::BridgeLoopAvoidance, &BRIDGE_LOOP_AVOIDANCE),
    (Knob::DistributedArpTable, &DISTRIBUTED_ARP_TABLE),
    (Knob::Fragmentation, &FRAGMENTATION),
    (Knob::GatewayMode, &GATEWAY_MODE),
    (Knob::GatewayDownload, &GATEWAY_DOWNLOAD),
    (Knob::GatewayUpload, &GATEWAY_UPLOAD),
    (Knob::GatewayClass, &GATEWAY_CLASS),
    (Knob::HopPenalty, &HOP_PENALTY),
    (Knob::LogLevel, &LOG_LEVEL),
    (Knob::MulticastForceflood, &MULTICAST_FORCEFLOOD),
    (Knob::MulticastFanout, &MULTICAST_FANOUT),
    (Knob::OriginatorInterval, &ORIGINATOR_INTERVAL),
];

/// The names of the sections within `[mesh]`.
const WITHIN: [&str; 4] = ["link", "vlan", "lan", "measure"];

impl Mesh {
    pub(super) const OUTLINE: Outline = Outline {
        name: "mesh",
        about: "What the kernel's mesh should be.",
        keys: &[
            &NAME,
            &INTERFACE,
            &ALGORITHM,
            &HARD_INTERFACES,
            &NEIGHBOUR_TIMEOUT,
            &ON_STOP,
            &MAC,
            &MTU,
            &ADDRESSES,
            &AGGREGATION,
            &AP_ISOLATION,
            &ISOLATION_MARK,
            &ISOLATION_MASK,
            &BONDING,
            &BRIDGE_LOOP_AVOIDANCE,
            &DISTRIBUTED_ARP_TABLE,
            &FRAGMENTATION,
            &GATEWAY_MODE,
            &GATEWAY_DOWNLOAD,
            &GATEWAY_UPLOAD,
            &GATEWAY_CLASS,
            &HOP_PENALTY,
            &LOG_LEVEL,
            &MULTICAST_FORCEFLOOD,
            &MULTICAST_FANOUT,
            &ORIGINATOR_INTERVAL,
        ],
    };

    pub(super) fn read(section: &Section<'_>, faults: &mut Faults) -> Option<Self> {
        section.refuse_unknown_beside(&WITHIN, faults);
        let name = section.value(&NAME, faults);
        let wanted = wanted(section, faults);
        let neighbour_timeout = section.value(&NEIGHBOUR_TIMEOUT, faults);
        let on_stop = section.value(&ON_STOP, faults);
        let measure = measure::read(section, faults);
        Some(Self {
            name: name?,
            wanted: wanted?,
            neighbour_timeout: neighbour_timeout?,
            on_stop: on_stop?,
            measure: measure?,
        })
    }
}

fn wanted(section: &Section<'_>, faults: &mut Faults) -> Option<Wanted> {
    let interface: Option<IfName> = section.value(&INTERFACE, faults);
    let algorithm: Option<RoutingAlgorithm> = section.value(&ALGORITHM, faults);
    let hard_interfaces: Option<Vec<IfName>> = section.value(&HARD_INTERFACES, faults);
    let mac: Option<MacPolicy> = section.value(&MAC, faults);
    let mtu: Option<Option<Mtu>> = section.optional(&MTU, faults);
    let addresses: Option<Option<Vec<Address>>> = section.optional(&ADDRESSES, faults);
    let settings = knobs::read(section, SETTINGS, faults);
    let (algorithm, settings) = (algorithm?, settings?);
    let mut given = MeshSettings::default();
    for setting in settings {
        if !setting.knob.takes(setting.value, algorithm) {
            let key = SETTINGS.iter().find(|(knob, _)| *knob == setting.knob)?.1;
            let reason = format!("{} is too much under {algorithm}: at most 255", setting.value);
            section.contradiction(key, &reason, faults);
        }
        given.set(setting);
    }
    let wanted = Wanted::new(interface?, algorithm, hard_interfaces?);
    let wanted = possible(section, &HARD_INTERFACES, wanted, faults)?;
    let wanted = wanted.with_settings(given).ok()?.with_mac(mac?);
    let wanted = match mtu? {
        Some(mtu) => wanted.with_mtu(mtu),
        None => wanted,
    };
    let wanted = wanted.with_addresses(addresses?.unwrap_or_default());
    let wanted = possible(section, &ADDRESSES, wanted, faults)?;
    let wanted = parts::interfaces(section, wanted, faults)?;
    let wanted = parts::vlans(section, wanted, faults)?;
    parts::lan(section, wanted, faults)
}

/// Blames a contradiction on a key.
fn possible(
    section: &Section<'_>,
    key: &'static Key,
    wanted: Result<Wanted, Contradiction>,
    faults: &mut Faults,
) -> Option<Wanted> {
    wanted.map_err(|reason| section.contradiction(key, &reason.to_string(), faults)).ok()
}
