use super::{Incomplete, reply::required};
use crate::{IfIndex, IfName, MacAddr, MeshSettings, RoutingAlgorithm, codec::BatadvMessage};

/// A mesh device that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeshDevice {
    /// Its name.
    pub name: IfName,
    /// Its index.
    pub index: IfIndex,
    /// Its hardware address.
    pub address: MacAddr,
    /// Whether it is set up.
    pub up: bool,
    /// The routing algorithm it was created with; nothing if it is one that is not known here.
    pub algorithm: Option<RoutingAlgorithm>,
    /// The module's version, or the running kernel's release since 2024.
    pub version: String,
    /// How it is set.
    pub settings: MeshSettings,
}

impl MeshDevice {
    /// Reads the reply to GET_MESH; whether the device is up is not among what it tells.
    pub(crate) fn read(message: &BatadvMessage, up: bool) -> Result<Self, Incomplete> {
        let name = required!(message, MeshIfname)?;
        Ok(Self {
            name: name.parse().map_err(|_| Incomplete::Senseless("MeshIfname"))?,
            index: IfIndex(required!(message, MeshIfindex)?),
            address: required!(message, MeshAddress)?,
            up,
            algorithm: required!(message, AlgoName)?.parse().ok(),
            version: required!(message, Version)?,
            settings: MeshSettings::from(message),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use crate::{
        GatewayMode, Throughput,
        codec::{BatadvAttr, BatadvCmd},
    };

    fn reply(more: Vec<BatadvAttr>) -> BatadvMessage {
        let identity = vec![
            BatadvAttr::Version("6.12.117".to_owned()),
            BatadvAttr::AlgoName("BATMAN_V".to_owned()),
            BatadvAttr::MeshIfindex(5),
            BatadvAttr::MeshIfname("bat0".to_owned()),
            BatadvAttr::MeshAddress(MacAddr([2, 0, 0, 0, 0, 1])),
        ];
        BatadvMessage::new(BatadvCmd::GetMesh, [identity, more].concat())
    }

    #[test]
    fn device_without_optional_settings_has_them_absent_not_zero() {
        let device = MeshDevice::read(&reply(vec![]), true).unwrap();

        assert_eq!(device.algorithm, Some(RoutingAlgorithm::BatmanV));
        assert_eq!(device.settings, MeshSettings::default());
    }

    #[test]
    fn settings_get_their_units() {
        let device = MeshDevice::read(
            &reply(vec![
                BatadvAttr::GwBandwidthDown(100),
                BatadvAttr::OrigInterval(1000),
                BatadvAttr::GwMode(2),
                BatadvAttr::HopPenalty(0),
                BatadvAttr::BondingEnabled(false),
            ]),
            true,
        );

        let settings = device.unwrap().settings;
        assert_eq!(settings.gateway_download, Some(Throughput::from_kbit(10_000)));
        assert_eq!(settings.originator_interval, Some(Duration::from_secs(1)));
        assert_eq!(settings.gateway_mode, Some(GatewayMode::Server));
        assert_eq!((settings.hop_penalty, settings.bonding), (Some(0), Some(false)));
    }

    #[test]
    fn algorithm_of_another_kind_is_kept_as_unknown() {
        let mut message = reply(vec![]);
        message.attributes.retain(|a| !matches!(a, BatadvAttr::AlgoName(_)));
        message.attributes.push(BatadvAttr::AlgoName("BATMAN_VI".to_owned()));

        assert_eq!(MeshDevice::read(&message, true).unwrap().algorithm, None);
    }

    #[test]
    fn reply_without_an_identity_says_what_is_missing() {
        let mut message = reply(vec![]);
        message.attributes.retain(|a| !matches!(a, BatadvAttr::MeshIfindex(_)));

        assert_eq!(MeshDevice::read(&message, true), Err(Incomplete::Absent("MeshIfindex")));
    }
}
