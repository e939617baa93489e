//! What a node says on a raw link so that its neighbours know where to dial.
//!
//! Unsigned: it proves nothing and is believed in nothing but where to dial. 23 bytes and the mesh's name:
//!
//! ```text
//! 0     magic "mesh"    4  version 1    5  flags (bit 0: has an identity to show)
//! 6     TCP port, big-endian            8  hardware address
//! 14    nonce of this run, big-endian   22 length of the name   23 the name, UTF-8
//! ```

use batman::MacAddr;

const MAGIC: [u8; 4] = *b"mesh";
const VERSION: u8 = 1;
const HAS_IDENTITY: u8 = 1;
const HEADER: usize = 23;

/// No hello is longer: a full header and a name of 63 bytes.
pub const LONGEST: usize = HEADER + 63;

/// A node's hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Which mesh the sender belongs to.
    pub mesh: String,
    /// Where its sessions are taken.
    pub port: u16,
    /// Its hardware address on this link.
    pub mac: MacAddr,
    /// Changes with every start of the sender.
    pub nonce: u64,
    /// It holds an SVID, so that dialling it makes sense.
    pub has_identity: bool,
}

impl Hello {
    /// Writes the hello; a name of more than 63 bytes is cut, and so will match nobody's.
    pub fn encode(&self) -> Vec<u8> {
        let name = self.mesh.as_bytes();
        let name = name.get(..63).unwrap_or(name);
        let mut bytes = Vec::with_capacity(HEADER + name.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[VERSION, if self.has_identity { HAS_IDENTITY } else { 0 }]);
        bytes.extend_from_slice(&self.port.to_be_bytes());
        bytes.extend_from_slice(&self.mac.0);
        bytes.extend_from_slice(&self.nonce.to_be_bytes());
        bytes.push(u8::try_from(name.len()).unwrap_or(63));
        bytes.extend_from_slice(name);
        bytes
    }

    /// Reads a hello; nothing if it is not one of this version. Unknown flags and what follows are ignored.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk::<4>()?;
        let ([version, flags], rest) = rest.split_first_chunk::<2>()?;
        if *magic != MAGIC || *version != VERSION {
            return None;
        }
        let (port, rest) = rest.split_first_chunk::<2>()?;
        let (mac, rest) = rest.split_first_chunk::<6>()?;
        let (nonce, rest) = rest.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first()?;
        let name = rest.get(..usize::from(*length))?;
        Some(Self {
            mesh: std::str::from_utf8(name).ok()?.to_owned(),
            port: u16::from_be_bytes(*port),
            mac: MacAddr(*mac),
            nonce: u64::from_be_bytes(*nonce),
            has_identity: flags & HAS_IDENTITY != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_hello_survives_the_wire(
            mesh in "[a-z.é]{0,30}", port: u16, mac: [u8; 6], nonce: u64, has_identity: bool,
        ) {
            let hello = Hello { mesh, port, mac: MacAddr(mac), nonce, has_identity };

            prop_assert_eq!(Hello::decode(&hello.encode()), Some(hello));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            Hello::decode(&bytes);
        }
    }

    #[test]
    fn a_cut_hello_is_refused() {
        let hello = Hello {
            mesh: "mesh".into(),
            port: 1,
            mac: MacAddr([2; 6]),
            nonce: 3,
            has_identity: true,
        };
        let bytes = hello.encode();

        for cut in 0..bytes.len() {
            assert_eq!(Hello::decode(&bytes[..cut]), None, "{cut}");
        }
    }

    #[test]
    fn another_version_is_refused() {
        let hello = Hello {
            mesh: String::new(),
            port: 1,
            mac: MacAddr([2; 6]),
            nonce: 3,
            has_identity: true,
        };
        let mut bytes = hello.encode();

        bytes[4] = 2;

        assert_eq!(Hello::decode(&bytes), None);
    }
}
