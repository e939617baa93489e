//! How the kernel names links: by name, by index, by hardware address.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// A 48-bit hardware address, written `02:00:00:00:00:01`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr(pub [u8; 6]);

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is not six pairs of hexadecimal digits joined by colons.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is no hardware address: six pairs of hexadecimal digits joined by ':' are expected")]
pub struct InvalidMacAddr(pub String);

impl FromStr for MacAddr {
    type Err = InvalidMacAddr;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidMacAddr(text.to_owned());
        let mut octets = [0; 6];
        let mut pairs = text.split(':');
        for octet in &mut octets {
            *octet = pairs.next().and_then(octet_from_hex).ok_or_else(invalid)?;
        }
        if pairs.next().is_some() { Err(invalid()) } else { Ok(Self(octets)) }
    }
}

fn octet_from_hex(pair: &str) -> Option<u8> {
    let digits_only = pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit());
    digits_only.then(|| u8::from_str_radix(pair, 16).ok()).flatten()
}

/// The number by which the kernel knows a link for as long as it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IfIndex(pub u32);

impl fmt::Display for IfIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// A link's name, within the kernel's rules.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IfName(String);

impl IfName {
    /// IFNAMSIZ is 16 with its terminating NUL (include/uapi/linux/if.h).
    pub const MAX: usize = 15;

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IfName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for IfName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Why a text cannot be a link's name (`dev_valid_name` in net/core/dev.c).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidIfName {
    /// There is no text.
    #[error("a link's name cannot be empty")]
    Empty,
    /// The kernel keeps at most 15 bytes.
    #[error("{name:?} has {length} bytes, a link's name at most {max}", length = name.len(), max = IfName::MAX)]
    TooLong {
        /// The text as given.
        name: String,
    },
    /// `.` and `..` would be directories in sysfs.
    #[error("{name:?} cannot be a link's name")]
    Reserved {
        /// The text as given.
        name: String,
    },
    /// A slash, a colon, white space or NUL.
    #[error("{name:?} holds {character:?}, which a link's name cannot")]
    Forbidden {
        /// The text as given.
        name: String,
        /// The first character that the kernel refuses.
        character: char,
    },
}

impl FromStr for IfName {
    type Err = InvalidIfName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = || text.to_owned();
        if text.is_empty() {
            return Err(InvalidIfName::Empty);
        }
        if text.len() > Self::MAX {
            return Err(InvalidIfName::TooLong { name: name() });
        }
        if matches!(text, "." | "..") {
            return Err(InvalidIfName::Reserved { name: name() });
        }
        match text.chars().find(|&c| is_forbidden(c)) {
            Some(character) => Err(InvalidIfName::Forbidden { name: name(), character }),
            None => Ok(Self(name())),
        }
    }
}

fn is_forbidden(character: char) -> bool {
    // Control characters the kernel would take; a log or a shell would not.
    matches!(character, '/' | ':') || character.is_whitespace() || character.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_address_reads_what_it_writes() {
        let address: MacAddr = "02:0A:00:ff:10:01".parse().unwrap();

        assert_eq!(address.to_string(), "02:0a:00:ff:10:01");
        assert_eq!(address.to_string().parse(), Ok(address));
    }

    #[test]
    fn hardware_address_refuses_anything_else() {
        for text in [
            "",
            "02:00:00:00:00",
            "02:00:00:00:00:01:02",
            "2:0:0:0:0:1",
            "02:00:00:00:00:+1",
            "0200.0000.0001",
        ] {
            assert_eq!(text.parse::<MacAddr>(), Err(InvalidMacAddr(text.to_owned())));
        }
    }

    #[test]
    fn link_name_follows_the_kernels_rules() {
        for text in ["bat0", "eth0.100", "wlan0-mesh_ap", "..."] {
            assert_eq!(text.parse::<IfName>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn link_name_says_why_it_is_refused() {
        let refusals = [
            ("", "a link's name cannot be empty"),
            ("sixteen-bytes-16", "\"sixteen-bytes-16\" has 16 bytes, a link's name at most 15"),
            ("..", "\"..\" cannot be a link's name"),
            ("a/b", "\"a/b\" holds '/', which a link's name cannot"),
            ("eth0:1", "\"eth0:1\" holds ':', which a link's name cannot"),
            ("a b", "\"a b\" holds ' ', which a link's name cannot"),
            ("a\0", "\"a\\0\" holds '\\0', which a link's name cannot"),
        ];

        for (text, reason) in refusals {
            assert_eq!(text.parse::<IfName>().unwrap_err().to_string(), reason);
        }
    }
}
