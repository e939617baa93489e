//! Rows as batctl's JSON queries show them, and names on top.
//!
//! Keys are the kernel's attribute names in small letters, without `BATADV_ATTR_`; only FLAG_BEST is `best`. A flag that is
//! not set is absent. Where an address has a name, a second key that ends in `_name` tells it.

use std::fmt::Write as _;

use netlink_packet_core::DecodeError;

use crate::{
    GatewayMode, MacAddr, VlanId,
    codec::{Attributes, BatadvAttr as Attr},
};

/// Tells an address's name, if it has one.
pub type Names<'a> = dyn Fn(MacAddr) -> Option<&'a str> + 'a;

/// Appends the attributes of one message as an object. What has no name in this crate is left out.
pub fn write(text: &mut String, attributes: &[Attr], names: &Names<'_>) {
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
    text: &mut String,
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

/// What comes before the first key of an object.
const FIRST: &str = "{\"";

/// An object that is being written.
struct Object<'t, 'n> {
    text: &'t mut String,
    names: &'t Names<'n>,
    /// What comes before the next key.
    gap: &'static str,
}

impl<'t, 'n> Object<'t, 'n> {
    fn begin(text: &'t mut String, names: &'t Names<'n>) -> Self {
        Self { text, names, gap: FIRST }
    }

    fn add(&mut self, attribute: &Attr) {
        let Some(key) = key(attribute) else { return };
        self.text.push_str(self.gap);
        self.text.push_str(key);
        self.text.push_str("\":");
        self.gap = ",\"";
        let Some(address) = address(attribute) else { return value(self.text, attribute) };
        hardware(self.text, address);
        if let Some(name) = (self.names)(address) {
            let _ = write!(self.text, ",\"{key}_name\":");
            quoted(self.text, name);
        }
    }

    fn end(self) {
        self.text.push_str(if self.gap == FIRST { "{}" } else { "}" });
    }
}

fn key(attribute: &Attr) -> Option<&'static str> {
    match attribute {
        Attr::FlagBest => Some("best"),
        other => other.key(),
    }
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
fn hardware(text: &mut String, address: MacAddr) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or_default();
    let mut shown = *b"\"00:00:00:00:00:00\"";
    let (_, places) = shown.split_at_mut(1);
    for (place, octet) in places.chunks_exact_mut(3).zip(address.0) {
        if let [high, low, _] = place {
            (*high, *low) = (digit(octet >> 4), digit(octet & 0xf));
        }
    }
    text.push_str(str::from_utf8(&shown).unwrap_or_default());
}

/// Appends a number, as `write!` does in several times the time.
fn decimal(text: &mut String, mut number: u32) {
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
    text.push_str(str::from_utf8(shown).unwrap_or_default());
}

/// Names are within the kernel's rules nearly always, and then as they are.
fn quoted(text: &mut String, name: &str) {
    if name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\') {
        text.extend(["\"", name, "\""]);
    } else {
        let _ = write!(text, "{}", serde_json::Value::from(name));
    }
}

/// Appends a value. A String takes any text; writing to it cannot fail.
fn value(text: &mut String, attribute: &Attr) {
    let _ = match attribute {
        Attr::Version(name)
        | Attr::AlgoName(name)
        | Attr::MeshIfname(name)
        | Attr::HardIfname(name) => return quoted(text, name),
        Attr::TpmeterResult(number)
        | Attr::TtTtvn(number)
        | Attr::TtLastTtvn(number)
        | Attr::Tq(number)
        | Attr::HopPenalty(number) => return decimal(text, u32::from(*number)),
        Attr::BlaCrc(number) => write!(text, "{number}"),
        Attr::TtVid(tag) | Attr::BlaVid(tag) | Attr::DatCacheVid(tag) => {
            write!(text, "{}", vlan(*tag))
        }
        Attr::VlanId(number) => write!(text, "{}", number.0),
        Attr::TpmeterBytes(number) => write!(text, "{number}"),
        Attr::TtFlags(flags) => return flagged(text, flags.bits(), CLIENT),
        Attr::McastFlags(flags) => return flagged(text, flags.bits(), MULTICAST),
        Attr::McastFlagsPriv(flags) => return flagged(text, flags.bits(), MULTICAST_PRIVATE),
        Attr::LogLevel(level) => return flagged(text, *level, LOG_LEVELS),
        Attr::DatCacheIp4Address(address) => write!(text, "\"{address}\""),
        Attr::GwMode(mode) => match GatewayMode::from(*mode) {
            GatewayMode::Other(_) => write!(text, "\"unknown\""),
            mode => write!(text, "\"{mode}\""),
        },
        other => match number(other) {
            Some(number) => return decimal(text, number),
            None => return text.push_str(word(is_on(other))),
        },
    };
}

fn word(is_on: bool) -> &'static str {
    if is_on { "true" } else { "false" }
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

/// The number of a tag (net/batman-adv/main.h: BATADV_VLAN_HAS_TAG is bit 15); -1 without one.
fn vlan(tag: u16) -> i32 {
    const TAGGED: u16 = 1 << 15;
    if tag & TAGGED == 0 { -1 } else { i32::from(tag & VlanId::MAX.number()) }
}

type Words = &'static [(&'static str, u32)];

/// enum batadv_tt_client_flags.
const CLIENT: Words = &[
    ("del", 1),
    ("roam", 1 << 1),
    ("wifi", 1 << 4),
    ("isolated", 1 << 5),
    ("nopurge", 1 << 8),
    ("new", 1 << 9),
    ("pending", 1 << 10),
    ("temp", 1 << 11),
];

/// enum batadv_mcast_flags.
const MULTICAST: Words = &[
    ("all_unsnoopables", 1),
    ("want_all_ipv4", 1 << 1),
    ("want_all_ipv6", 1 << 2),
    ("want_no_rtr_ipv4", 1 << 3),
    ("want_no_rtr_ipv6", 1 << 4),
    ("have_mc_ptype_capa", 1 << 5),
];

/// enum batadv_mcast_flags_priv.
const MULTICAST_PRIVATE: Words = &[
    ("bridged", 1),
    ("querier_ipv4_exists", 1 << 1),
    ("querier_ipv6_exists", 1 << 2),
    ("querier_ipv4_shadowing", 1 << 3),
    ("querier_ipv6_shadowing", 1 << 4),
];

/// enum batadv_dbg_level.
const LOG_LEVELS: Words = &[
    ("batman", 1),
    ("routes", 1 << 1),
    ("tt", 1 << 2),
    ("bla", 1 << 3),
    ("dat", 1 << 4),
    ("nc", 1 << 5),
    ("mcast", 1 << 6),
    ("tp", 1 << 7),
];

fn flagged(text: &mut String, bits: u32, words: Words) {
    text.push('{');
    for (name, bit) in words {
        text.push('"');
        text.push_str(name);
        text.push_str(if bits & bit == 0 { "\":false," } else { "\":true," });
    }
    text.push_str("\"raw\":");
    decimal(text, bits);
    text.push('}');
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::codec::{TtFlags, VlanNumber};

    const NEAR: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

    fn object(attributes: &[Attr], called: &[(MacAddr, &str)]) -> Value {
        let called: HashMap<_, _> = called.iter().copied().collect();
        let mut text = String::new();
        write(&mut text, attributes, &|address| called.get(&address).copied());
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn keys_are_batctls_and_names_come_on_top() {
        let row = [
            Attr::OrigAddress(NEAR),
            Attr::FlagBest,
            Attr::Tq(251),
            Attr::LastSeenMsecs(40),
            Attr::HardIfname("eth1".to_owned()),
        ];

        assert_eq!(
            object(&row, &[(NEAR, "roof")]),
            json!({
                "orig_address": "02:00:00:00:00:02", "orig_address_name": "roof", "best": true, "tq": 251,
                "last_seen_msecs": 40, "hard_ifname": "eth1",
            })
        );
    }

    #[test]
    fn text_is_json_whatever_a_name_holds() {
        let odd = "the \"roof\" \\ Süd";
        let rows: [&[Attr]; 3] = [&[], &[Attr::FlagBest], &[Attr::OrigAddress(NEAR), Attr::Tq(0)]];

        for row in rows {
            let told = object(row, &[(NEAR, odd)]);
            assert_eq!(told.as_object().unwrap().is_empty(), row.is_empty(), "{told}");
        }
        let told = object(&[Attr::OrigAddress(NEAR)], &[(NEAR, odd)]);
        assert_eq!(told["orig_address_name"], json!(odd));
    }

    #[test]
    fn flags_are_objects_with_their_raw_number() {
        let row = [Attr::TtFlags(TtFlags::WIFI | TtFlags::PERMANENT)];

        let flags = &object(&row, &[])["tt_flags"];

        assert_eq!((&flags["wifi"], &flags["nopurge"]), (&json!(true), &json!(true)));
        assert_eq!((&flags["roam"], &flags["raw"]), (&json!(false), &json!(272)));
    }

    #[test]
    fn numbers_are_written_to_their_last_digit() {
        for number in [0, 9, 10, 305, u32::MAX] {
            let shown = object(&[Attr::TtCrc32(number)], &[]);

            assert_eq!(shown["tt_crc32"], json!(number));
        }
    }

    #[test]
    fn untagged_is_minus_one_and_vlan_zero_is_zero() {
        let shown = |tag| object(&[Attr::TtVid(tag)], &[])["tt_vid"].clone();

        assert_eq!((shown(0), shown(0x8000), shown(0x800a)), (json!(-1), json!(0), json!(10)));
    }

    #[test]
    fn switches_are_words_and_modes_too() {
        let row = [
            Attr::BondingEnabled(false),
            Attr::GwMode(2),
            Attr::OrigInterval(1000),
            Attr::VlanId(VlanNumber(10)),
        ];

        assert_eq!(
            object(&row, &[]),
            json!({ "bonding_enabled": false, "gw_mode": "server", "orig_interval": 1000, "vlanid": 10 })
        );
    }

    #[test]
    fn row_that_cannot_be_read_leaves_no_trace() {
        // LAST_SEEN_MSECS of 40 ms, and the same without two of its bytes.
        let whole = [8, 0, 23, 0, 40, 0, 0, 0];
        let cut = [6, 0, 23, 0, 40, 0, 0, 0];
        let mut text = String::from("[");

        assert!(write_row(&mut text, Attributes::new(&cut), &|_| None).is_err());
        assert_eq!(text, "[");
        assert!(write_row(&mut text, Attributes::new(&whole), &|_| None).is_ok());
        assert_eq!(text, r#"[{"last_seen_msecs":40}"#);
    }
}
