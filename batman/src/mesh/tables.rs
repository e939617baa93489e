use std::time::Duration;

use super::{Incomplete, attribute, device::milliseconds, required};
use crate::{
    IfIndex, IfName, LinkQuality, MacAddr, Throughput,
    codec::{BatadvAttr, BatadvMessage},
};

/// A hard interface as batman-adv sees it (GET_HARDIF).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HardInterface {
    /// The link's name.
    pub name: IfName,
    /// The link's index.
    pub index: IfIndex,
    /// The address by which neighbours know it.
    pub address: MacAddr,
    /// Whether it carries the mesh: attached and up.
    pub active: bool,
    /// What a packet's metric loses at this link, of 255.
    pub hop_penalty: Option<u8>,
    /// The time between two link probes; B.A.T.M.A.N. V only.
    pub probe_interval: Option<Duration>,
    /// The throughput it is taken for, if that is not left to the kernel; B.A.T.M.A.N. V only.
    pub throughput_override: Option<Throughput>,
}

impl TryFrom<&BatadvMessage> for HardInterface {
    type Error = Incomplete;

    fn try_from(message: &BatadvMessage) -> Result<Self, Incomplete> {
        let throughput = attribute!(message, ThroughputOverride).filter(|&units| units != 0);
        Ok(Self {
            name: hard_interface_name(message)?,
            index: IfIndex(required!(message, HardIfindex)?),
            address: required!(message, HardAddress)?,
            active: message.attributes.contains(&BatadvAttr::Active),
            hop_penalty: attribute!(message, HopPenalty),
            probe_interval: attribute!(message, ElpInterval).map(milliseconds),
            throughput_override: throughput.map(Throughput::from_hundreds_of_kbit),
        })
    }
}

/// A neighbour, as heard on one hard interface (GET_NEIGHBORS).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The address of the neighbour's hard interface.
    pub address: MacAddr,
    /// Our hard interface that hears it.
    pub interface: IfName,
    /// That interface's index.
    pub interface_index: IfIndex,
    /// How long ago it was last heard.
    pub last_seen: Duration,
    /// Its link's throughput; B.A.T.M.A.N. V only. The other algorithm keeps a link's quality
    /// among the originators: see [`Seen::neighbour_links`](super::Seen::neighbour_links).
    pub throughput: Option<Throughput>,
}

impl TryFrom<&BatadvMessage> for Neighbour {
    type Error = Incomplete;

    fn try_from(message: &BatadvMessage) -> Result<Self, Incomplete> {
        Ok(Self {
            address: required!(message, NeighAddress)?,
            interface: hard_interface_name(message)?,
            interface_index: IfIndex(required!(message, HardIfindex)?),
            last_seen: required!(message, LastSeenMsecs).map(milliseconds)?,
            throughput: attribute!(message, Throughput).map(kbit),
        })
    }
}

/// A way to an originator through one neighbour (GET_ORIGINATORS).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Originator {
    /// The originator's address.
    pub address: MacAddr,
    /// The neighbour that leads to it; the originator itself if it is near.
    pub neighbour: MacAddr,
    /// Our hard interface towards that neighbour.
    pub interface: IfName,
    /// That interface's index.
    pub interface_index: IfIndex,
    /// How good this way is.
    pub quality: LinkQuality,
    /// How long ago the originator was last heard.
    pub last_seen: Duration,
    /// Whether this is the way that is used.
    pub best: bool,
}

impl TryFrom<&BatadvMessage> for Originator {
    type Error = Incomplete;

    fn try_from(message: &BatadvMessage) -> Result<Self, Incomplete> {
        let tq = attribute!(message, Tq).map(LinkQuality::Tq);
        let throughput = || attribute!(message, Throughput).map(kbit).map(LinkQuality::Throughput);
        Ok(Self {
            address: required!(message, OrigAddress)?,
            neighbour: required!(message, NeighAddress)?,
            interface: hard_interface_name(message)?,
            interface_index: IfIndex(required!(message, HardIfindex)?),
            quality: tq.or_else(throughput).ok_or(Incomplete::Absent("Tq or Throughput"))?,
            last_seen: required!(message, LastSeenMsecs).map(milliseconds)?,
            best: message.attributes.contains(&BatadvAttr::FlagBest),
        })
    }
}

fn hard_interface_name(message: &BatadvMessage) -> Result<IfName, Incomplete> {
    let name = required!(message, HardIfname)?;
    name.parse().map_err(|_| Incomplete::Senseless("HardIfname"))
}

fn kbit(count: u32) -> Throughput {
    Throughput::from_kbit(count.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::BatadvCmd;

    const NEAR: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

    fn row(more: Vec<BatadvAttr>) -> BatadvMessage {
        let place = vec![BatadvAttr::HardIfname("eth0".to_owned()), BatadvAttr::HardIfindex(2)];
        BatadvMessage::new(BatadvCmd::GetNeighbors, [place, more].concat())
    }

    #[test]
    fn neighbour_has_a_throughput_only_if_the_kernel_says_one() {
        let common = vec![BatadvAttr::NeighAddress(NEAR), BatadvAttr::LastSeenMsecs(120)];
        let with = [common.clone(), vec![BatadvAttr::Throughput(1000)]].concat();

        let iv = Neighbour::try_from(&row(common)).unwrap();
        let v = Neighbour::try_from(&row(with)).unwrap();

        assert_eq!((iv.throughput, iv.last_seen), (None, Duration::from_millis(120)));
        assert_eq!(v.throughput, Some(Throughput::from_kbit(1000)));
    }

    #[test]
    fn originator_speaks_in_the_measure_of_its_algorithm() {
        let common = vec![
            BatadvAttr::OrigAddress(NEAR),
            BatadvAttr::NeighAddress(NEAR),
            BatadvAttr::LastSeenMsecs(0),
        ];
        let read = |more| Originator::try_from(&row([common.clone(), more].concat()));

        let iv = read(vec![BatadvAttr::Tq(0)]).unwrap();
        let v = read(vec![BatadvAttr::Throughput(7), BatadvAttr::FlagBest]).unwrap();

        assert_eq!((iv.quality, iv.best), (LinkQuality::Tq(0), false));
        assert_eq!(v.quality, LinkQuality::Throughput(Throughput::from_kbit(7)));
        assert!(v.best);
        assert_eq!(read(vec![]), Err(Incomplete::Absent("Tq or Throughput")));
    }

    #[test]
    fn hard_interface_with_an_override_of_zero_leaves_it_to_the_kernel() {
        let common = vec![BatadvAttr::HardAddress(NEAR), BatadvAttr::ThroughputOverride(0)];

        let idle = HardInterface::try_from(&row(common.clone())).unwrap();
        let active = [common, vec![BatadvAttr::Active]].concat();
        let active = HardInterface::try_from(&row(active)).unwrap();

        assert_eq!((idle.throughput_override, idle.active), (None, false));
        assert!(active.active);
    }
}
