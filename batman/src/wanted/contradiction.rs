use thiserror::Error;

use super::Address;
use crate::{IfName, RoutingAlgorithm, Setting, VlanId};

/// Why a description of a mesh cannot be fulfilled.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Contradiction {
    /// The mesh device is among its own hard interfaces.
    #[error("mesh {0} cannot be its own hard interface")]
    CarriesItself(IfName),
    /// A hard interface is listed twice.
    #[error("hard interface {0} is named twice")]
    NamedTwice(IfName),
    /// Something is set for a link that does not carry the mesh.
    #[error("{0} is no hard interface of this mesh")]
    NoHardInterface(IfName),
    /// The kernel would not take the value, or would take another for it.
    #[error("{} cannot be {}: {} is expected under {algorithm}", setting.knob, setting.value, range(*setting, *algorithm))]
    OutOfRange {
        /// The setting.
        setting: Setting,
        /// The algorithm of the mesh.
        algorithm: RoutingAlgorithm,
    },
    /// The standard keeps 0 and 4095 for itself.
    #[error("{0} is no VLAN of its own: 1 to 4094 is expected")]
    ReservedVlan(VlanId),
    /// The name of the mesh device is too long for the name of its VLAN's link.
    #[error("{mesh}.{vlan} is too long for a link's name")]
    NoRoomForVlan {
        /// The mesh device.
        mesh: IfName,
        /// The VLAN.
        vlan: VlanId,
    },
    /// The bridge is the mesh device or one of its hard interfaces.
    #[error("{0} cannot be the bridge: it is part of the mesh")]
    BridgeHasAnotherUse(IfName),
    /// A port is part of the mesh, is the bridge, or is listed twice.
    #[error("{0} cannot be a port of the bridge: it has another use")]
    PortHasAnotherUse(IfName),
    /// An address is listed twice.
    #[error("address {0} is named twice")]
    AddressTwice(Address),
    /// An IPv6 address is wanted with two prefixes.
    #[error("{0} is wanted with another prefix too: a link has each IPv6 address once")]
    TwoPrefixes(Address),
}

fn range(setting: Setting, algorithm: RoutingAlgorithm) -> String {
    match (setting.knob, algorithm) {
        (crate::Knob::GatewayClass, RoutingAlgorithm::BatmanIv) => "1 to 255".to_owned(),
        (knob, _) => knob.about().kind.to_string(),
    }
}
