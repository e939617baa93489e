use super::{
    Incomplete,
    reply::{flag, hard_interface_name, quality, required},
};
use crate::{IfIndex, IfName, LinkQuality, MacAddr, Throughput, codec::BatadvMessage};

/// A gateway that announces itself in the mesh (GET_GATEWAYS). One to which no way is known is
/// not listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// The gateway's address as an originator.
    pub address: MacAddr,
    /// The neighbour that leads to it; the gateway itself if it is near.
    pub router: MacAddr,
    /// Our hard interface towards that neighbour.
    pub interface: IfName,
    /// That interface's index.
    pub interface_index: IfIndex,
    /// How good the way is.
    pub quality: LinkQuality,
    /// The download that it announces.
    pub download: Throughput,
    /// The upload that it announces.
    pub upload: Throughput,
    /// Whether it is the one that this node uses.
    pub best: bool,
}

impl TryFrom<&BatadvMessage> for Gateway {
    type Error = Incomplete;

    fn try_from(message: &BatadvMessage) -> Result<Self, Incomplete> {
        let bandwidth = Throughput::from_hundreds_of_kbit;
        Ok(Self {
            address: required!(message, OrigAddress)?,
            router: required!(message, Router)?,
            interface: hard_interface_name(message)?,
            interface_index: IfIndex(required!(message, HardIfindex)?),
            // The one table that has 100 kbit/s here (`batadv_v_gw_dump_entry` in
            // net/batman-adv/bat_v.c).
            quality: quality(message, bandwidth)?,
            download: required!(message, BandwidthDown).map(bandwidth)?,
            upload: required!(message, BandwidthUp).map(bandwidth)?,
            best: flag!(message, FlagBest),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{BatadvAttr, BatadvCmd};

    const FAR: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);
    const NEAR: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

    fn row(more: Vec<BatadvAttr>) -> BatadvMessage {
        let common = vec![
            BatadvAttr::OrigAddress(FAR),
            BatadvAttr::Router(NEAR),
            BatadvAttr::HardIfname("eth0".to_owned()),
            BatadvAttr::HardIfindex(2),
            BatadvAttr::BandwidthDown(100),
            BatadvAttr::BandwidthUp(20),
        ];
        BatadvMessage::new(BatadvCmd::GetGateways, [common, more].concat())
    }

    #[test]
    fn gateway_announces_in_hundreds_of_kbit() {
        let gateway = Gateway::try_from(&row(vec![BatadvAttr::Tq(200)])).unwrap();

        assert_eq!((gateway.address, gateway.router, gateway.best), (FAR, NEAR, false));
        assert_eq!(gateway.download, Throughput::from_kbit(10_000));
        assert_eq!(gateway.upload, Throughput::from_kbit(2000));
    }

    #[test]
    fn gateway_speaks_in_the_measure_of_its_algorithm_and_in_a_unit_of_its_own() {
        let read = |more| Gateway::try_from(&row(more));

        let v = read(vec![BatadvAttr::FlagBest, BatadvAttr::Throughput(96_470)]).unwrap();

        assert_eq!(v.quality, LinkQuality::Throughput(Throughput::from_kbit(9_647_000)));
        assert!(v.best);
        assert_eq!(read(vec![]), Err(Incomplete::Absent("Tq or Throughput")));
    }
}
