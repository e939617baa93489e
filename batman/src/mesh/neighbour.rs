use std::time::Duration;

use super::{
    Incomplete,
    reply::{attribute, hard_interface_name, kbit, milliseconds, required},
};
use crate::{IfIndex, IfName, MacAddr, Throughput, codec::BatadvMessage};

/// A neighbour, as heard on one hard interface (GET_NEIGHBORS).
///
/// The kernel may tear this table: a row can be missing or doubled when it changes while it is
/// read.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{BatadvAttr, BatadvCmd};

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
}
