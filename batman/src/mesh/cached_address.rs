use std::{net::Ipv4Addr, time::Duration};

use super::{
    Incomplete, VlanId,
    reply::{milliseconds, required, vlan},
};
use crate::{MacAddr, codec::BatadvMessage};

/// An address that this node answers ARP requests for out of its cache of the distributed ARP
/// table (GET_DAT_CACHE).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedAddress {
    /// The IP address.
    pub ip: Ipv4Addr,
    /// The hardware address that belongs to it.
    pub address: MacAddr,
    /// Its VLAN; nothing for untagged packets.
    pub vlan: Option<VlanId>,
    /// How long ago the two were last seen together.
    pub last_seen: Duration,
}

impl TryFrom<&BatadvMessage> for CachedAddress {
    type Error = Incomplete;

    fn try_from(message: &BatadvMessage) -> Result<Self, Incomplete> {
        Ok(Self {
            ip: required!(message, DatCacheIp4Address)?,
            address: required!(message, DatCacheHwAddress)?,
            vlan: vlan(required!(message, DatCacheVid)?),
            last_seen: required!(message, LastSeenMsecs).map(milliseconds)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{BatadvAttr, BatadvCmd};

    #[test]
    fn cached_address_joins_both_addresses() {
        let address = MacAddr([2, 0, 0, 0, 1, 1]);
        let attributes = vec![
            BatadvAttr::DatCacheIp4Address(Ipv4Addr::new(192, 0, 2, 7)),
            BatadvAttr::DatCacheHwAddress(address),
            BatadvAttr::DatCacheVid(0x8000 | 42),
            BatadvAttr::LastSeenMsecs(250),
        ];

        let row = BatadvMessage::new(BatadvCmd::GetDatCache, attributes);
        let cached = CachedAddress::try_from(&row).unwrap();

        assert_eq!((cached.ip.to_string().as_str(), cached.address), ("192.0.2.7", address));
        assert_eq!(cached.vlan, VlanId::new(42).ok());
        assert_eq!(cached.last_seen, Duration::from_millis(250));
    }

    #[test]
    fn cached_address_without_an_address_says_so() {
        let row = BatadvMessage::new(BatadvCmd::GetDatCache, vec![]);

        let refusal = CachedAddress::try_from(&row).unwrap_err();

        assert_eq!(refusal, Incomplete::Absent("DatCacheIp4Address"));
    }
}
