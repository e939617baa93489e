use std::time::Duration;

use super::{
    Incomplete,
    reply::{attribute, flag, hard_interface_name, milliseconds, required},
};
use crate::{IfIndex, IfName, MacAddr, Throughput, codec::BatadvMessage};

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
            active: flag!(message, Active),
            hop_penalty: attribute!(message, HopPenalty),
            probe_interval: attribute!(message, ElpInterval).map(milliseconds),
            throughput_override: throughput.map(Throughput::from_hundreds_of_kbit),
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
        BatadvMessage::new(BatadvCmd::GetHardif, [place, more].concat())
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
