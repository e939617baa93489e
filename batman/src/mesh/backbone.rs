use std::time::Duration;

use super::{
    Incomplete, VlanId,
    reply::{flag, milliseconds, required, vlan},
};
use crate::{MacAddr, codec::BatadvMessage};

/// A node that shares a LAN with this one, under bridge loop avoidance (GET_BLA_BACKBONE).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backbone {
    /// The node's address as a backbone.
    pub address: MacAddr,
    /// The VLAN that is shared; nothing for untagged packets.
    pub vlan: Option<VlanId>,
    /// Whether it is this node.
    pub own: bool,
    /// The checksum over its claims.
    pub checksum: u16,
    /// How long ago it was last heard on the LAN.
    pub last_seen: Duration,
}

impl TryFrom<&BatadvMessage> for Backbone {
    type Error = Incomplete;

    fn try_from(message: &BatadvMessage) -> Result<Self, Incomplete> {
        Ok(Self {
            address: required!(message, BlaBackbone)?,
            vlan: vlan(required!(message, BlaVid)?),
            own: flag!(message, BlaOwn),
            checksum: required!(message, BlaCrc)?,
            last_seen: required!(message, LastSeenMsecs).map(milliseconds)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{BatadvAttr, BatadvCmd};

    const ADDRESS: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

    fn row(more: Vec<BatadvAttr>) -> BatadvMessage {
        let common = vec![
            BatadvAttr::BlaBackbone(ADDRESS),
            BatadvAttr::BlaVid(0),
            BatadvAttr::BlaCrc(0xe581),
        ];
        BatadvMessage::new(BatadvCmd::GetBlaBackbone, [common, more].concat())
    }

    #[test]
    fn backbone_is_read_with_its_age() {
        let backbone = Backbone::try_from(&row(vec![BatadvAttr::LastSeenMsecs(1500)])).unwrap();

        let expected = Backbone {
            address: ADDRESS,
            vlan: None,
            own: false,
            checksum: 0xe581,
            last_seen: Duration::from_millis(1500),
        };
        assert_eq!(backbone, expected);
    }

    #[test]
    fn backbone_without_an_age_says_so() {
        let refusal = Backbone::try_from(&row(vec![BatadvAttr::BlaOwn])).unwrap_err();

        assert_eq!(refusal, Incomplete::Absent("LastSeenMsecs"));
    }
}
