use std::collections::VecDeque;

use super::Seen;
use crate::{IfIndex, Wanted};

/// How many links are remembered: more than a node has. A link that is plugged in anew has a new
/// index each time, so the ones that were not seen for the longest time go.
const LINKS: usize = 64;

/// Which links were ours at earlier looks: the mesh device, and what was where it is wanted.
///
/// Whoever looks again and again remembers it and hands it over in [`Seen::held`]: a link that
/// another program took from the mesh is taken back, one that never was in it is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    mesh: Option<IfIndex>,
    links: VecDeque<IfIndex>,
}

impl Held {
    #[cfg(test)]
    pub(crate) fn of(mesh: Option<IfIndex>, links: VecDeque<IfIndex>) -> Self {
        Self { mesh, links }
    }

    /// Notes what is ours now.
    pub fn note(&mut self, wanted: &Wanted, seen: &Seen) {
        let mesh = seen.mesh.as_ref().map(|device| device.index);
        self.mesh = mesh.or(self.mesh);
        let lan = wanted.lan();
        let bridge = lan.and_then(|lan| seen.link(&lan.bridge)).map(|bridge| bridge.index);
        for link in &seen.links {
            let is_port = lan.is_some_and(|lan| lan.ports.contains(&link.name));
            let master = if wanted.hard_interfaces().contains(&link.name) {
                mesh
            } else if is_port || Some(link.index) == mesh {
                bridge
            } else {
                continue;
            };
            let is_in_place = master.is_some() && link.master == master;
            if is_in_place || self.contains(link.index) {
                self.links.retain(|held| *held != link.index);
                self.links.push_back(link.index);
            }
        }
        self.links.drain(..self.links.len().saturating_sub(LINKS));
    }

    /// Returns the mesh device that was seen last, under the wanted name.
    pub fn mesh(&self) -> Option<IfIndex> {
        self.mesh
    }

    /// Tells whether a link was where it is wanted: in the mesh, or in the bridge of its LAN.
    pub fn contains(&self, link: IfIndex) -> bool {
        self.links.contains(&link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{IfName, Link, RoutingAlgorithm};

    fn link(name: &str, index: u32, master: Option<u32>) -> Link {
        Link {
            name: name.parse().unwrap(),
            index: IfIndex(index),
            address: None,
            kind: None,
            up: true,
            carrier: true,
            master: master.map(IfIndex),
            lower: None,
            vlan: None,
            filters_vlans: false,
            mtu: None,
        }
    }

    fn wanted() -> Wanted {
        let name = |text: &str| -> IfName { text.parse().unwrap() };
        let lan = crate::Lan { bridge: name("br-lan"), ports: vec![name("lan0")] };
        Wanted::new(name("bat0"), RoutingAlgorithm::BatmanIv, vec![name("eth0")])
            .and_then(|wanted| wanted.with_lan(lan))
            .unwrap()
    }

    #[test]
    fn only_what_was_where_it_is_wanted_is_held() {
        let links = vec![
            link("br-lan", 1, None),
            link("br0", 2, None),
            link("lan0", 3, Some(1)),
            link("eth0", 4, Some(2)),
            link("wlan0-ap", 5, Some(1)),
        ];
        let mut held = Held::default();

        held.note(&wanted(), &Seen { links, ..Seen::default() });

        let all: Vec<_> = (1..=5).filter(|index| held.contains(IfIndex(*index))).collect();
        assert_eq!((all, held.mesh()), (vec![3], None));
    }

    #[test]
    fn link_that_was_taken_stays_held_and_old_ones_are_forgotten() {
        let mut held = Held::default();
        let look = |held: &mut Held, port, master| {
            let links = vec![link("br-lan", 1, None), link("lan0", port, Some(master))];
            held.note(&wanted(), &Seen { links, ..Seen::default() });
        };

        look(&mut held, 7, 1);
        look(&mut held, 7, 2);
        assert!(held.contains(IfIndex(7)));
        (0..64).for_each(|plugged| look(&mut held, 100 + plugged, 1));

        assert!(!held.contains(IfIndex(7)));
        assert!(held.contains(IfIndex(100)) && held.contains(IfIndex(163)));
    }
}
