use std::{fmt, time::Duration};

use super::{About, GatewayMode, Kind, LogLevel, Mask, Scope, Value, typed::Typed};
use crate::{
    RoutingAlgorithm, Throughput,
    codec::{BatadvAttr, BatadvMessage},
    mesh::reply::attribute,
};

/// One knob and the value it has or should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Setting {
    /// The knob.
    pub knob: Knob,
    /// Its value.
    pub value: Value,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.knob, self.value)
    }
}

impl fmt::Display for Knob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.about().name)
    }
}

impl Knob {
    /// Returns the kernel's default under an algorithm.
    pub fn default(self, algorithm: RoutingAlgorithm) -> Value {
        match (self, algorithm) {
            // batadv_v_init_sel_class: 5 Mbit/s.
            (Self::GatewayClass, RoutingAlgorithm::BatmanV) => Value::Number(50),
            _ => self.about().default,
        }
    }

    /// Tells whether the kernel takes a value under an algorithm.
    pub fn takes(self, value: Value, algorithm: RoutingAlgorithm) -> bool {
        match (self, algorithm, value) {
            // B.A.T.M.A.N. IV compares qualities of at most 255 (sel_class_max).
            (Self::GatewayClass, RoutingAlgorithm::BatmanIv, Value::Number(class)) => {
                (1..=255).contains(&class)
            }
            _ => self.about().kind.takes(value),
        }
    }
}

macro_rules! knobs {
    ($(
        $(#[$set_doc:meta])+
        $scope:ident $set:ident {
            $(
                #[doc = $sentence:literal]
                $knob:ident $name:literal $field:ident: $type:ty = $attribute:ident;
                $kind:expr, $default:expr, $needs:expr, $source:literal;
            )+
        }
    )+) => {
        /// The name of a setting.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Knob {
            $($(#[doc = $sentence] $knob,)+)+
        }

        impl Knob {
            /// Every knob: those of the mesh device, of hard interfaces, of VLANs.
            pub const ALL: &[Self] = &[$($(Self::$knob),+),+];

            /// Returns all that is said about it.
            pub const fn about(self) -> &'static About {
                match self {
                    $($(Self::$knob => const { &About {
                        name: $name,
                        scope: Scope::$scope,
                        attribute: stringify!($attribute),
                        kind: $kind,
                        default: $default,
                        needs: $needs,
                        sentence: $sentence.trim_ascii(),
                        source: $source,
                    } },)+)+
                }
            }
        }

        impl Setting {
            /// Writes the attribute that carries the setting; nothing if the value is not of the
            /// knob's kind.
            pub fn attribute(&self) -> Option<BatadvAttr> {
                match self.knob {
                    $($(Knob::$knob => {
                        let typed = <$type as Typed>::from_value(self.value)?;
                        Some(BatadvAttr::$attribute(typed.to_kernel()))
                    })+)+
                }
            }
        }

        $(
            $(#[$set_doc])+
            #[derive(Clone, Debug, Default, PartialEq, Eq)]
            pub struct $set {
                $(#[doc = $sentence] pub $field: Option<$type>,)+
            }

            impl $set {
                /// Returns one of them, if it is there.
                pub fn get(&self, knob: Knob) -> Option<Value> {
                    match knob {
                        $(Knob::$knob => self.$field.map(Typed::to_value),)+
                        _ => None,
                    }
                }

                /// Takes a setting over. Tells whether it belongs here and its value is of its kind.
                pub fn set(&mut self, Setting { knob, value }: Setting) -> bool {
                    match knob {
                        $(Knob::$knob => match Typed::from_value(value) {
                            Some(typed) => {
                                self.$field = Some(typed);
                                true
                            }
                            None => false,
                        },)+
                        _ => false,
                    }
                }

                /// Goes through those that are there.
                pub fn iter(&self) -> impl Iterator<Item = Setting> + '_ {
                    const KNOBS: &[Knob] = &[$(Knob::$knob),+];
                    KNOBS.iter().filter_map(|&knob| {
                        self.get(knob).map(|value| Setting { knob, value })
                    })
                }
            }

            impl From<&BatadvMessage> for $set {
                fn from(message: &BatadvMessage) -> Self {
                    Self {
                        $($field: attribute!(message, $attribute).map(Typed::from_kernel),)+
                    }
                }
            }
        )+
    };
}

const OFF: Value = Value::Switch(false);
const ON: Value = Value::Switch(true);
const ANY_U8: Kind = Kind::Number { least: 0, most: 255 };

/// Longer intervals than this are a mistake: the kernel forgets a silent originator after 200 s.
const LONGEST: Duration = Duration::from_secs(180);

const fn rate(kbit: u64) -> Value {
    Value::Rate(Throughput::from_kbit(kbit))
}

const fn interval(least: u64) -> Kind {
    Kind::Time { least: Duration::from_millis(least), most: LONGEST }
}

const fn time(milliseconds: u64) -> Value {
    Value::Time(Duration::from_millis(milliseconds))
}

knobs! {
    /// The settings of a mesh device. Of what was seen, what this kernel was built without or what
    /// the algorithm does not have is absent; of what is wanted, what is left to the kernel.
    Mesh MeshSettings {
        /// Whether originator messages are sent together, several in one packet.
        Aggregation "aggregation" aggregation: bool = AggregatedOgmsEnabled;
        Kind::Switch, ON, None, "bat_iv_ogm.c, bat_v_ogm.c: aggregated_ogms";
        /// Whether wireless clients of this mesh are kept from reaching each other.
        ApIsolation "ap_isolation" ap_isolation: bool = ApIsolationEnabled;
        Kind::Switch, OFF, None, "translation-table.c: batadv_vlan_ap_isola_get";
        /// The firewall mark by which packets of isolated clients are known.
        IsolationMark "isolation_mark" isolation_mark: Mask = IsolationMark;
        Kind::Mask, Value::Mask(Mask(0)), None, "mesh-interface.c: isolation_mark";
        /// The bits of the firewall mark that count; with none of them no client is isolated by mark.
        IsolationMask "isolation_mask" isolation_mask: Mask = IsolationMask;
        Kind::Mask, Value::Mask(Mask(0)), None, "mesh-interface.c: isolation_mark_mask";
        /// Whether packets alternate over several hard interfaces to the same neighbour.
        Bonding "bonding" bonding: bool = BondingEnabled;
        Kind::Switch, OFF, None, "routing.c: batadv_find_router";
        /// Whether loops through a LAN that is bridged to the mesh at two nodes are kept from forming.
        BridgeLoopAvoidance "bridge_loop_avoidance" bridge_loop_avoidance: bool = BridgeLoopAvoidanceEnabled;
        Kind::Switch, ON, Some("CONFIG_BATMAN_ADV_BLA"), "bridge_loop_avoidance.c: batadv_bla_status_update";
        /// Whether ARP is answered out of a table that the nodes share, instead of being flooded.
        DistributedArpTable "distributed_arp_table" distributed_arp_table: bool = DistributedArpTableEnabled;
        Kind::Switch, ON, Some("CONFIG_BATMAN_ADV_DAT"), "distributed-arp-table.c: batadv_dat_status_update";
        /// Whether packets larger than a link are sent in fragments; without it the mesh device's MTU shrinks and stays so.
        Fragmentation "fragmentation" fragmentation: bool = FragmentationEnabled;
        Kind::Switch, ON, None, "hard-interface.c: batadv_hardif_min_mtu";
        /// Whether this node is a gateway, chooses one, or neither.
        GatewayMode "gateway_mode" gateway_mode: GatewayMode = GwMode;
        Kind::Gateway, Value::Gateway(GatewayMode::Off), None, "gateway_client.c: batadv_gw_election";
        /// The download that this gateway announces.
        GatewayDownload "gateway_download" gateway_download: Throughput = GwBandwidthDown;
        Kind::Rate { least: Throughput::from_kbit(100) }, rate(10_000), None, "gateway_common.c: batadv_gw_tvlv_container_update";
        /// The upload that this gateway announces.
        GatewayUpload "gateway_upload" gateway_upload: Throughput = GwBandwidthUp;
        Kind::Rate { least: Throughput::from_kbit(100) }, rate(2_000), None, "gateway_common.c: batadv_gw_tvlv_container_update";
        /// How much better another gateway must be to be chosen: of 255 under B.A.T.M.A.N. IV, where 1 weighs bandwidth too, and in units of 100 kbit/s under V (default 50).
        GatewayClass "gateway_class" gateway_class: u32 = GwSelClass;
        Kind::Number { least: 1, most: u32::MAX }, Value::Number(20), None, "bat_iv_ogm.c, bat_v.c: sel_class";
        /// What a path loses in quality at this node, of 255; 255 keeps the node from carrying others' traffic.
        HopPenalty "hop_penalty" hop_penalty: u8 = HopPenalty;
        ANY_U8, Value::Number(30), None, "bat_iv_ogm.c: batadv_hop_penalty, bat_v_ogm.c: batadv_v_forward_penalty";
        /// The kinds of debug messages that the kernel writes to its trace buffer.
        LogLevel "log_level" log_level: LogLevel = LogLevel;
        Kind::Log, Value::Log(LogLevel(0)), Some("CONFIG_BATMAN_ADV_DEBUG"), "log.h: batadv_dbg";
        /// Whether multicast is flooded always, instead of being sent only where it is wanted.
        MulticastForceflood "multicast_forceflood" multicast_forceflood: bool = MulticastForcefloodEnabled;
        Kind::Switch, OFF, Some("CONFIG_BATMAN_ADV_MCAST"), "multicast.c: batadv_mcast_forw_mode";
        /// How many receivers a multicast packet is copied for before it is flooded instead.
        MulticastFanout "multicast_fanout" multicast_fanout: u32 = MulticastFanout;
        Kind::Number { least: 0, most: u32::MAX }, Value::Number(16), Some("CONFIG_BATMAN_ADV_MCAST"), "multicast.c: batadv_mcast_forw_mode";
        /// The time between two originator messages of this node.
        OriginatorInterval "originator_interval" originator_interval: Duration = OrigInterval;
        interval(40), time(1_000), None, "bat_iv_ogm.c: batadv_iv_ogm_emit_send_time, bat_v_ogm.c: batadv_v_ogm_start_timer";
    }

    /// The settings of a hard interface; absent means the same as in [`MeshSettings`].
    HardInterface InterfaceSettings {
        /// What a path loses in quality over this hard interface, of 255, beside what it loses at the node.
        InterfaceHopPenalty "hop_penalty" hop_penalty: u8 = HopPenalty;
        ANY_U8, Value::Number(0), None, "bat_iv_ogm.c: batadv_iv_ogm_calc_tq, bat_v_ogm.c: batadv_v_forward_penalty";
        /// The time between two link probes of B.A.T.M.A.N. V.
        ElpInterval "elp_interval" elp_interval: Duration = ElpInterval;
        interval(20), time(500), Some("CONFIG_BATMAN_ADV_BATMAN_V"), "bat_v_elp.c: batadv_v_elp_start_timer";
        /// What B.A.T.M.A.N. V takes the link's throughput for; none leaves it to the kernel, which asks the driver and takes 1 Mbit/s where there is no answer.
        ThroughputOverride "throughput_override" throughput_override: Throughput = ThroughputOverride;
        Kind::Rate { least: Throughput::from_kbit(0) }, rate(0), Some("CONFIG_BATMAN_ADV_BATMAN_V"), "bat_v_elp.c: batadv_v_elp_get_throughput";
    }

    /// The settings of a VLAN; absent means the same as in [`MeshSettings`].
    Vlan VlanSettings {
        /// Whether wireless clients of this VLAN are kept from reaching each other.
        VlanApIsolation "ap_isolation" ap_isolation: bool = ApIsolationEnabled;
        Kind::Switch, OFF, None, "translation-table.c: batadv_vlan_ap_isola_get";
    }
}
