//! Rows as batctl's JSON queries show them, and names on top.
//!
//! Keys are the kernel's attribute names in small letters, without `BATADV_ATTR_`; only FLAG_BEST is `best`. A flag that is
//! not set is absent. Where an address has a name, a second key that ends in `_name` tells it.

mod flags;
#[cfg(test)]
mod tests;

use std::io::Write as _;

use flags::{CLIENT, LOG_LEVELS, MULTICAST, MULTICAST_PRIVATE, Words};
use netlink_packet_core::DecodeError;

use crate::{
    GatewayMode, MacAddr,
    codec::{Attributes, BatadvAttr as Attr},
    mesh::reply,
};

/// Tells an address's name, if it has one.
pub type Names<'a> = dyn Fn(MacAddr) -> Option<&'a str> + 'a;

/// Appends the attributes of one message as an object. What has no name in this crate is left out.
pub fn write(text: &mut Vec<u8>, attributes: &[Attr], names: &Names<'_>) {
    let mut object = Object::begin(text, names);
    for attribute in attributes {
        object.add(attribute);
    }
    object.end();
}

/// Appends a row as it comes from the kernel, with nothing made of it in between: tables have thousands.
///
/// # Errors
/// If an attribute cannot be read; then nothing is appended.
pub fn write_row(
    text: &mut Vec<u8>,
    attributes: Attributes<'_>,
    names: &Names<'_>,
) -> Result<(), DecodeError> {
    let before = text.len();
    let mut object = Object::begin(text, names);
    for attribute in attributes {
        match attribute {
            Ok(attribute) => object.add(&attribute),
            Err(error) => {
                object.text.truncate(before);
                return Err(error);
            }
        }
    }
    object.end();
    Ok(())
}

/// An object that is being written.
struct Object<'t, 'n> {
    text: &'t mut Vec<u8>,
    names: &'t Names<'n>,
    /// What comes before the next key.
    gap: u8,
}

/// What comes before the first key.
const FIRST: u8 = b'{';

impl<'t, 'n> Object<'t, 'n> {
    fn begin(text: &'t mut Vec<u8>, names: &'t Names<'n>) -> Self {
        Self { text, names, gap: FIRST }
    }

    fn add(&mut self, attribute: &Attr) {
        let Some(label) = label(attribute) else { return };
        self.text.push(self.gap);
        self.text.extend_from_slice(label.as_bytes());
        self.gap = b',';
        let Some(address) = address(attribute) else { return value(self.text, attribute) };
        hardware(self.text, address);
        if let Some(name) = (self.names)(address) {
            let key = attribute.key().unwrap_or_default();
            push(self.text, format_args!(",\"{key}_name\":"));
            quoted(self.text, name);
        }
    }

    fn end(self) {
        let end: &[u8] = if self.gap == FIRST { b"{}" } else { b"}" };
        self.text.extend_from_slice(end);
    }
}

/// A key with its quotes and colon.
fn label(attribute: &Attr) -> Option<&'static str> {
    match attribute {
        Attr::FlagBest => Some("\"best\":"),
        other => other.label(),
    }
}

/// Appends what is seldom told, or short.
fn push(text: &mut Vec<u8>, what: std::fmt::Arguments<'_>) {
    // Memory takes any text.
    let _ = text.write_fmt(what);
}

fn address(attribute: &Attr) -> Option<MacAddr> {
    match attribute {
        Attr::MeshAddress(address)
        | Attr::HardAddress(address)
        | Attr::OrigAddress(address)
        | Attr::TtAddress(address)
        | Attr::NeighAddress(address)
        | Attr::Router(address)
        | Attr::BlaAddress(address)
        | Attr::BlaBackbone(address)
        | Attr::DatCacheHwAddress(address) => Some(*address),
        _ => None,
    }
}

/// Appends an address as text.
fn hardware(text: &mut Vec<u8>, address: MacAddr) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or_default();
    let mut shown = *b"\"00:00:00:00:00:00\"";
    let (_, places) = shown.split_at_mut(1);
    for (place, octet) in places.chunks_exact_mut(3).zip(address.0) {
        if let [high, low, _] = place {
            (*high, *low) = (digit(octet >> 4), digit(octet & 0xf));
        }
    }
    text.extend_from_slice(&shown);
}

/// Appends a number, as `write!` does in several times the time.
fn decimal(text: &mut Vec<u8>, mut number: u32) {
    let mut digits = [b'0'; 10];
    let mut length = 0;
    for place in digits.iter_mut().rev() {
        // The last digit of a number has no other place.
        *place += (number % 10) as u8;
        number /= 10;
        length += 1;
        if number == 0 {
            break;
        }
    }
    let (_, shown) = digits.split_at(digits.len() - length);
    text.extend_from_slice(shown);
}

/// Names are within the kernel's rules nearly always, and then as they are.
fn quoted(text: &mut Vec<u8>, name: &str) {
    if name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\') {
        text.push(b'"');
        text.extend_from_slice(name.as_bytes());
        text.push(b'"');
    } else {
        push(text, format_args!("{}", serde_json::Value::from(name)));
    }
}

fn value(text: &mut Vec<u8>, attribute: &Attr) {
    match attribute {
        Attr::Version(name)
        | Attr::AlgoName(name)
        | Attr::MeshIfname(name)
        | Attr::HardIfname(name) => quoted(text, name),
        Attr::TpmeterResult(number)
        | Attr::TtTtvn(number)
        | Attr::TtLastTtvn(number)
        | Attr::Tq(number)
        | Attr::HopPenalty(number) => decimal(text, u32::from(*number)),
        Attr::BlaCrc(number) => decimal(text, u32::from(*number)),
        Attr::TtVid(tag) | Attr::BlaVid(tag) | Attr::DatCacheVid(tag) => vlan(text, *tag),
        Attr::VlanId(number) => decimal(text, u32::from(number.0)),
        Attr::TpmeterBytes(number) => push(text, format_args!("{number}")),
        Attr::TtFlags(flags) => flagged(text, flags.bits(), CLIENT),
        Attr::McastFlags(flags) => flagged(text, flags.bits(), MULTICAST),
        Attr::McastFlagsPriv(flags) => flagged(text, flags.bits(), MULTICAST_PRIVATE),
        Attr::LogLevel(level) => flagged(text, *level, LOG_LEVELS),
        Attr::DatCacheIp4Address(address) => push(text, format_args!("\"{address}\"")),
        Attr::GwMode(mode) => match GatewayMode::from(*mode) {
            GatewayMode::Other(_) => text.extend_from_slice(b"\"unknown\""),
            mode => push(text, format_args!("\"{mode}\"")),
        },
        other => match number(other) {
            Some(number) => decimal(text, number),
            None => text.extend_from_slice(word(is_on(other))),
        },
    }
}

fn word(is_on: bool) -> &'static [u8] {
    if is_on { b"true" } else { b"false" }
}

fn number(attribute: &Attr) -> Option<u32> {
    match attribute {
        Attr::MeshIfindex(number)
        | Attr::HardIfindex(number)
        | Attr::TpmeterTestTime(number)
        | Attr::TpmeterCookie(number)
        | Attr::TtCrc32(number)
        | Attr::LastSeenMsecs(number)
        | Attr::Throughput(number)
        | Attr::BandwidthUp(number)
        | Attr::BandwidthDown(number)
        | Attr::IsolationMark(number)
        | Attr::IsolationMask(number)
        | Attr::GwBandwidthDown(number)
        | Attr::GwBandwidthUp(number)
        | Attr::GwSelClass(number)
        | Attr::OrigInterval(number)
        | Attr::ElpInterval(number)
        | Attr::ThroughputOverride(number)
        | Attr::MulticastFanout(number) => Some(*number),
        _ => None,
    }
}

/// Switches have a value; flags are there or not.
fn is_on(attribute: &Attr) -> bool {
    match attribute {
        Attr::AggregatedOgmsEnabled(on)
        | Attr::ApIsolationEnabled(on)
        | Attr::BondingEnabled(on)
        | Attr::BridgeLoopAvoidanceEnabled(on)
        | Attr::DistributedArpTableEnabled(on)
        | Attr::FragmentationEnabled(on)
        | Attr::MulticastForcefloodEnabled(on)
        | Attr::NetworkCodingEnabled(on) => *on,
        _ => true,
    }
}

/// Appends the number of a tag; -1 without one.
fn vlan(text: &mut Vec<u8>, tag: u16) {
    match reply::vlan(tag) {
        None => text.extend_from_slice(b"-1"),
        Some(vlan) => decimal(text, u32::from(vlan.number())),
    }
}

fn flagged(text: &mut Vec<u8>, bits: u32, words: Words) {
    text.push(b'{');
    for (name, bit) in words {
        text.push(b'"');
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(if bits & bit == 0 { b"\":false,".as_slice() } else { b"\":true," });
    }
    text.extend_from_slice(b"\"raw\":");
    decimal(text, bits);
    text.push(b'}');
}
