use std::collections::BTreeMap;

use super::{Neighbour, Originator, Seen};
use crate::LinkQuality;

/// A neighbour and how good the link to it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeighbourLink {
    /// The neighbour on its hard interface.
    pub neighbour: Neighbour,
    /// The link's quality; nothing while the kernel has not measured it.
    pub quality: Option<LinkQuality>,
}

impl Seen {
    /// Joins the neighbours with their links' quality, in the kernel's order.
    ///
    /// B.A.T.M.A.N. V tells a neighbour's throughput itself. B.A.T.M.A.N. IV tells the quality
    /// only of ways to originators: the link's is that of the way to the neighbour by itself,
    /// over the same hard interface, whether or not a better way leads around.
    pub fn neighbour_links(&self) -> Vec<NeighbourLink> {
        let direct: BTreeMap<_, _> = self
            .originators
            .iter()
            .filter(|originator| originator.address == originator.neighbour)
            .map(|Originator { address, interface_index, quality, .. }| {
                ((*address, *interface_index), *quality)
            })
            .collect();
        let joined = self.neighbours.iter().map(|neighbour| NeighbourLink {
            neighbour: neighbour.clone(),
            quality: neighbour
                .throughput
                .map(LinkQuality::Throughput)
                .or_else(|| direct.get(&(neighbour.address, neighbour.interface_index)).copied()),
        });
        joined.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{IfIndex, MacAddr, Throughput};

    const A: MacAddr = MacAddr([2, 0, 0, 0, 0, 0xa]);
    const B: MacAddr = MacAddr([2, 0, 0, 0, 0, 0xb]);

    fn neighbour(address: MacAddr, index: u32, throughput: Option<u64>) -> Neighbour {
        Neighbour {
            address,
            interface: format!("eth{index}").parse().unwrap(),
            interface_index: IfIndex(index),
            last_seen: Duration::ZERO,
            throughput: throughput.map(Throughput::from_kbit),
        }
    }

    fn way(address: MacAddr, neighbour: MacAddr, index: u32, tq: u8, best: bool) -> Originator {
        Originator {
            address,
            neighbour,
            interface: format!("eth{index}").parse().unwrap(),
            interface_index: IfIndex(index),
            quality: LinkQuality::Tq(tq),
            last_seen: Duration::ZERO,
            best,
        }
    }

    #[track_caller]
    fn check(
        neighbours: Vec<Neighbour>,
        originators: Vec<Originator>,
        expected: &[Option<LinkQuality>],
    ) {
        let seen = Seen { neighbours, originators, ..Seen::default() };

        let links = seen.neighbour_links();

        assert_eq!(links.iter().map(|link| link.quality).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn batman_v_neighbour_brings_its_throughput() {
        let expected = [Some(LinkQuality::Throughput(Throughput::from_kbit(5000)))];

        check(vec![neighbour(A, 1, Some(5000))], vec![], &expected);
    }

    #[test]
    fn batman_iv_neighbour_takes_the_quality_of_the_way_by_itself() {
        let ways = vec![way(B, A, 1, 90, true), way(A, B, 1, 200, true), way(A, A, 1, 150, false)];

        check(vec![neighbour(A, 1, None)], ways, &[Some(LinkQuality::Tq(150))]);
    }

    #[test]
    fn one_neighbour_on_two_interfaces_has_two_qualities() {
        let neighbours = vec![neighbour(A, 1, None), neighbour(A, 2, None)];
        let ways = vec![way(A, A, 2, 20, false), way(A, A, 1, 250, true)];

        check(neighbours, ways, &[Some(LinkQuality::Tq(250)), Some(LinkQuality::Tq(20))]);
    }

    #[test]
    fn neighbour_that_is_no_originator_yet_has_no_quality() {
        check(vec![neighbour(A, 1, None)], vec![way(B, B, 1, 255, true)], &[None]);
    }
}
