//! The messages of the routing algorithms as bytes (include/uapi/linux/batadv_packet.h).

use batman::MacAddr;

use crate::checksum;

/// ETH_P_BATMAN.
pub const ETHERTYPE: u16 = 0x4305;

/// BATADV_COMPAT_VERSION: what every batman-adv since 2014 speaks.
pub const VERSION: u8 = 15;

/// BATADV_MAX_AGGREGATION_BYTES: the kernel joins messages up to this length, so a frame of ours is no longer.
pub const FRAME: usize = 512;

/// BATADV_VLAN_HAS_TAG is not set: the clients' packets are untagged.
const UNTAGGED: u16 = 0;

const IV_OGM: u8 = 0x00;
const ELP: u8 = 0x03;
const OGM2: u8 = 0x04;

/// BATADV_TVLV_TT, and its version.
const TABLE: [u8; 2] = [0x04, 1];

/// BATADV_TT_OGM_DIFF.
const DIFFERENCE: u8 = 1;

/// An originator message of B.A.T.M.A.N. IV.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ogm {
    /// How many nodes may still send it on.
    pub ttl: u8,
    /// `enum batadv_iv_flags`.
    pub flags: u8,
    /// Which of the originator's messages it is.
    pub sequence: u32,
    /// Whose message it is.
    pub originator: MacAddr,
    /// Who sent it to the one that sends it now; the originator, if that is one node only.
    pub previous: MacAddr,
    /// The quality of the way so far, of 255.
    pub quality: u8,
    /// What the originator tells beside being there.
    pub tvlv: Vec<u8>,
}

impl Ogm {
    /// BATADV_DIRECTLINK: the sender hears the originator itself, on this link.
    pub const DIRECT: u8 = 1 << 2;

    /// BATADV_OGM_HLEN.
    const HEADER: usize = 24;

    /// Appends the bytes of the message.
    pub fn emit(&self, to: &mut Vec<u8>) {
        to.extend([IV_OGM, VERSION, self.ttl, self.flags]);
        to.extend(self.sequence.to_be_bytes());
        to.extend(self.originator.0);
        to.extend(self.previous.0);
        to.extend([0, self.quality]);
        to.extend(length(&self.tvlv));
        to.extend(&self.tvlv);
    }

    /// Reads a message and what follows it; nothing if there is none.
    pub fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (header, rest) = bytes.split_first_chunk::<{ Self::HEADER }>()?;
        let [kind, version, ttl, flags, s0, s1, s2, s3, rest_of_header @ ..] = *header;
        if (kind, version) != (IV_OGM, VERSION) {
            return None;
        }
        let [a, b, c, d, e, f, g, h, i, j, k, l, _, quality, l0, l1] = rest_of_header;
        let (tvlv, rest) = rest.split_at_checked(u16::from_be_bytes([l0, l1]).into())?;
        let message = Self {
            ttl,
            flags,
            sequence: u32::from_be_bytes([s0, s1, s2, s3]),
            originator: MacAddr([a, b, c, d, e, f]),
            previous: MacAddr([g, h, i, j, k, l]),
            quality,
            tvlv: tvlv.to_vec(),
        };
        Some((message, rest))
    }
}

/// An originator message of B.A.T.M.A.N. V.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ogm2 {
    /// How many nodes may still send it on.
    pub ttl: u8,
    /// Which of the originator's messages it is.
    pub sequence: u32,
    /// Whose message it is.
    pub originator: MacAddr,
    /// The throughput of the way so far, in units of 100 kbit/s.
    pub throughput: u32,
    /// What the originator tells beside being there.
    pub tvlv: Vec<u8>,
}

impl Ogm2 {
    /// Appends the bytes of the message.
    pub fn emit(&self, to: &mut Vec<u8>) {
        to.extend([OGM2, VERSION, self.ttl, 0]);
        to.extend(self.sequence.to_be_bytes());
        to.extend(self.originator.0);
        to.extend(length(&self.tvlv));
        to.extend(self.throughput.to_be_bytes());
        to.extend(&self.tvlv);
    }
}

/// A link probe of B.A.T.M.A.N. V, by which neighbours know each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elp {
    /// Who sends it.
    pub originator: MacAddr,
    /// Which of its probes it is.
    pub sequence: u32,
    /// How long it is until the next, in milliseconds.
    pub interval: u32,
}

impl Elp {
    /// Appends the bytes of the message.
    pub fn emit(&self, to: &mut Vec<u8>) {
        to.extend([ELP, VERSION]);
        to.extend(self.originator.0);
        to.extend(self.sequence.to_be_bytes());
        to.extend(self.interval.to_be_bytes());
    }
}

/// Tells of a translation table's first version: its checksum and every client, so that nobody has to ask. Nothing without clients.
pub fn translation_table(clients: &[MacAddr]) -> Vec<u8> {
    const FIRST: u8 = 1;
    if clients.is_empty() {
        return Vec::new();
    }
    let mut value = vec![DIFFERENCE, FIRST];
    value.extend(1_u16.to_be_bytes());
    value.extend(checksum::table(UNTAGGED, clients.iter().copied()).to_be_bytes());
    value.extend(UNTAGGED.to_be_bytes());
    value.extend([0; 2]);
    for client in clients {
        value.extend([0; 4]);
        value.extend(client.0);
        value.extend(UNTAGGED.to_be_bytes());
    }
    let mut container = TABLE.to_vec();
    container.extend(length(&value));
    container.extend(value);
    container
}

/// Begins a frame to every neighbour.
pub fn broadcast(from: MacAddr) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend(from.0);
    frame.extend(ETHERTYPE.to_be_bytes());
    frame
}

/// Takes the header off a frame of batman-adv; returns who sent it and the messages in it.
pub fn unframed(frame: &[u8]) -> Option<(MacAddr, &[u8])> {
    let (_, rest) = frame.split_first_chunk::<6>()?;
    let (from, rest) = rest.split_first_chunk::<6>()?;
    let (ethertype, messages) = rest.split_first_chunk::<2>()?;
    (*ethertype == ETHERTYPE.to_be_bytes()).then_some((MacAddr(*from), messages))
}

/// A length on the wire. Nothing that is sent here comes near 64 KiB; what does is cut and so refused by its receiver.
fn length(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes()
}
