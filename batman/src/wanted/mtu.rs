use std::fmt;

use thiserror::Error;

/// How large a packet a link carries, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mtu(u32);

/// A size that no mesh device can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0} is no MTU of a mesh: {least} to {most} is expected", least = Mtu::LEAST.0, most = Mtu::MOST.0)]
pub struct InvalidMtu(pub u32);

impl Mtu {
    /// IPv6 wants this much of every link (RFC 8200), and a mesh always has IPv6.
    pub const LEAST: Self = Self(1280);

    /// No IP packet is larger. What the hard interfaces can carry, in fragments where these are on, is
    /// for the kernel to tell (`batadv_hardif_min_mtu`), and it refuses more.
    pub const MOST: Self = Self(65_535);

    /// Takes a number of bytes.
    ///
    /// # Errors
    /// One that no mesh device can have.
    pub const fn new(bytes: u32) -> Result<Self, InvalidMtu> {
        if bytes < Self::LEAST.0 || bytes > Self::MOST.0 {
            Err(InvalidMtu(bytes))
        } else {
            Ok(Self(bytes))
        }
    }

    /// Returns the number of bytes.
    pub const fn bytes(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Mtu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
