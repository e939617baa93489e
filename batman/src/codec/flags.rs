use std::{
    fmt,
    ops::{BitAnd, BitOr, BitOrAssign},
};

use netlink_packet_core::{DecodeError, emit_u32, parse_u32};

use super::value::Value;

macro_rules! flags {
    ($(
        $(#[$doc:meta])+
        $set:ident {
            $($(#[$flag_doc:meta])+ $flag:ident = $word:literal = $bit:literal,)+
        }
    )+) => {$(
        $(#[$doc])+
        ///
        /// Bits without a name here are kept.
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
        pub struct $set(u32);

        impl $set {
            $($(#[$flag_doc])+ pub const $flag: Self = Self(1 << $bit);)+

            /// Every flag with a name, and its name.
            pub const NAMED: &[(Self, &str)] = &[$((Self::$flag, $word)),+];

            /// Takes the kernel's number.
            pub const fn from_bits(bits: u32) -> Self {
                Self(bits)
            }

            /// Returns the kernel's number.
            pub const fn bits(self) -> u32 {
                self.0
            }

            /// Tells whether all of these flags are set.
            pub const fn contains(self, flags: Self) -> bool {
                self.0 & flags.0 == flags.0
            }

            /// Tells whether no bit is set.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// Returns the bits that have no name here.
            pub const fn unknown(self) -> u32 {
                self.0 $(& !Self::$flag.0)+
            }
        }

        impl BitOr for $set {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        impl BitOrAssign for $set {
            fn bitor_assign(&mut self, other: Self) {
                self.0 |= other.0;
            }
        }

        impl BitAnd for $set {
            type Output = Self;

            fn bitand(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
        }

        impl fmt::Debug for $set {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let named = Self::NAMED.iter().filter(|(flag, _)| self.contains(*flag));
                let mut words = f.debug_set();
                words.entries(named.map(|(_, word)| word));
                if self.unknown() != 0 {
                    words.entry(&format_args!("{:#x}", self.unknown()));
                }
                words.finish()
            }
        }

        impl Value for $set {
            fn len(&self) -> usize {
                size_of::<u32>()
            }

            fn emit(&self, buffer: &mut [u8]) {
                emit_u32(buffer, self.0).expect("the buffer is as long as `len` says");
            }

            fn parse(payload: &[u8]) -> Result<Self, DecodeError> {
                parse_u32(payload).map(Self)
            }
        }
    )+};
}

flags! {
    /// What is said of a client in the translation tables (enum batadv_tt_client_flags in
    /// include/uapi/linux/batadv_packet.h). The low eight bits travel between nodes, the others
    /// stay on this one.
    TtFlags {
        /// The client is being taken from the table.
        DELETED = "deleted" = 0,
        /// The client moved to another node and is being redirected.
        ROAMED = "roamed" = 1,
        /// The client is connected over Wi-Fi.
        WIFI = "wifi" = 4,
        /// The client carries the isolation mark.
        ISOLATED = "isolated" = 5,
        /// The client stays however long it is silent: the mesh device's own address.
        PERMANENT = "permanent" = 8,
        /// The client has not been announced yet.
        NEW = "new" = 9,
        /// The client is kept until its removal has been announced.
        PENDING = "pending" = 10,
        /// The client was taken from a packet and is not confirmed by its node yet.
        TEMPORARY = "temporary" = 11,
    }

    /// Which multicast a node asks for (enum batadv_mcast_flags in
    /// include/uapi/linux/batadv_packet.h).
    McastFlags {
        /// It wants all packets to groups that snooping cannot cover: 224.0.0.0/24 and ff02::1.
        WANT_ALL_UNSNOOPABLES = "all unsnoopables" = 0,
        /// It wants all IPv4 multicast.
        WANT_ALL_IPV4 = "all IPv4" = 1,
        /// It wants all IPv6 multicast.
        WANT_ALL_IPV6 = "all IPv6" = 2,
        /// It has no IPv4 multicast router and wants no routable IPv4 multicast for one.
        WANT_NO_RTR4 = "no IPv4 router" = 3,
        /// It has no IPv6 multicast router and wants no routable IPv6 multicast for one.
        WANT_NO_RTR6 = "no IPv6 router" = 4,
        /// It can take packets that are addressed to several nodes at once.
        HAVE_MC_PTYPE_CAPA = "multicast packets" = 5,
    }

    /// What a node knows of multicast on its bridge (enum batadv_mcast_flags_priv in
    /// include/uapi/linux/batman_adv.h).
    McastFlagsPriv {
        /// The mesh device is a port of a bridge.
        BRIDGED = "bridged" = 0,
        /// Somebody queries for IPv4 groups.
        QUERIER_IPV4_EXISTS = "IPv4 querier" = 1,
        /// Somebody queries for IPv6 groups.
        QUERIER_IPV6_EXISTS = "IPv6 querier" = 2,
        /// The IPv4 querier is behind this node's bridge.
        QUERIER_IPV4_SHADOWING = "IPv4 querier on the bridge" = 3,
        /// The IPv6 querier is behind this node's bridge.
        QUERIER_IPV6_SHADOWING = "IPv6 querier on the bridge" = 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_have_the_kernels_numbers() {
        let bits = |named: &[(TtFlags, &str)]| named.iter().map(|it| it.0.bits()).collect();
        let client: Vec<_> = bits(TtFlags::NAMED);

        assert_eq!(client, [1, 2, 16, 32, 256, 512, 1024, 2048]);
        assert_eq!(McastFlags::HAVE_MC_PTYPE_CAPA.bits(), 32);
        assert_eq!(McastFlagsPriv::QUERIER_IPV6_SHADOWING.bits(), 16);
    }

    #[test]
    fn unknown_bits_are_kept_and_told_as_a_number() {
        let flags = TtFlags::from_bits(0x8000_0010);

        assert!(flags.contains(TtFlags::WIFI) && !flags.contains(TtFlags::WIFI | TtFlags::NEW));
        assert_eq!((flags.bits(), flags.unknown()), (0x8000_0010, 0x8000_0000));
        assert_eq!(format!("{flags:?}"), r#"{"wifi", 0x80000000}"#);
        assert!(TtFlags::default().is_empty());
    }
}
