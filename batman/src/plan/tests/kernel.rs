//! A kernel of maps: enough of one to be observed and to take steps.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Address, HardInterface, Held, IfIndex, InterfaceSettings, Knob, Link, LinkAddress, LinkRate,
    MacAddr, MeshDevice, MeshSettings, RoutingAlgorithm, Seen, Setting, Step, Vlan, VlanId,
    VlanSettings, Wanted, knob::Scope, mesh::relevant,
};

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PretendKernel {
    pub(super) links: BTreeMap<String, PretendLink>,
    /// What this kernel was built without.
    pub(super) lacking: BTreeSet<Knob>,
    pub(super) rates: BTreeMap<String, LinkRate>,
    /// What it says that it offers.
    pub(super) algorithms: Option<Vec<RoutingAlgorithm>>,
    /// What was ours before.
    pub(super) held: Held,
    created: u32,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PretendLink {
    pub(super) index: u32,
    pub(super) algorithm: Option<RoutingAlgorithm>,
    pub(super) kind: Option<&'static str>,
    pub(super) up: bool,
    pub(super) master: Option<u32>,
    pub(super) lower: Option<u32>,
    pub(super) vlan: Option<u16>,
    pub(super) filters_vlans: bool,
    pub(super) mtu: u32,
    pub(super) address: [u8; 6],
    pub(super) settings: MeshSettings,
    pub(super) interface: InterfaceSettings,
    pub(super) vlans: BTreeMap<u16, VlanSettings>,
    pub(super) addresses: Vec<(Address, bool)>,
    /// Those of its addresses that somebody else has too.
    pub(super) duplicates: BTreeSet<Address>,
}

impl PretendKernel {
    pub(super) fn with(self, name: &str, up: bool, master: Option<&str>) -> Self {
        let mesh = master.is_some_and(|master| self.links[master].kind == Some(Link::MESH));
        let master = master.map(|master| self.links[master].index);
        let interface = if mesh { self.interface_settings() } else { InterfaceSettings::default() };
        self.and(name, PretendLink { up, master, interface, ..PretendLink::default() })
    }

    pub(super) fn with_kind(self, name: &str, kind: &'static str) -> Self {
        let addresses = vec![(link_local(name), false)];
        let kind = Some(kind);
        self.and(name, PretendLink { kind, up: true, addresses, ..PretendLink::default() })
    }

    pub(super) fn with_mesh(self, name: &str, algorithm: RoutingAlgorithm, up: bool) -> Self {
        let settings = self.mesh_settings(algorithm);
        let addresses = vec![(link_local(name), false)];
        let algorithm = Some(algorithm);
        let kind = Some(Link::MESH);
        let link = PretendLink { algorithm, kind, up, settings, addresses, ..Default::default() };
        self.and(name, link)
    }

    pub(super) fn and(mut self, name: &str, link: PretendLink) -> Self {
        self.insert(name, link);
        self
    }

    /// These were ours before.
    pub(super) fn that_held(mut self, names: &[&str]) -> Self {
        let links = names.iter().map(|name| &self.links[*name]);
        let indices = links.clone().map(|link| IfIndex(link.index)).collect();
        let mesh = links.into_iter().find(|link| link.kind == Some(Link::MESH));
        self.held = Held::of(mesh.map(|mesh| IfIndex(mesh.index)), indices);
        self
    }

    pub(super) fn link(&mut self, name: &str) -> &mut PretendLink {
        self.links.get_mut(name).unwrap_or_else(|| panic!("there is no link {name}"))
    }

    fn insert(&mut self, name: &str, link: PretendLink) {
        self.created += 1;
        let address = [2, 0, 0, 0, 0, u8::try_from(self.created).unwrap()];
        let link = PretendLink { index: self.created, address, mtu: 1500, ..link };
        assert_eq!(self.links.insert(name.to_owned(), link), None, "{name} exists");
    }

    fn defaults(&self, scope: Scope, algorithm: RoutingAlgorithm) -> Vec<Setting> {
        let knobs = Knob::ALL.iter().filter(|knob| knob.about().scope == scope);
        let there = knobs.filter(|knob| !self.lacking.contains(knob));
        there.map(|&knob| Setting { knob, value: knob.default(algorithm) }).collect()
    }

    fn mesh_settings(&self, algorithm: RoutingAlgorithm) -> MeshSettings {
        let mut settings = MeshSettings::default();
        for setting in self.defaults(Scope::Mesh, algorithm) {
            assert!(settings.set(setting));
        }
        settings
    }

    fn interface_settings(&self) -> InterfaceSettings {
        let mut settings = InterfaceSettings::default();
        for setting in self.defaults(Scope::HardInterface, RoutingAlgorithm::BatmanV) {
            assert!(settings.set(setting));
        }
        settings
    }

    pub(super) fn observe(&self, wanted: &Wanted) -> Seen {
        let name = |name: &String| name.parse().unwrap();
        let links = self.links.iter().map(|(key, link)| Link {
            name: name(key),
            index: IfIndex(link.index),
            address: Some(MacAddr(link.address)),
            kind: link.kind.map(str::to_owned),
            up: link.up,
            carrier: link.up,
            master: link.master.map(IfIndex),
            lower: link.lower.map(IfIndex),
            vlan: link.vlan.map(|id| VlanId::new(id).unwrap()),
            filters_vlans: link.filters_vlans,
            mtu: Some(link.mtu),
        });
        let addresses = self.links.values().flat_map(|link| {
            let address = |&(address, is_ours): &(Address, bool)| LinkAddress {
                link: IfIndex(link.index),
                address,
                is_ours,
                is_duplicate: link.duplicates.contains(&address),
            };
            link.addresses.iter().map(address).collect::<Vec<_>>()
        });
        let links = relevant(links.collect(), wanted);
        let mut seen = Seen { links, addresses: addresses.collect(), ..Seen::default() };
        seen.held = self.held.clone();
        seen.algorithms = self.algorithms.clone();
        seen.rates = self.rates.iter().map(|(key, rate)| (name(key), *rate)).collect();
        let device = self.links.get(wanted.mesh().as_str()).filter(|l| l.kind == Some(Link::MESH));
        let Some(device) = device else { return seen };
        seen.mesh = Some(MeshDevice {
            name: wanted.mesh().clone(),
            index: IfIndex(device.index),
            address: MacAddr(device.address),
            up: device.up,
            algorithm: device.algorithm,
            version: String::new(),
            settings: device.settings.clone(),
        });
        let attached = self.links.iter().filter(|(_, link)| link.master == Some(device.index));
        let row = |(key, link): (&String, &PretendLink)| HardInterface {
            name: name(key),
            index: IfIndex(link.index),
            address: MacAddr(link.address),
            active: link.up,
            settings: link.interface.clone(),
        };
        seen.hard_interfaces = attached.map(row).collect();
        let vlans = device.vlans.iter().map(|(id, settings)| Vlan {
            mesh: wanted.mesh().clone(),
            mesh_index: IfIndex(device.index),
            id: VlanId::new(*id).unwrap(),
            settings: settings.clone(),
        });
        seen.vlans = vlans.collect();
        seen
    }

    pub(super) fn apply(&mut self, step: &Step) {
        match step {
            Step::CreateMesh { mesh, algorithm } => {
                let is_offered = |all: &Vec<RoutingAlgorithm>| all.contains(algorithm);
                assert!(self.algorithms.as_ref().is_none_or(is_offered), "{step}");
                let settings = self.mesh_settings(*algorithm);
                let (algorithm, kind) = (Some(*algorithm), Some(Link::MESH));
                let device = PretendLink { algorithm, kind, settings, ..PretendLink::default() };
                self.insert(mesh.as_str(), device);
            }
            Step::DeleteMesh { mesh, .. } => self.delete_mesh(mesh.as_str()),
            Step::Rename { link, to } => {
                assert!(!self.links.contains_key(to.as_str()), "{step}");
                let device = self.links.remove(link.as_str()).unwrap();
                self.links.insert(to.to_string(), device);
            }
            Step::SetUp { link } => self.set_up(link.as_str()),
            Step::SetAddress { link, address } => self.link(link.as_str()).address = address.0,
            Step::SetMtu { link, mtu } => self.link(link.as_str()).mtu = mtu.bytes(),
            Step::Attach { link, mesh } => {
                let settings = self.interface_settings();
                let link = self.enslave(link.as_str(), mesh.as_str());
                assert!(link.up, "a link that is down is attached");
                link.interface = settings;
            }
            Step::Detach { link, mesh } => {
                let index = self.links[mesh.as_str()].index;
                let link = self.link(link.as_str());
                link.interface = InterfaceSettings::default();
                assert_eq!(link.master.take(), Some(index));
            }
            Step::Set { setting, .. }
            | Step::SetHardInterface { setting, .. }
            | Step::SetVlan { setting, .. } => self.set(step, *setting),
            Step::CreateVlan { mesh, vlan, link } => {
                self.create_vlan(mesh.as_str(), *vlan, link.as_str());
            }
            Step::CreateBridge { bridge } => {
                let kind = Some(Link::BRIDGE);
                self.insert(bridge.as_str(), PretendLink { kind, ..PretendLink::default() });
            }
            Step::AddPort { port, bridge } => {
                self.enslave(port.as_str(), bridge.as_str());
            }
            Step::AddAddress { link, address } => {
                let link = self.link(link.as_str());
                assert!(link.addresses.iter().all(|(there, _)| there != address), "added twice");
                let is_refused = |(there, _): &(Address, bool)| address.excludes(*there);
                assert!(!link.addresses.iter().any(is_refused), "{step} is refused");
                link.addresses.push((*address, true));
            }
            Step::AddLinkLocal { link } => self.add_link_local(link.as_str(), true),
            Step::RemoveAddress { link, address, to_become } => {
                let link = self.link(link.as_str());
                let at = link.addresses.iter().position(|(there, _)| there == address).unwrap();
                let (_, is_ours) = link.addresses.remove(at);
                assert!(is_ours || to_become.is_some(), "another's address is removed");
            }
        }
    }

    fn set(&mut self, step: &Step, setting: Setting) {
        // As the real one does it: what it does not know it passes over.
        if self.lacking.contains(&setting.knob) {
            return;
        }
        let is_taken = match step {
            Step::Set { mesh, .. } => self.link(mesh.as_str()).settings.set(setting),
            Step::SetHardInterface { mesh, link, .. } => {
                let mesh = self.links[mesh.as_str()].index;
                let link = self.link(link.as_str());
                assert_eq!(link.master, Some(mesh), "a stranger is set");
                link.interface.set(setting)
            }
            Step::SetVlan { mesh, vlan, .. } => {
                let vlan = self.link(mesh.as_str()).vlans.get_mut(&vlan.number());
                vlan.expect("a VLAN that is not there is set").set(setting)
            }
            _ => false,
        };
        assert!(is_taken, "{step}");
    }

    fn set_up(&mut self, name: &str) {
        let link = self.link(name);
        assert!(!link.up, "a link that is up is set up");
        link.up = true;
        self.add_link_local(name, false);
    }

    fn add_link_local(&mut self, name: &str, is_ours: bool) {
        let link = self.link(name);
        let own = link_local(name);
        let is_usable =
            |address: &Address| address.is_link_local() && !link.duplicates.contains(address);
        if !link.addresses.iter().any(|(address, _)| is_usable(address)) {
            assert!(link.addresses.iter().all(|(address, _)| *address != own), "added twice");
            link.addresses.push((own, is_ours));
        }
    }

    fn delete_mesh(&mut self, mesh: &str) {
        let device = self.links.remove(mesh).unwrap();
        assert_eq!(device.kind, Some(Link::MESH));
        self.links.retain(|_, link| link.lower != Some(device.index));
        for link in self.links.values_mut().filter(|l| l.master == Some(device.index)) {
            link.master = None;
            link.interface = InterfaceSettings::default();
        }
    }

    fn enslave(&mut self, link: &str, master: &str) -> &mut PretendLink {
        let index = self.links[master].index;
        let link = self.links.get_mut(link).unwrap();
        let is_stolen = link.master.is_some() && !self.held.contains(IfIndex(link.index));
        assert!(!is_stolen, "a link is stolen from its master");
        assert_ne!(link.master.replace(index), Some(index), "it is there");
        link.interface = InterfaceSettings::default();
        link
    }

    fn create_vlan(&mut self, mesh: &str, vlan: VlanId, link: &str) {
        let lower = Some(self.links[mesh].index);
        let ap_isolation = (!self.lacking.contains(&Knob::VlanApIsolation)).then_some(false);
        let settings = VlanSettings { ap_isolation };
        let (kind, id) = (Some(Link::VLAN), Some(vlan.number()));
        let is_of_it = |other: &PretendLink| other.lower == lower && other.vlan == id;
        assert!(!self.links.values().any(is_of_it), "the VLAN has a link");
        self.link(mesh).vlans.entry(vlan.number()).or_insert(settings);
        self.insert(link, PretendLink { kind, lower, vlan: id, ..PretendLink::default() });
    }
}

/// One for each name, which is enough to tell them apart.
fn link_local(name: &str) -> Address {
    let sum = name.bytes().fold(0u8, u8::wrapping_add);
    Address::link_local(MacAddr([2, 0, 0, 0, 1, sum]))
}
