use std::fmt;

use crate::{Address, IfName, MacAddr, Mtu, RoutingAlgorithm, Setting, VlanId};

/// One change to the kernel's state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Creates the mesh device; its algorithm is fixed from then on.
    CreateMesh {
        /// The mesh device.
        mesh: IfName,
        /// The algorithm that it will have.
        algorithm: RoutingAlgorithm,
    },
    /// Deletes the mesh device, which sets its hard interfaces free. A device that is already gone
    /// is deleted enough.
    DeleteMesh {
        /// The mesh device.
        mesh: IfName,
        /// The algorithm for which it is created anew, if that is why.
        to_become: Option<RoutingAlgorithm>,
    },
    /// Gives the mesh device its name back. Before Linux 6.2 it is down for that moment.
    Rename {
        /// The name that it has.
        link: IfName,
        /// The name that it gets.
        to: IfName,
    },
    /// Sets a link up.
    SetUp {
        /// The mesh device, a hard interface, a port or the bridge.
        link: IfName,
    },
    /// Gives a link a hardware address.
    SetAddress {
        /// The mesh device.
        link: IfName,
        /// The address.
        address: MacAddr,
    },
    /// Gives a link an MTU.
    SetMtu {
        /// The mesh device.
        link: IfName,
        /// The MTU.
        mtu: Mtu,
    },
    /// Makes a link a hard interface of the mesh, out of whatever it is in.
    Attach {
        /// The link.
        link: IfName,
        /// The mesh device.
        mesh: IfName,
    },
    /// Takes a link out of the mesh.
    Detach {
        /// The link.
        link: IfName,
        /// The mesh device.
        mesh: IfName,
    },
    /// Changes a setting of the mesh device.
    Set {
        /// The mesh device.
        mesh: IfName,
        /// The setting.
        setting: Setting,
    },
    /// Changes a setting of a hard interface.
    SetHardInterface {
        /// The mesh device.
        mesh: IfName,
        /// The hard interface.
        link: IfName,
        /// The setting.
        setting: Setting,
    },
    /// Creates a VLAN's link, by which the mesh device gets the VLAN.
    CreateVlan {
        /// The mesh device.
        mesh: IfName,
        /// The VLAN.
        vlan: VlanId,
        /// The link.
        link: IfName,
    },
    /// Changes a setting of a VLAN.
    SetVlan {
        /// The mesh device.
        mesh: IfName,
        /// The VLAN.
        vlan: VlanId,
        /// The setting.
        setting: Setting,
    },
    /// Creates a bridge.
    CreateBridge {
        /// The bridge.
        bridge: IfName,
    },
    /// Makes a link a port of a bridge, out of whatever it is in.
    AddPort {
        /// The link.
        port: IfName,
        /// The bridge.
        bridge: IfName,
    },
    /// Gives a link an address, marked as ours.
    AddAddress {
        /// The link.
        link: IfName,
        /// The address.
        address: Address,
    },
    /// Gives a link the link-local address of its hardware address, unless it has one by then.
    AddLinkLocal {
        /// The link.
        link: IfName,
    },
    /// Takes an address from a link. One that is already gone is removed enough.
    RemoveAddress {
        /// The link.
        link: IfName,
        /// The address.
        address: Address,
        /// The same under another prefix that takes its place, if that is why: IPv6 has each
        /// address of a link once.
        to_become: Option<Address>,
    },
}

impl Step {
    /// Returns the link that this step makes, or removes to be made anew: without it, steps that
    /// [concern](Self::concerns) that link after it make no sense.
    pub fn makes(&self) -> Option<&IfName> {
        match self {
            Self::CreateMesh { mesh, .. } | Self::DeleteMesh { mesh, .. } => Some(mesh),
            Self::CreateVlan { link, .. } => Some(link),
            Self::Rename { to, .. } => Some(to),
            Self::CreateBridge { bridge } => Some(bridge),
            _ => None,
        }
    }

    /// Tells whether this step changes a link, or something that belongs to it.
    pub fn concerns(&self, name: &IfName) -> bool {
        match self {
            Self::CreateMesh { mesh, .. }
            | Self::DeleteMesh { mesh, .. }
            | Self::Set { mesh, .. }
            | Self::SetVlan { mesh, .. } => mesh == name,
            Self::Rename { link, to } => link == name || to == name,
            Self::SetUp { link }
            | Self::SetAddress { link, .. }
            | Self::SetMtu { link, .. }
            | Self::AddAddress { link, .. }
            | Self::AddLinkLocal { link }
            | Self::RemoveAddress { link, .. } => link == name,
            Self::Attach { link, mesh }
            | Self::Detach { link, mesh }
            | Self::SetHardInterface { mesh, link, .. }
            | Self::CreateVlan { mesh, link, .. } => link == name || mesh == name,
            Self::CreateBridge { bridge } => bridge == name,
            Self::AddPort { port, bridge } => port == name || bridge == name,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateMesh { mesh, algorithm } => write!(f, "create {mesh} ({algorithm})"),
            Self::DeleteMesh { mesh, to_become: None } => write!(f, "delete {mesh}"),
            Self::DeleteMesh { mesh, to_become: Some(algorithm) } => {
                write!(f, "delete {mesh} (to create it again with {algorithm})")
            }
            Self::Rename { link, to } => write!(f, "rename {link} to {to}"),
            Self::SetUp { link } => write!(f, "set {link} up"),
            Self::SetAddress { link, address } => write!(f, "set {link} address {address}"),
            Self::SetMtu { link, mtu } => write!(f, "set {link} mtu {mtu}"),
            Self::Attach { link, mesh } => write!(f, "attach {link} to {mesh}"),
            Self::Detach { link, mesh } => write!(f, "detach {link} from {mesh}"),
            Self::Set { mesh, setting } => write!(f, "set {mesh} {setting}"),
            Self::SetHardInterface { link, setting, .. } => write!(f, "set {link} {setting}"),
            Self::CreateVlan { mesh, vlan, link } => {
                write!(f, "create {link} (VLAN {vlan} of {mesh})")
            }
            Self::SetVlan { mesh, vlan, setting } => write!(f, "set {mesh} VLAN {vlan} {setting}"),
            Self::CreateBridge { bridge } => write!(f, "create {bridge} (bridge)"),
            Self::AddPort { port, bridge } => write!(f, "add port {port} to {bridge}"),
            Self::AddAddress { link, address } => write!(f, "add address {address} to {link}"),
            Self::AddLinkLocal { link } => write!(f, "add link-local address to {link}"),
            Self::RemoveAddress { link, address, to_become: None } => {
                write!(f, "remove address {address} from {link}")
            }
            Self::RemoveAddress { link, address, to_become: Some(other) } => {
                write!(
                    f,
                    "remove address {address} from {link} (to add it again with /{})",
                    other.prefix()
                )
            }
        }
    }
}
