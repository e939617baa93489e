use std::net::Ipv4Addr;

use netlink_packet_core::{DecodeError, DefaultNla, ErrorContext, Nla, NlaBuffer, Parseable};

use super::value::Value;
pub use super::value::VlanNumber;
use super::{McastFlags, McastFlagsPriv, TtFlags};
use crate::names::MacAddr;

/// What the kernel's names begin with.
const BEGINNING: &str = "BATADV_ATTR_";

/// A name's key with its quotes and colon, made by the compiler: rows come by the thousand.
macro_rules! label {
    ($constant:ident) => {{
        const NAME: &[u8] = stringify!($constant).as_bytes();
        const LABEL: [u8; NAME.len() - BEGINNING.len() + AROUND] = quoted(NAME);
        const TEXT: Option<&str> = text(&LABEL);
        TEXT
    }};
}

/// Two quotes and a colon.
const AROUND: usize = 3;

#[expect(
    clippy::indexing_slicing,
    reason = "the compiler runs it, and refuses what is out of bounds"
)]
const fn quoted<const N: usize>(name: &[u8]) -> [u8; N] {
    let mut label = [b'"'; N];
    let mut at = BEGINNING.len();
    while at < name.len() {
        label[at - BEGINNING.len() + 1] = name[at].to_ascii_lowercase();
        at += 1;
    }
    label[N - 1] = b':';
    label
}

const fn text(label: &'static [u8]) -> Option<&'static str> {
    match str::from_utf8(label) {
        Ok(text) => Some(text),
        Err(_) => None,
    }
}

macro_rules! attributes {
    (
        values { $($(#[$doc:meta])+ $constant:ident = $number:literal => $variant:ident($value:ty),)+ }
        flags { $($(#[$flag_doc:meta])+ $flag_constant:ident = $flag_number:literal => $flag:ident,)+ }
    ) => {
        $(const $constant: u16 = $number;)+
        $(const $flag_constant: u16 = $flag_number;)+

        /// An attribute of the family (enum batadv_nl_attrs). A flag that is not set is absent.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum BatadvAttr {
            $($(#[$doc])+ $variant($value),)+
            $($(#[$flag_doc])+ $flag,)+
            /// An attribute without a name here, as it came.
            Other(DefaultNla),
        }

        impl BatadvAttr {
            /// The kernel's names of all that have one here, values first, then flags.
            pub const NAMES: &[&str] =
                &[$(stringify!($constant),)+ $(stringify!($flag_constant),)+];

            /// Returns the kernel's name, which begins with `BATADV_ATTR_`.
            pub fn name(&self) -> Option<&'static str> {
                match self {
                    $(Self::$variant(_) => Some(stringify!($constant)),)+
                    $(Self::$flag => Some(stringify!($flag_constant)),)+
                    Self::Other(_) => None,
                }
            }

            /// Returns the key under which batctl's JSON has it: the kernel's name in small letters, without its beginning.
            pub fn key(&self) -> Option<&'static str> {
                Some(self.label()?.trim_end_matches(':').trim_matches('"'))
            }

            /// Returns the key as JSON has it before a value.
            pub(crate) fn label(&self) -> Option<&'static str> {
                match self {
                    $(Self::$variant(_) => label!($constant),)+
                    $(Self::$flag => label!($flag_constant),)+
                    Self::Other(_) => None,
                }
            }
        }

        impl Nla for BatadvAttr {
            fn value_len(&self) -> usize {
                match self {
                    $(Self::$variant(value) => Value::len(value),)+
                    $(Self::$flag => 0,)+
                    Self::Other(nla) => nla.value_len(),
                }
            }

            fn kind(&self) -> u16 {
                match self {
                    $(Self::$variant(_) => $constant,)+
                    $(Self::$flag => $flag_constant,)+
                    Self::Other(nla) => nla.kind(),
                }
            }

            fn emit_value(&self, buffer: &mut [u8]) {
                match self {
                    $(Self::$variant(value) => Value::emit(value, buffer),)+
                    $(Self::$flag => {})+
                    Self::Other(nla) => nla.emit_value(buffer),
                }
            }
        }

        impl<'a, T: AsRef<[u8]> + ?Sized> Parseable<NlaBuffer<&'a T>> for BatadvAttr {
            fn parse(buf: &NlaBuffer<&'a T>) -> Result<Self, DecodeError> {
                Ok(match buf.kind() {
                    $($constant => Self::$variant(
                        Value::parse(buf.value())
                            .context(concat!("invalid ", stringify!($constant), " value"))?,
                    ),)+
                    $($flag_constant => Self::$flag,)+
                    _ => Self::Other(unknown(buf)?),
                })
            }
        }
    };
}

// include/uapi/linux/batman_adv.h: enum batadv_nl_attrs. Padding (14) stays `Other`.
attributes! {
    values {
        /// The module's version, or the running kernel's release since 2024.
        BATADV_ATTR_VERSION = 1 => Version(String),
        /// The routing algorithm's name.
        BATADV_ATTR_ALGO_NAME = 2 => AlgoName(String),
        /// The mesh device's index.
        BATADV_ATTR_MESH_IFINDEX = 3 => MeshIfindex(u32),
        /// The mesh device's name.
        BATADV_ATTR_MESH_IFNAME = 4 => MeshIfname(String),
        /// The mesh device's hardware address.
        BATADV_ATTR_MESH_ADDRESS = 5 => MeshAddress(MacAddr),
        /// A hard interface's index.
        BATADV_ATTR_HARD_IFINDEX = 6 => HardIfindex(u32),
        /// A hard interface's name.
        BATADV_ATTR_HARD_IFNAME = 7 => HardIfname(String),
        /// A hard interface's hardware address.
        BATADV_ATTR_HARD_ADDRESS = 8 => HardAddress(MacAddr),
        /// An originator's address.
        BATADV_ATTR_ORIG_ADDRESS = 9 => OrigAddress(MacAddr),
        /// How a throughput measurement ended.
        BATADV_ATTR_TPMETER_RESULT = 10 => TpmeterResult(u8),
        /// How long a throughput measurement takes or took, in milliseconds.
        BATADV_ATTR_TPMETER_TEST_TIME = 11 => TpmeterTestTime(u32),
        /// The bytes that a throughput measurement carried.
        BATADV_ATTR_TPMETER_BYTES = 12 => TpmeterBytes(u64),
        /// The number by which a throughput measurement is known.
        BATADV_ATTR_TPMETER_COOKIE = 13 => TpmeterCookie(u32),
        /// A client's address.
        BATADV_ATTR_TT_ADDRESS = 16 => TtAddress(MacAddr),
        /// The translation table's version.
        BATADV_ATTR_TT_TTVN = 17 => TtTtvn(u8),
        /// The translation table's version when a client was last announced.
        BATADV_ATTR_TT_LAST_TTVN = 18 => TtLastTtvn(u8),
        /// The translation table's checksum.
        BATADV_ATTR_TT_CRC32 = 19 => TtCrc32(u32),
        /// A client's VLAN.
        BATADV_ATTR_TT_VID = 20 => TtVid(u16),
        /// A client's flags.
        BATADV_ATTR_TT_FLAGS = 21 => TtFlags(TtFlags),
        /// The age of a row, in milliseconds.
        BATADV_ATTR_LAST_SEEN_MSECS = 23 => LastSeenMsecs(u32),
        /// A neighbour's address.
        BATADV_ATTR_NEIGH_ADDRESS = 24 => NeighAddress(MacAddr),
        /// Transmit quality, of 255; B.A.T.M.A.N. IV only.
        BATADV_ATTR_TQ = 25 => Tq(u8),
        /// Throughput in kbit/s, but in 100 kbit/s in the rows of gateways; B.A.T.M.A.N. V only.
        BATADV_ATTR_THROUGHPUT = 26 => Throughput(u32),
        /// A gateway's upload, in units of 100 kbit/s.
        BATADV_ATTR_BANDWIDTH_UP = 27 => BandwidthUp(u32),
        /// A gateway's download, in units of 100 kbit/s.
        BATADV_ATTR_BANDWIDTH_DOWN = 28 => BandwidthDown(u32),
        /// The neighbour that leads to a gateway.
        BATADV_ATTR_ROUTER = 29 => Router(MacAddr),
        /// A client under bridge loop avoidance.
        BATADV_ATTR_BLA_ADDRESS = 31 => BlaAddress(MacAddr),
        /// A VLAN under bridge loop avoidance.
        BATADV_ATTR_BLA_VID = 32 => BlaVid(u16),
        /// A backbone of bridge loop avoidance.
        BATADV_ATTR_BLA_BACKBONE = 33 => BlaBackbone(MacAddr),
        /// The checksum of a backbone's claims.
        BATADV_ATTR_BLA_CRC = 34 => BlaCrc(u16),
        /// A cached address of the distributed ARP table.
        BATADV_ATTR_DAT_CACHE_IP4ADDRESS = 35 => DatCacheIp4Address(Ipv4Addr),
        /// The hardware address to a cached address.
        BATADV_ATTR_DAT_CACHE_HWADDRESS = 36 => DatCacheHwAddress(MacAddr),
        /// The VLAN of a cached address.
        BATADV_ATTR_DAT_CACHE_VID = 37 => DatCacheVid(u16),
        /// Multicast flags.
        BATADV_ATTR_MCAST_FLAGS = 38 => McastFlags(McastFlags),
        /// Multicast flags that stay on this node.
        BATADV_ATTR_MCAST_FLAGS_PRIV = 39 => McastFlagsPriv(McastFlagsPriv),
        /// A VLAN of the mesh device.
        BATADV_ATTR_VLANID = 40 => VlanId(VlanNumber),
        /// Whether originator messages are sent together.
        BATADV_ATTR_AGGREGATED_OGMS_ENABLED = 41 => AggregatedOgmsEnabled(bool),
        /// Whether wireless clients are kept apart.
        BATADV_ATTR_AP_ISOLATION_ENABLED = 42 => ApIsolationEnabled(bool),
        /// The firewall mark of isolated clients.
        BATADV_ATTR_ISOLATION_MARK = 43 => IsolationMark(u32),
        /// The bits of that mark that count.
        BATADV_ATTR_ISOLATION_MASK = 44 => IsolationMask(u32),
        /// Whether packets alternate over several hard interfaces.
        BATADV_ATTR_BONDING_ENABLED = 45 => BondingEnabled(bool),
        /// Whether bridge loop avoidance is on.
        BATADV_ATTR_BRIDGE_LOOP_AVOIDANCE_ENABLED = 46 => BridgeLoopAvoidanceEnabled(bool),
        /// Whether the distributed ARP table is on.
        BATADV_ATTR_DISTRIBUTED_ARP_TABLE_ENABLED = 47 => DistributedArpTableEnabled(bool),
        /// Whether packets larger than a link are sent in fragments.
        BATADV_ATTR_FRAGMENTATION_ENABLED = 48 => FragmentationEnabled(bool),
        /// The download that this gateway announces, in units of 100 kbit/s.
        BATADV_ATTR_GW_BANDWIDTH_DOWN = 49 => GwBandwidthDown(u32),
        /// The upload that this gateway announces, in units of 100 kbit/s.
        BATADV_ATTR_GW_BANDWIDTH_UP = 50 => GwBandwidthUp(u32),
        /// Whether this node is a gateway's client (1), a gateway (2) or neither (0).
        BATADV_ATTR_GW_MODE = 51 => GwMode(u8),
        /// How much better a gateway must be to be chosen.
        BATADV_ATTR_GW_SEL_CLASS = 52 => GwSelClass(u32),
        /// What a packet's metric loses at this node, of 255.
        BATADV_ATTR_HOP_PENALTY = 53 => HopPenalty(u8),
        /// The kinds of debug messages that are logged.
        BATADV_ATTR_LOG_LEVEL = 54 => LogLevel(u32),
        /// Whether multicast is always flooded.
        BATADV_ATTR_MULTICAST_FORCEFLOOD_ENABLED = 55 => MulticastForcefloodEnabled(bool),
        /// Whether network coding is on; no kernel has it since 2025.
        BATADV_ATTR_NETWORK_CODING_ENABLED = 56 => NetworkCodingEnabled(bool),
        /// The time between two originator messages, in milliseconds.
        BATADV_ATTR_ORIG_INTERVAL = 57 => OrigInterval(u32),
        /// The time between two link probes of B.A.T.M.A.N. V, in milliseconds.
        BATADV_ATTR_ELP_INTERVAL = 58 => ElpInterval(u32),
        /// A hard interface's throughput in units of 100 kbit/s; 0 leaves it to the kernel.
        BATADV_ATTR_THROUGHPUT_OVERRIDE = 59 => ThroughputOverride(u32),
        /// How many receivers a multicast packet is copied for.
        BATADV_ATTR_MULTICAST_FANOUT = 60 => MulticastFanout(u32),
    }
    flags {
        /// The hard interface carries the mesh.
        BATADV_ATTR_ACTIVE = 15 => Active,
        /// The row is the one in use.
        BATADV_ATTR_FLAG_BEST = 22 => FlagBest,
        /// The row is this node's own.
        BATADV_ATTR_BLA_OWN = 30 => BlaOwn,
    }
}

/// Keeps an attribute as it came. Its two flags exclude each other (struct nlattr in
/// include/uapi/linux/netlink.h).
fn unknown<T: AsRef<[u8]> + ?Sized>(buf: &NlaBuffer<&T>) -> Result<DefaultNla, DecodeError> {
    if buf.nested_flag() && buf.network_byte_order_flag() {
        return Err(format!("attribute {} is both nested and in network order", buf.kind()).into());
    }
    DefaultNla::parse(buf)
}
