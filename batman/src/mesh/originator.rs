use std::time::Duration;

use super::{
    Incomplete,
    reply::{flag, hard_interface_name, kbit, milliseconds, quality, required},
};
use crate::{IfIndex, IfName, LinkQuality, MacAddr, codec::BatadvMessage};

/// A way to an originator through one neighbour (GET_ORIGINATORS).
///
/// The kernel may tear this table: a row can be missing or doubled when it changes while it is
/// read.
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
        Ok(Self {
            address: required!(message, OrigAddress)?,
            neighbour: required!(message, NeighAddress)?,
            interface: hard_interface_name(message)?,
            interface_index: IfIndex(required!(message, HardIfindex)?),
            quality: quality(message, kbit)?,
            last_seen: required!(message, LastSeenMsecs).map(milliseconds)?,
            best: flag!(message, FlagBest),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Throughput,
        codec::{BatadvAttr, BatadvCmd},
    };

    const NEAR: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

    fn row(more: Vec<BatadvAttr>) -> BatadvMessage {
        let place = vec![BatadvAttr::HardIfname("eth0".to_owned()), BatadvAttr::HardIfindex(2)];
        BatadvMessage::new(BatadvCmd::GetOriginators, [place, more].concat())
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
}
