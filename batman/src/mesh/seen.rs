use std::collections::BTreeMap;

use netlink_packet_route::link::{
    InfoBridge, InfoData, InfoVlan, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};

use super::{HardInterface, Held, Incomplete, MeshDevice, Neighbour, Originator, Vlan, VlanId};
use crate::{Address, IfIndex, IfName, LinkRate, MacAddr, RoutingAlgorithm, Wanted};

/// What the kernel said about a wanted mesh, at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The mesh device, if it exists.
    pub mesh: Option<MeshDevice>,
    /// The links that have to do with the mesh.
    pub links: Vec<Link>,
    /// The hard interfaces as batman-adv sees them.
    pub hard_interfaces: Vec<HardInterface>,
    /// The neighbours, one row for each hard interface that hears one. The kernel may tear this
    /// table: a row can be missing or doubled when it changes while it is read.
    pub neighbours: Vec<Neighbour>,
    /// The originators, one row for each neighbour that leads to one. May be torn likewise.
    pub originators: Vec<Originator>,
    /// The wanted VLANs that the mesh device has.
    pub vlans: Vec<Vlan>,
    /// The addresses of the mesh device and of its bridge.
    pub addresses: Vec<LinkAddress>,
    /// What is known of the wanted hard interfaces' speeds, under B.A.T.M.A.N. V.
    pub rates: BTreeMap<IfName, LinkRate>,
    /// The algorithms that this kernel offers, if that was asked and answered: it is where the mesh
    /// device has to be created, and CAP_NET_ADMIN is needed.
    pub algorithms: Option<Vec<RoutingAlgorithm>>,
    /// What was ours at earlier looks. One look does not tell it: whoever looks again adds it.
    pub held: Held,
    /// How many rows were not kept, because they could not be read or were beyond the bound.
    pub left_out: usize,
}

impl Seen {
    /// Returns the link of this name.
    pub fn link(&self, name: &IfName) -> Option<&Link> {
        self.links.iter().find(|link| link.name == *name)
    }

    /// Tells whether this kernel is known to lack an algorithm.
    pub fn lacks(&self, algorithm: RoutingAlgorithm) -> bool {
        self.algorithms.as_ref().is_some_and(|offered| !offered.contains(&algorithm))
    }

    /// Returns the link of this index.
    pub fn link_at(&self, index: IfIndex) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }
}

/// A network device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: IfName,
    /// Its index.
    pub index: IfIndex,
    /// Its hardware address, if it is of Ethernet's length.
    pub address: Option<MacAddr>,
    /// What kind of virtual device it is, in the kernel's word; nothing for hardware.
    pub kind: Option<String>,
    /// Whether it is set up.
    pub up: bool,
    /// Whether it can carry packets now.
    pub carrier: bool,
    /// The link that it is enslaved to.
    pub master: Option<IfIndex>,
    /// The link below it, of which it is a VLAN or which it protects; in this network namespace.
    pub lower: Option<IfIndex>,
    /// The VLAN that it is of the link below it, if it is one.
    pub vlan: Option<VlanId>,
    /// Whether it is a bridge that tells VLANs apart, and so brings its ports the VLANs that they have there.
    pub filters_vlans: bool,
    /// How large a packet it carries, in bytes.
    pub mtu: Option<u32>,
}

/// An address that a link has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkAddress {
    /// The link.
    pub link: IfIndex,
    /// The address.
    pub address: Address,
    /// It was added by [`Step::AddAddress`](crate::Step::AddAddress): the kernel keeps our mark
    /// beside it, since Linux 5.18.
    pub is_ours: bool,
    /// Somebody else on the link has it too, so the kernel does not use it (RFC 4862, section 5.4.5).
    pub is_duplicate: bool,
}

impl LinkAddress {
    /// Tells whether it is a link-local address that the kernel uses.
    pub fn is_usable_link_local(&self) -> bool {
        self.address.is_link_local() && !self.is_duplicate
    }
}

impl Link {
    /// The kernel's word for a mesh device (`batadv_link_ops` in net/batman-adv/mesh-interface.c).
    pub const MESH: &str = "batadv";

    /// The kernel's word for a bridge (`br_link_ops` in net/bridge/br_netlink.c).
    pub const BRIDGE: &str = "bridge";

    /// The kernel's word for a VLAN's link (`vlan_link_ops` in net/8021q/vlan_netlink.c).
    pub const VLAN: &str = "vlan";

    /// Tells whether the link is of a kind of virtual device.
    pub fn is_kind(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }

    /// Tells whether the link is a mesh device.
    pub fn is_mesh(&self) -> bool {
        self.kind.as_deref() == Some(Self::MESH)
    }
}

impl TryFrom<&LinkMessage> for Link {
    type Error = Incomplete;

    fn try_from(message: &LinkMessage) -> Result<Self, Incomplete> {
        let find =
            |wanted: fn(&LinkAttribute) -> bool| message.attributes.iter().find(|a| wanted(a));
        let name = match find(|a| matches!(a, LinkAttribute::IfName(_))) {
            Some(LinkAttribute::IfName(text)) => {
                text.parse().map_err(|_| Incomplete::Senseless("IFLA_IFNAME"))?
            }
            _ => return Err(Incomplete::Absent("IFLA_IFNAME")),
        };
        let address = match find(|a| matches!(a, LinkAttribute::Address(_))) {
            Some(LinkAttribute::Address(bytes)) => bytes.as_slice().try_into().ok().map(MacAddr),
            _ => None,
        };
        let master = match find(|a| matches!(a, LinkAttribute::Controller(_))) {
            Some(LinkAttribute::Controller(index)) if *index != 0 => Some(IfIndex(*index)),
            _ => None,
        };
        let is_elsewhere = find(|a| matches!(a, LinkAttribute::LinkNetNsId(_))).is_some();
        let lower = match find(|a| matches!(a, LinkAttribute::Link(_))) {
            Some(LinkAttribute::Link(index)) if *index != 0 && !is_elsewhere => {
                Some(IfIndex(*index))
            }
            _ => None,
        };
        let mtu = match find(|a| matches!(a, LinkAttribute::Mtu(_))) {
            Some(LinkAttribute::Mtu(bytes)) => Some(*bytes),
            _ => None,
        };
        let infos = match find(|a| matches!(a, LinkAttribute::LinkInfo(_))) {
            Some(LinkAttribute::LinkInfo(infos)) => infos.as_slice(),
            _ => &[],
        };
        Ok(Self {
            name,
            index: IfIndex(message.header.index),
            address,
            kind: kind(infos),
            up: message.header.flags.contains(LinkFlags::Up),
            carrier: message.header.flags.contains(LinkFlags::LowerUp),
            master,
            lower,
            vlan: vlan(infos),
            filters_vlans: filters_vlans(infos),
            mtu,
        })
    }
}

fn kind(infos: &[LinkInfo]) -> Option<String> {
    infos.iter().find_map(|info| match info {
        LinkInfo::Kind(kind) => Some(kind.to_string()),
        _ => None,
    })
}

fn filters_vlans(infos: &[LinkInfo]) -> bool {
    let filtering = |info: &LinkInfo| match info {
        LinkInfo::Data(InfoData::Bridge(data)) => data.contains(&InfoBridge::VlanFiltering(true)),
        _ => false,
    };
    infos.iter().any(filtering)
}

fn vlan(infos: &[LinkInfo]) -> Option<VlanId> {
    let data = infos.iter().find_map(|info| match info {
        LinkInfo::Data(InfoData::Vlan(data)) => Some(data),
        _ => None,
    });
    data?.iter().find_map(|attribute| match attribute {
        InfoVlan::Id(number) => VlanId::new(*number).ok(),
        _ => None,
    })
}

/// Keeps the links that are named, what is enslaved to the mesh device, the links of its wanted
/// VLANs, and the masters and the lower links of all these; and every mesh device, since the wanted
/// one may have another name now.
pub(crate) fn relevant(mut links: Vec<Link>, wanted: &Wanted) -> Vec<Link> {
    let mesh = links.iter().find(|link| link.name == *wanted.mesh()).map(|link| link.index);
    let vlans: Vec<_> = wanted.vlans().filter_map(|(vlan, _)| wanted.vlan_link(vlan)).collect();
    let is_wanted = |id: VlanId| wanted.vlans().any(|(vlan, _)| vlan == id);
    let lan = wanted.lan();
    let concerned = |link: &Link| {
        Some(link.index) == mesh
            || (mesh.is_some() && link.master == mesh)
            || wanted.hard_interfaces().contains(&link.name)
            || lan.is_some_and(|lan| lan.bridge == link.name || lan.ports.contains(&link.name))
            || vlans.contains(&link.name)
            || (mesh.is_some() && link.lower == mesh && link.vlan.is_some_and(is_wanted))
    };
    let around = |link: &Link| [link.master, link.lower].into_iter().flatten().collect::<Vec<_>>();
    let neighbours: Vec<_> = links.iter().filter(|l| concerned(l)).flat_map(around).collect();
    links.retain(|link| concerned(link) || link.is_mesh() || neighbours.contains(&link.index));
    links
}

#[cfg(test)]
mod tests {
    use netlink_packet_route::link::{InfoKind, LinkHeader};

    use super::*;
    use crate::VlanSettings;

    fn message(index: u32, flags: LinkFlags, attributes: Vec<LinkAttribute>) -> LinkMessage {
        let mut message = LinkMessage::default();
        message.header = LinkHeader::default();
        message.header.index = index;
        message.header.flags = flags;
        message.attributes = attributes;
        message
    }

    fn link(index: u32, name: &str, master: u32) -> Link {
        let attributes =
            vec![LinkAttribute::IfName(name.to_owned()), LinkAttribute::Controller(master)];
        Link::try_from(&message(index, LinkFlags::Up, attributes)).unwrap()
    }

    #[test]
    fn link_is_read_from_the_kernels_message() {
        let attributes = vec![
            LinkAttribute::IfName("bat0".to_owned()),
            LinkAttribute::Address(vec![2, 0, 0, 0, 0, 1]),
            LinkAttribute::Controller(7),
            LinkAttribute::Mtu(1500),
            LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::BatAdv)]),
        ];

        let link = Link::try_from(&message(5, LinkFlags::Up, attributes)).unwrap();

        assert_eq!(
            link,
            Link {
                name: "bat0".parse().unwrap(),
                index: IfIndex(5),
                address: Some(MacAddr([2, 0, 0, 0, 0, 1])),
                kind: Some("batadv".to_owned()),
                up: true,
                carrier: false,
                master: Some(IfIndex(7)),
                lower: None,
                vlan: None,
                filters_vlans: false,
                mtu: Some(1500),
            }
        );
        assert!(link.is_mesh());
    }

    #[test]
    fn link_below_counts_only_where_its_number_is_ours() {
        let name = || LinkAttribute::IfName("eth0.10".to_owned());
        let here = message(1, LinkFlags::Up, vec![name(), LinkAttribute::Link(2)]);
        let attributes = vec![name(), LinkAttribute::Link(2), LinkAttribute::LinkNetNsId(0)];
        let elsewhere = message(1, LinkFlags::Up, attributes);

        assert_eq!(Link::try_from(&here).unwrap().lower, Some(IfIndex(2)));
        assert_eq!(Link::try_from(&elsewhere).unwrap().lower, None);
    }

    #[test]
    fn link_of_a_vlan_has_its_number_and_is_kept_under_any_name() {
        let wanted = Wanted::new("bat0".parse().unwrap(), RoutingAlgorithm::BatmanIv, vec![]);
        let wanted = wanted.unwrap().with_vlan(VlanId::new(10).unwrap(), VlanSettings::default());
        let vlan = |index, name: &str, id, lower| {
            let data = InfoData::Vlan(vec![InfoVlan::Id(id)]);
            let info = vec![LinkInfo::Kind(InfoKind::Vlan), LinkInfo::Data(data)];
            let attributes = vec![
                LinkAttribute::IfName(name.to_owned()),
                LinkAttribute::Link(lower),
                LinkAttribute::LinkInfo(info),
            ];
            Link::try_from(&message(index, LinkFlags::Up, attributes)).unwrap()
        };
        let guests = vlan(6, "guests", 10, 5);
        assert_eq!((guests.vlan, guests.is_kind(Link::VLAN)), (VlanId::new(10).ok(), true));
        let links = vec![
            link(5, "bat0", 0),
            guests,
            vlan(7, "unwanted", 11, 5),
            vlan(8, "elsewhere", 10, 4),
        ];

        let kept = relevant(links, &wanted.unwrap());

        let names: Vec<_> = kept.iter().map(|link| link.name.as_str()).collect();
        assert_eq!(names, ["bat0", "guests"]);
    }

    #[test]
    fn bridge_says_whether_it_filters_vlans() {
        let bridge = |filtering| {
            let data = InfoData::Bridge(vec![InfoBridge::VlanFiltering(filtering)]);
            let info = vec![LinkInfo::Kind(InfoKind::Bridge), LinkInfo::Data(data)];
            let name = LinkAttribute::IfName("br-lan".to_owned());
            let attributes = vec![name, LinkAttribute::LinkInfo(info)];
            Link::try_from(&message(4, LinkFlags::Up, attributes)).unwrap().filters_vlans
        };

        assert_eq!((bridge(true), bridge(false)), (true, false));
    }

    #[test]
    fn link_without_a_usable_name_is_not_read() {
        let nameless = message(1, LinkFlags::Up, vec![]);
        let spaced = message(1, LinkFlags::Up, vec![LinkAttribute::IfName("a b".to_owned())]);

        assert_eq!(Link::try_from(&nameless), Err(Incomplete::Absent("IFLA_IFNAME")));
        assert_eq!(Link::try_from(&spaced), Err(Incomplete::Senseless("IFLA_IFNAME")));
    }

    #[test]
    fn link_with_an_address_of_another_kind_has_none() {
        let attributes = vec![
            LinkAttribute::IfName("sit0".to_owned()),
            LinkAttribute::Address(vec![10, 0, 0, 1]),
            LinkAttribute::Controller(0),
        ];

        let link = Link::try_from(&message(3, LinkFlags::empty(), attributes)).unwrap();

        assert_eq!((link.address, link.master, link.up), (None, None, false));
    }

    #[test]
    fn only_links_that_have_to_do_with_the_mesh_are_kept() {
        let wanted = Wanted::new(
            "bat0".parse().unwrap(),
            RoutingAlgorithm::BatmanIv,
            vec!["eth0".parse().unwrap(), "eth1".parse().unwrap()],
        );
        let links = vec![
            link(1, "lo", 0),
            link(2, "eth0", 9),
            link(3, "eth1", 5),
            link(4, "extra", 5),
            link(5, "bat0", 0),
            link(6, "stranger", 9),
            link(9, "br0", 0),
        ];

        let kept = relevant(links, &wanted.unwrap());

        let names: Vec<_> = kept.iter().map(|link| link.name.as_str()).collect();
        assert_eq!(names, ["eth0", "eth1", "extra", "bat0", "br0"]);
    }
}
