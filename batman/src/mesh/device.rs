use std::time::Duration;

use super::{
    Incomplete,
    reply::{attribute, milliseconds, required},
};
use crate::{IfIndex, IfName, MacAddr, RoutingAlgorithm, Throughput, codec::BatadvMessage};

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
    pub settings: Settings,
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
            settings: Settings::from(message),
        })
    }
}

/// The settings of a mesh device. What this kernel was built without, or what the algorithm does
/// not have, is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether originator messages are sent together.
    pub aggregated_originator_messages: Option<bool>,
    /// Whether wireless clients are kept apart.
    pub access_point_isolation: Option<bool>,
    /// The firewall mark of isolated clients.
    pub isolation_mark: Option<u32>,
    /// The bits of that mark that count.
    pub isolation_mask: Option<u32>,
    /// Whether packets alternate over several hard interfaces.
    pub bonding: Option<bool>,
    /// Whether bridge loop avoidance is on.
    pub bridge_loop_avoidance: Option<bool>,
    /// Whether the distributed ARP table is on.
    pub distributed_arp_table: Option<bool>,
    /// Whether packets larger than a link are sent in fragments.
    pub fragmentation: Option<bool>,
    /// Whether this node is a gateway, a client of one, or neither.
    pub gateway_mode: Option<GatewayMode>,
    /// The download that this gateway announces.
    pub gateway_download: Option<Throughput>,
    /// The upload that this gateway announces.
    pub gateway_upload: Option<Throughput>,
    /// How much better a gateway must be to be chosen; its unit is the algorithm's.
    pub gateway_selection_class: Option<u32>,
    /// What a packet's metric loses at this node, of 255.
    pub hop_penalty: Option<u8>,
    /// The kinds of debug messages that are logged.
    pub log_level: Option<u32>,
    /// Whether multicast is always flooded.
    pub multicast_forceflood: Option<bool>,
    /// How many receivers a multicast packet is copied for.
    pub multicast_fanout: Option<u32>,
    /// The time between two originator messages.
    pub originator_interval: Option<Duration>,
}

impl From<&BatadvMessage> for Settings {
    fn from(message: &BatadvMessage) -> Self {
        Self {
            aggregated_originator_messages: attribute!(message, AggregatedOgmsEnabled),
            access_point_isolation: attribute!(message, ApIsolationEnabled),
            isolation_mark: attribute!(message, IsolationMark),
            isolation_mask: attribute!(message, IsolationMask),
            bonding: attribute!(message, BondingEnabled),
            bridge_loop_avoidance: attribute!(message, BridgeLoopAvoidanceEnabled),
            distributed_arp_table: attribute!(message, DistributedArpTableEnabled),
            fragmentation: attribute!(message, FragmentationEnabled),
            gateway_mode: attribute!(message, GwMode).map(GatewayMode::from),
            gateway_download: attribute!(message, GwBandwidthDown)
                .map(Throughput::from_hundreds_of_kbit),
            gateway_upload: attribute!(message, GwBandwidthUp)
                .map(Throughput::from_hundreds_of_kbit),
            gateway_selection_class: attribute!(message, GwSelClass),
            hop_penalty: attribute!(message, HopPenalty),
            log_level: attribute!(message, LogLevel),
            multicast_forceflood: attribute!(message, MulticastForcefloodEnabled),
            multicast_fanout: attribute!(message, MulticastFanout),
            originator_interval: attribute!(message, OrigInterval).map(milliseconds),
        }
    }
}

/// Whether a node is a gateway (enum batadv_gw_modes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GatewayMode {
    /// Neither a gateway nor a client of one.
    Off,
    /// Chooses a gateway among those it hears of.
    Client,
    /// Announces itself as a gateway.
    Server,
    /// A number without a name here.
    Other(u8),
}

impl From<u8> for GatewayMode {
    fn from(number: u8) -> Self {
        match number {
            0 => Self::Off,
            1 => Self::Client,
            2 => Self::Server,
            other => Self::Other(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{BatadvAttr, BatadvCmd};

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
        assert_eq!(device.settings, Settings::default());
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
