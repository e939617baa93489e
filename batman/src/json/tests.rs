use std::collections::HashMap;

use serde_json::{Value, json};

use super::*;
use crate::codec::{TtFlags, VlanNumber};

const NEAR: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

fn object(attributes: &[Attr], called: &[(MacAddr, &str)]) -> Value {
    let called: HashMap<_, _> = called.iter().copied().collect();
    let mut text = Vec::new();
    write(&mut text, attributes, &|address| called.get(&address).copied());
    serde_json::from_slice(&text).unwrap()
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
    let mut text = b"[".to_vec();

    assert!(write_row(&mut text, Attributes::new(&cut), &|_| None).is_err());
    assert_eq!(text, b"[");
    let cut_later = [whole, cut].concat();
    assert!(write_row(&mut text, Attributes::new(&cut_later), &|_| None).is_err());
    assert_eq!(text, b"[");
    assert!(write_row(&mut text, Attributes::new(&whole), &|_| None).is_ok());
    assert_eq!(text, br#"[{"last_seen_msecs":40}"#);
}
