use super::{
    Incomplete, VlanId,
    reply::{flag, required, vlan},
};
use crate::{MacAddr, codec::BatadvMessage};

/// A client that one backbone has claimed under bridge loop avoidance (GET_BLA_CLAIM): of the nodes
/// that share a LAN, that one alone speaks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The client's address.
    pub client: MacAddr,
    /// Its VLAN; nothing for untagged packets.
    pub vlan: Option<VlanId>,
    /// The node that claims it.
    pub backbone: MacAddr,
    /// Whether that is this node.
    pub own: bool,
    /// The checksum over that backbone's claims.
    pub checksum: u16,
}

impl TryFrom<&BatadvMessage> for Claim {
    type Error = Incomplete;

    fn try_from(message: &BatadvMessage) -> Result<Self, Incomplete> {
        Ok(Self {
            client: required!(message, BlaAddress)?,
            vlan: vlan(required!(message, BlaVid)?),
            backbone: required!(message, BlaBackbone)?,
            own: flag!(message, BlaOwn),
            checksum: required!(message, BlaCrc)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{BatadvAttr, BatadvCmd};

    const CLIENT: MacAddr = MacAddr([2, 0, 0, 0, 1, 1]);
    const BACKBONE: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

    fn row(more: Vec<BatadvAttr>) -> BatadvMessage {
        let common = vec![BatadvAttr::BlaAddress(CLIENT), BatadvAttr::BlaVid(0x8001)];
        BatadvMessage::new(BatadvCmd::GetBlaClaim, [common, more].concat())
    }

    #[test]
    fn claim_is_own_only_if_it_says_so() {
        let theirs = vec![BatadvAttr::BlaBackbone(BACKBONE), BatadvAttr::BlaCrc(0xe581)];
        let ours = [vec![BatadvAttr::BlaOwn], theirs.clone()].concat();

        let theirs = Claim::try_from(&row(theirs)).unwrap();
        let ours = Claim::try_from(&row(ours)).unwrap();

        assert_eq!((theirs.own, ours.own), (false, true));
        assert_eq!((theirs.client, theirs.backbone), (CLIENT, BACKBONE));
        assert_eq!((theirs.vlan, theirs.checksum), (VlanId::new(1).ok(), 0xe581));
    }

    #[test]
    fn claim_without_a_backbone_says_so() {
        let refusal = Claim::try_from(&row(vec![])).unwrap_err();

        assert_eq!(refusal, Incomplete::Absent("BlaBackbone"));
    }
}
