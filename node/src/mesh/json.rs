//! Messages as batctl's JSON queries show them, and names on top.
//!
//! Keys are the kernel's attribute names in small letters, without `BATADV_ATTR_`; only FLAG_BEST is `best`. A flag that is
//! not set is absent. Where an address has a name, a second key that ends in `_name` tells it.

use std::fmt::Write as _;

use batman::codec::BatadvAttr as Attr;
use batman::{GatewayMode, MacAddr, VlanId};
use serde_json::Value;

use super::names::Names;

/// Shows the attributes of one message. What has no name here is left out.
pub fn object(attributes: &[Attr], names: &Names) -> Value {
    let mut text = String::new();
    write(&mut text, attributes, names);
    serde_json::from_str(&text).unwrap_or_default()
}

/// Writes the same as text, with nothing in between: tables have thousands of rows.
pub fn write<A: std::borrow::Borrow<Attr>>(
    text: &mut String,
    attributes: impl IntoIterator<Item = A>,
    names: &Names,
) {
    let mut gap = "{\"";
    for attribute in attributes {
        let attribute = attribute.borrow();
        let Some(key) = key(attribute) else { continue };
        text.push_str(gap);
        text.push_str(key);
        text.push_str("\":");
        gap = ",\"";
        let Some(address) = address(attribute) else {
            value(text, attribute);
            continue;
        };
        hardware(text, address);
        if let Some(name) = names.of(address) {
            let _ = write!(text, ",\"{key}_name\":");
            quoted(text, name);
        }
    }
    text.push_str(if gap == "{\"" { "{}" } else { "}" });
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
        let _ = write!(text, "{}", Value::from(name));
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
    use batman::codec::{BatadvAttr, TtFlags, VlanNumber};
    use serde_json::json;

    use super::*;

    const NEAR: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

    #[test]
    fn keys_are_batctls_and_names_come_on_top() {
        let mut names = Names::default();
        names.learn(NEAR, "roof");
        let row = [
            BatadvAttr::OrigAddress(NEAR),
            BatadvAttr::FlagBest,
            BatadvAttr::Tq(251),
            BatadvAttr::LastSeenMsecs(40),
            BatadvAttr::HardIfname("eth1".to_owned()),
        ];

        assert_eq!(
            object(&row, &names),
            json!({
                "orig_address": "02:00:00:00:00:02", "orig_address_name": "roof", "best": true, "tq": 251,
                "last_seen_msecs": 40, "hard_ifname": "eth1",
            })
        );
    }

    #[test]
    fn text_is_json_whatever_a_name_holds() {
        let mut names = Names::default();
        names.learn(NEAR, "the \"roof\" \\ Süd");
        let rows: [&[BatadvAttr]; 3] =
            [&[], &[BatadvAttr::FlagBest], &[BatadvAttr::OrigAddress(NEAR), BatadvAttr::Tq(0)]];

        for row in rows {
            let mut text = String::new();
            write(&mut text, row, &names);
            let told: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(told.as_object().unwrap().is_empty(), row.is_empty(), "{text}");
        }
        let told = object(&[BatadvAttr::OrigAddress(NEAR)], &names);
        assert_eq!(told["orig_address_name"], json!("the \"roof\" \\ Süd"));
    }

    #[test]
    fn flags_are_objects_with_their_raw_number() {
        let row = [BatadvAttr::TtFlags(TtFlags::WIFI | TtFlags::PERMANENT)];

        let flags = &object(&row, &Names::default())["tt_flags"];

        assert_eq!((&flags["wifi"], &flags["nopurge"]), (&json!(true), &json!(true)));
        assert_eq!((&flags["roam"], &flags["raw"]), (&json!(false), &json!(272)));
    }

    #[test]
    fn numbers_are_written_to_their_last_digit() {
        for number in [0, 9, 10, 305, u32::MAX] {
            let shown = object(&[BatadvAttr::TtCrc32(number)], &Names::default());

            assert_eq!(shown["tt_crc32"], json!(number));
        }
    }

    #[test]
    fn untagged_is_minus_one_and_vlan_zero_is_zero() {
        let shown = |tag| object(&[BatadvAttr::TtVid(tag)], &Names::default())["tt_vid"].clone();

        assert_eq!((shown(0), shown(0x8000), shown(0x800a)), (json!(-1), json!(0), json!(10)));
    }

    #[test]
    fn switches_are_words_and_modes_too() {
        let row = [
            BatadvAttr::BondingEnabled(false),
            BatadvAttr::GwMode(2),
            BatadvAttr::OrigInterval(1000),
            BatadvAttr::VlanId(VlanNumber(10)),
        ];

        assert_eq!(
            object(&row, &Names::default()),
            json!({ "bonding_enabled": false, "gw_mode": "server", "orig_interval": 1000, "vlanid": 10 })
        );
    }
}
