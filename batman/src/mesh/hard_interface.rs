use super::{
    Incomplete,
    reply::{flag, hard_interface_name, required},
};
use crate::{IfIndex, IfName, InterfaceSettings, MacAddr, codec::BatadvMessage};

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
    /// How it is set.
    pub settings: InterfaceSettings,
}

impl TryFrom<&BatadvMessage> for HardInterface {
    type Error = Incomplete;

    fn try_from(message: &BatadvMessage) -> Result<Self, Incomplete> {
        Ok(Self {
            name: hard_interface_name(message)?,
            index: IfIndex(required!(message, HardIfindex)?),
            address: required!(message, HardAddress)?,
            active: flag!(message, Active),
            settings: InterfaceSettings::from(message),
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
        BatadvMessage::new(BatadvCmd::GetHardif, [place, more].concat())
    }

    #[test]
    fn hard_interface_tells_whether_it_is_active_and_how_it_is_set() {
        let common = vec![BatadvAttr::HardAddress(NEAR), BatadvAttr::ThroughputOverride(0)];

        let idle = HardInterface::try_from(&row(common.clone())).unwrap();
        let active = [common, vec![BatadvAttr::Active]].concat();
        let active = HardInterface::try_from(&row(active)).unwrap();

        let automatic = Some(Throughput::from_kbit(0));
        assert_eq!((idle.settings.throughput_override, idle.active), (automatic, false));
        assert_eq!(idle.settings.elp_interval, None);
        assert!(active.active);
    }
}
