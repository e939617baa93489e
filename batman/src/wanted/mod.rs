//! A mesh as it should be.
//!
//! What the operator does not say is left to the kernel and to whoever else sets it: only what is
//! here is kept.

mod address;
mod contradiction;
mod lan;
mod mac;
mod mtu;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use address::{Address, InvalidAddress};
pub use contradiction::Contradiction;
pub use lan::Lan;
pub use mac::MacPolicy;
pub use mtu::{InvalidMtu, Mtu};

use crate::{
    IfName, InterfaceSettings, MeshSettings, RoutingAlgorithm, Setting, VlanId, VlanSettings,
};

/// A mesh as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    mesh: IfName,
    algorithm: RoutingAlgorithm,
    hard_interfaces: Vec<IfName>,
    settings: MeshSettings,
    interface_settings: BTreeMap<IfName, InterfaceSettings>,
    vlans: BTreeMap<VlanId, VlanSettings>,
    mtu: Option<Mtu>,
    mac: MacPolicy,
    lan: Option<Lan>,
    addresses: Vec<Address>,
}

impl Wanted {
    /// Describes a mesh device and the links that carry it, in the order they are given.
    ///
    /// # Errors
    /// A description that no kernel could fulfil is refused with what contradicts itself; so do
    /// all the methods that add to it.
    pub fn new(
        mesh: IfName,
        algorithm: RoutingAlgorithm,
        hard_interfaces: Vec<IfName>,
    ) -> Result<Self, Contradiction> {
        if hard_interfaces.contains(&mesh) {
            return Err(Contradiction::CarriesItself(mesh));
        }
        if let Some(twice) = twice(&hard_interfaces) {
            return Err(Contradiction::NamedTwice(twice.clone()));
        }
        Ok(Self {
            mesh,
            algorithm,
            hard_interfaces,
            settings: MeshSettings::default(),
            interface_settings: BTreeMap::new(),
            vlans: BTreeMap::new(),
            mtu: None,
            mac: MacPolicy::Kernel,
            lan: None,
            addresses: Vec::new(),
        })
    }

    /// Wants these settings of the mesh device.
    ///
    /// # Errors
    /// See [`Wanted::new`].
    pub fn with_settings(mut self, settings: MeshSettings) -> Result<Self, Contradiction> {
        self.within_range(settings.iter())?;
        self.settings = settings;
        Ok(self)
    }

    /// Wants these settings of a hard interface.
    ///
    /// # Errors
    /// See [`Wanted::new`].
    pub fn with_interface(
        mut self,
        name: IfName,
        settings: InterfaceSettings,
    ) -> Result<Self, Contradiction> {
        if !self.hard_interfaces.contains(&name) {
            return Err(Contradiction::NoHardInterface(name));
        }
        self.within_range(settings.iter())?;
        self.interface_settings.insert(name, settings);
        Ok(self)
    }

    /// Wants a VLAN on the mesh device, with these settings.
    ///
    /// # Errors
    /// See [`Wanted::new`].
    pub fn with_vlan(
        mut self,
        vlan: VlanId,
        settings: VlanSettings,
    ) -> Result<Self, Contradiction> {
        if vlan.number() == 0 || vlan == VlanId::MAX {
            return Err(Contradiction::ReservedVlan(vlan));
        }
        if format!("{}.{vlan}", self.mesh).parse::<IfName>().is_err() {
            return Err(Contradiction::NoRoomForVlan { mesh: self.mesh, vlan });
        }
        self.within_range(settings.iter())?;
        self.vlans.insert(vlan, settings);
        Ok(self)
    }

    /// Wants the mesh device in a bridge.
    ///
    /// # Errors
    /// See [`Wanted::new`].
    pub fn with_lan(mut self, lan: Lan) -> Result<Self, Contradiction> {
        let taken = |name: &&IfName| {
            **name == self.mesh || **name == lan.bridge || self.hard_interfaces.contains(name)
        };
        if lan.bridge == self.mesh || self.hard_interfaces.contains(&lan.bridge) {
            return Err(Contradiction::BridgeHasAnotherUse(lan.bridge));
        }
        if let Some(port) = lan.ports.iter().find(taken).or(twice(&lan.ports)) {
            return Err(Contradiction::PortHasAnotherUse(port.clone()));
        }
        self.lan = Some(lan);
        Ok(self)
    }

    /// Wants this MTU of the mesh device.
    #[must_use]
    pub fn with_mtu(self, mtu: Mtu) -> Self {
        Self { mtu: Some(mtu), ..self }
    }

    /// Wants this hardware address of the mesh device.
    #[must_use]
    pub fn with_mac(self, mac: MacPolicy) -> Self {
        Self { mac, ..self }
    }

    /// Wants these addresses beside the link-local one, which is always wanted.
    ///
    /// # Errors
    /// See [`Wanted::new`].
    pub fn with_addresses(mut self, addresses: Vec<Address>) -> Result<Self, Contradiction> {
        if let Some(&address) = twice(&addresses) {
            return Err(Contradiction::AddressTwice(address));
        }
        let is_excluded = |address: &&Address| addresses.iter().any(|it| it.excludes(**address));
        if let Some(&address) = addresses.iter().find(is_excluded) {
            return Err(Contradiction::TwoPrefixes(address));
        }
        self.addresses = addresses;
        Ok(self)
    }

    /// Returns the mesh device's name.
    pub fn mesh(&self) -> &IfName {
        &self.mesh
    }

    /// Returns the routing algorithm.
    pub fn algorithm(&self) -> RoutingAlgorithm {
        self.algorithm
    }

    /// Returns the links that should carry the mesh.
    pub fn hard_interfaces(&self) -> &[IfName] {
        &self.hard_interfaces
    }

    /// Returns the settings of the mesh device that are kept.
    pub fn settings(&self) -> &MeshSettings {
        &self.settings
    }

    /// Returns the settings of a hard interface that are kept.
    pub fn interface(&self, name: &IfName) -> InterfaceSettings {
        self.interface_settings.get(name).cloned().unwrap_or_default()
    }

    /// Goes through the VLANs and their settings that are kept.
    pub fn vlans(&self) -> impl Iterator<Item = (VlanId, &VlanSettings)> {
        self.vlans.iter().map(|(vlan, settings)| (*vlan, settings))
    }

    /// Returns the name of the link of a VLAN: nothing for one that no link can be named after.
    pub fn vlan_link(&self, vlan: VlanId) -> Option<IfName> {
        format!("{}.{vlan}", self.mesh).parse().ok()
    }

    /// Returns the MTU of the mesh device that is kept.
    pub fn mtu(&self) -> Option<Mtu> {
        self.mtu
    }

    /// Returns where the hardware address of the mesh device comes from.
    pub fn mac(&self) -> MacPolicy {
        self.mac
    }

    /// Returns the bridge that the mesh device should be a port of.
    pub fn lan(&self) -> Option<&Lan> {
        self.lan.as_ref()
    }

    /// Returns the addresses that are kept, beside the link-local one.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Returns the link that has the addresses: the bridge where there is one, because a bridge's
    /// ports do not speak for themselves.
    pub fn host(&self) -> &IfName {
        self.lan.as_ref().map_or(&self.mesh, |lan| &lan.bridge)
    }

    fn within_range(&self, settings: impl Iterator<Item = Setting>) -> Result<(), Contradiction> {
        let mut settings = settings;
        let algorithm = self.algorithm;
        match settings.find(|setting| !setting.knob.takes(setting.value, algorithm)) {
            Some(setting) => Err(Contradiction::OutOfRange { setting, algorithm }),
            None => Ok(()),
        }
    }
}

/// What is there more than once.
fn twice<T: Ord>(items: &[T]) -> Option<&T> {
    let mut sorted: Vec<_> = items.iter().collect();
    sorted.sort();
    sorted
        .windows(2)
        .find(|pair| pair.first() == pair.last())
        .and_then(|pair| pair.first().copied())
}
