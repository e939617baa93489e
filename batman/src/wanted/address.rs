use std::{fmt, net::IpAddr, net::Ipv6Addr, str::FromStr};

use thiserror::Error;

use crate::MacAddr;

/// An address of a link and the length of its network's prefix, written `10.0.0.1/24`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    ip: IpAddr,
    prefix: u8,
}

impl Address {
    /// Joins an address and the length of its network's prefix; nothing if that is too long.
    pub fn new(ip: IpAddr, prefix: u8) -> Option<Self> {
        let longest = if ip.is_ipv4() { 32 } else { 128 };
        (prefix <= longest).then_some(Self { ip, prefix })
    }

    /// Returns the link-local address that belongs to a hardware address (RFC 4291, appendix A).
    pub fn link_local(MacAddr([a, b, c, d, e, f]): MacAddr) -> Self {
        let word = |high, low| u16::from_be_bytes([high, low]);
        let ip = Ipv6Addr::new(
            0xfe80,
            0,
            0,
            0,
            word(a ^ 0x02, b),
            word(c, 0xff),
            word(0xfe, d),
            word(e, f),
        );
        Self { ip: ip.into(), prefix: 64 }
    }

    /// Returns the address.
    pub fn ip(self) -> IpAddr {
        self.ip
    }

    /// Returns the length of the prefix.
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// Tells whether the kernel refuses this address beside another on one link: in IPv6 an address
    /// has one prefix (`ipv6_chk_same_addr` in net/ipv6/addrconf.c).
    pub fn excludes(self, other: Self) -> bool {
        self.ip.is_ipv6() && self.ip == other.ip && self.prefix != other.prefix
    }

    /// Tells whether it holds on one link only, by itself on each.
    pub fn is_link_local(self) -> bool {
        matches!(self.ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is no address of a link.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidAddress {
    /// It is not an address, a slash and a length.
    #[error("{0:?} is no address with its prefix's length, such as 10.0.0.1/24 or fd00::1/64")]
    Shape(String),
    /// No host can have it.
    #[error("{0} is no address of one host")]
    NoHost(Address),
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('/');
        let parsed = parts.and_then(|(ip, prefix)| {
            let prefix = prefix.parse().ok().filter(|_| !prefix.starts_with('+'))?;
            Self::new(ip.parse().ok()?, prefix)
        });
        let address = parsed.ok_or_else(|| InvalidAddress::Shape(text.to_owned()))?;
        let ip = address.ip;
        let is_broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
        if ip.is_unspecified() || ip.is_multicast() || ip.is_loopback() || is_broadcast {
            return Err(InvalidAddress::NoHost(address));
        }
        Ok(address)
    }
}
