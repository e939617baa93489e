use std::time::Duration;

use super::{
    Incomplete, VlanId,
    reply::{attribute, flag, milliseconds, required, vlan},
};
pub use crate::codec::TtFlags as ClientFlags;
use crate::{MacAddr, codec::BatadvMessage};

/// A client of this node (GET_TRANSTABLE_LOCAL): a device whose packets came in over the mesh
/// device, and the mesh device itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalClient {
    /// The client's address.
    pub address: MacAddr,
    /// Its VLAN; nothing for untagged packets.
    pub vlan: Option<VlanId>,
    /// What is said of it.
    pub flags: ClientFlags,
    /// The checksum over this node's clients on that VLAN.
    pub checksum: u32,
    /// How long ago it was last heard; nothing for one that stays however long it is silent.
    pub last_seen: Option<Duration>,
}

impl TryFrom<&BatadvMessage> for LocalClient {
    type Error = Incomplete;

    fn try_from(message: &BatadvMessage) -> Result<Self, Incomplete> {
        Ok(Self {
            address: required!(message, TtAddress)?,
            vlan: vlan(required!(message, TtVid)?),
            flags: required!(message, TtFlags)?,
            checksum: required!(message, TtCrc32)?,
            last_seen: attribute!(message, LastSeenMsecs).map(milliseconds),
        })
    }
}

/// A client of another node, one row for each node that announces it (GET_TRANSTABLE_GLOBAL).
///
/// The kernel may tear this table: a row can be missing or doubled when it changes while it is
/// read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobalClient {
    /// The client's address.
    pub address: MacAddr,
    /// The node that announces it.
    pub originator: MacAddr,
    /// Its VLAN; nothing for untagged packets.
    pub vlan: Option<VlanId>,
    /// The version of that node's table when the client was added; it wraps.
    pub version: u8,
    /// The version of that node's table now; it wraps.
    pub last_version: u8,
    /// The checksum over that node's clients on that VLAN.
    pub checksum: u32,
    /// What is said of it.
    pub flags: ClientFlags,
    /// Whether packets to the client go to this node, of all that announce it.
    pub best: bool,
}

impl TryFrom<&BatadvMessage> for GlobalClient {
    type Error = Incomplete;

    fn try_from(message: &BatadvMessage) -> Result<Self, Incomplete> {
        Ok(Self {
            address: required!(message, TtAddress)?,
            originator: required!(message, OrigAddress)?,
            vlan: vlan(required!(message, TtVid)?),
            version: required!(message, TtTtvn)?,
            last_version: required!(message, TtLastTtvn)?,
            checksum: required!(message, TtCrc32)?,
            flags: required!(message, TtFlags)?,
            best: flag!(message, FlagBest),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{BatadvAttr, BatadvCmd};

    const CLIENT: MacAddr = MacAddr([2, 0, 0, 0, 1, 1]);
    const NODE: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

    fn row(vid: u16, flags: ClientFlags, more: Vec<BatadvAttr>) -> BatadvMessage {
        let common = vec![
            BatadvAttr::TtAddress(CLIENT),
            BatadvAttr::TtCrc32(0xdead_beef),
            BatadvAttr::TtVid(vid),
            BatadvAttr::TtFlags(flags),
        ];
        BatadvMessage::new(BatadvCmd::GetTranstableLocal, [common, more].concat())
    }

    #[test]
    fn permanent_client_has_no_age() {
        let own = LocalClient::try_from(&row(0, ClientFlags::PERMANENT, vec![])).unwrap();
        let age = vec![BatadvAttr::LastSeenMsecs(0)];
        let heard = LocalClient::try_from(&row(0, ClientFlags::WIFI, age)).unwrap();

        assert_eq!((own.last_seen, own.checksum), (None, 0xdead_beef));
        assert!(own.flags.contains(ClientFlags::PERMANENT));
        assert_eq!(heard.last_seen, Some(Duration::ZERO));
    }

    #[test]
    fn vlan_is_told_by_the_tag_bit() {
        let vlan = |vid| LocalClient::try_from(&row(vid, ClientFlags::NEW, vec![])).unwrap().vlan;

        assert_eq!(vlan(0), None);
        assert_eq!(vlan(0x8064), VlanId::new(100).ok());
        assert_eq!(vlan(0x8000), VlanId::new(0).ok());
    }

    #[test]
    fn global_client_names_the_node_that_announces_it() {
        let announced = vec![
            BatadvAttr::OrigAddress(NODE),
            BatadvAttr::TtTtvn(255),
            BatadvAttr::TtLastTtvn(0),
            BatadvAttr::FlagBest,
        ];
        let client = GlobalClient::try_from(&row(0, ClientFlags::ROAMED, announced)).unwrap();

        assert_eq!((client.originator, client.best), (NODE, true));
        assert_eq!((client.version, client.last_version), (255, 0));
    }

    #[test]
    fn global_client_without_its_node_says_so() {
        let refusal = GlobalClient::try_from(&row(0, ClientFlags::NEW, vec![])).unwrap_err();

        assert_eq!(refusal, Incomplete::Absent("OrigAddress"));
    }
}
