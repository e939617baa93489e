macro_rules! commands {
    ($($(#[$doc:meta])+ $constant:ident = $number:literal => $variant:ident,)+) => {
        $(const $constant: u8 = $number;)+

        /// A command of the family (enum batadv_nl_commands).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum BatadvCmd {
            $($(#[$doc])+ $variant,)+
            /// A number without a name here.
            Other(u8),
        }

        impl BatadvCmd {
            /// Every command with a name.
            pub const KNOWN: &[Self] = &[$(Self::$variant),+];
        }

        impl From<u8> for BatadvCmd {
            fn from(number: u8) -> Self {
                match number {
                    $($constant => Self::$variant,)+
                    other => Self::Other(other),
                }
            }
        }

        impl From<BatadvCmd> for u8 {
            fn from(command: BatadvCmd) -> Self {
                match command {
                    $(BatadvCmd::$variant => $constant,)+
                    BatadvCmd::Other(number) => number,
                }
            }
        }
    };
}

// include/uapi/linux/batman_adv.h: enum batadv_nl_commands.
commands! {
    /// Reads one mesh device and its settings; open to everyone.
    BATADV_CMD_GET_MESH = 1 => GetMesh,
    /// Starts a throughput measurement.
    BATADV_CMD_TP_METER = 2 => TpMeter,
    /// Ends a throughput measurement.
    BATADV_CMD_TP_METER_CANCEL = 3 => TpMeterCancel,
    /// Dumps the routing algorithms of this kernel.
    BATADV_CMD_GET_ROUTING_ALGOS = 4 => GetRoutingAlgos,
    /// Reads or dumps the hard interfaces of a mesh; open to everyone.
    BATADV_CMD_GET_HARDIF = 5 => GetHardif,
    /// Dumps the clients of this node.
    BATADV_CMD_GET_TRANSTABLE_LOCAL = 6 => GetTranstableLocal,
    /// Dumps the clients of other nodes.
    BATADV_CMD_GET_TRANSTABLE_GLOBAL = 7 => GetTranstableGlobal,
    /// Dumps the originators, one row for each neighbour that leads to one.
    BATADV_CMD_GET_ORIGINATORS = 8 => GetOriginators,
    /// Dumps the neighbours, one row for each hard interface that hears one.
    BATADV_CMD_GET_NEIGHBORS = 9 => GetNeighbors,
    /// Dumps the gateways.
    BATADV_CMD_GET_GATEWAYS = 10 => GetGateways,
    /// Dumps the claims of bridge loop avoidance.
    BATADV_CMD_GET_BLA_CLAIM = 11 => GetBlaClaim,
    /// Dumps the backbones of bridge loop avoidance.
    BATADV_CMD_GET_BLA_BACKBONE = 12 => GetBlaBackbone,
    /// Dumps the cache of the distributed ARP table.
    BATADV_CMD_GET_DAT_CACHE = 13 => GetDatCache,
    /// Dumps the multicast flags of the originators.
    BATADV_CMD_GET_MCAST_FLAGS = 14 => GetMcastFlags,
    /// Changes settings of a mesh; also the name of their notifications.
    BATADV_CMD_SET_MESH = 15 => SetMesh,
    /// Changes settings of a hard interface; also the name of their notifications.
    BATADV_CMD_SET_HARDIF = 16 => SetHardif,
    /// Reads the settings of a VLAN; open to everyone.
    BATADV_CMD_GET_VLAN = 17 => GetVlan,
    /// Changes settings of a VLAN; also the name of their notifications.
    BATADV_CMD_SET_VLAN = 18 => SetVlan,
}
