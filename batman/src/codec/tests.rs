use netlink_packet_core::{DefaultNla, Emitable, Nla, ParseableParametrized};
use netlink_packet_generic::{GenlFamily, GenlHeader, GenlMessage};
use proptest::{collection::vec, prelude::*};

#[cfg(target_endian = "little")]
use super::captures;
use super::{BatadvAttr, BatadvCmd, BatadvMessage, McastFlags, TtFlags, VlanNumber};
use crate::{
    HardInterface, LinkQuality, MacAddr, MeshDevice, Neighbour, Originator, RoutingAlgorithm,
    Throughput,
};

const ANY_FAMILY: u16 = 0x1c;

/// Reads `bytes` as `expected` and writes `expected` as `bytes`.
#[track_caller]
fn check(bytes: &[u8], expected: &BatadvMessage) {
    let parsed = parse(bytes).unwrap();

    assert_eq!(&parsed, expected);
    assert_eq!(emit(expected), bytes);
}

fn parse(bytes: &[u8]) -> Result<BatadvMessage, netlink_packet_core::DecodeError> {
    GenlMessage::<BatadvMessage>::parse_with_param(bytes, ANY_FAMILY).map(|m| m.into_parts().1)
}

fn emit(message: &BatadvMessage) -> Vec<u8> {
    let message = GenlMessage::from_payload(message.clone());
    let mut bytes = vec![0xaa; message.buffer_len()];
    message.emit(&mut bytes);
    bytes
}

#[cfg(target_endian = "little")]
#[test]
fn request_for_neighbours_names_the_mesh_by_index() {
    let bytes = [
        0x09, 0x01, 0x00, 0x00, // GET_NEIGHBORS, version 1
        0x08, 0x00, 0x03, 0x00, 0x05, 0x00, 0x00, 0x00, // MESH_IFINDEX 5
    ];

    check(&bytes, &BatadvMessage::new(BatadvCmd::GetNeighbors, vec![BatadvAttr::MeshIfindex(5)]));
}

#[cfg(target_endian = "little")]
#[test]
fn originator_of_batman_iv_carries_quality_and_the_flag_of_the_best_route() {
    #[rustfmt::skip]
    let bytes = [
        0x08, 0x01, 0x00, 0x00, // GET_ORIGINATORS, version 1
        0x0a, 0x00, 0x09, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, // ORIG_ADDRESS
        0x0a, 0x00, 0x18, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, // NEIGH_ADDRESS
        0x09, 0x00, 0x07, 0x00, b'e', b't', b'h', b'0', 0x00, 0x00, 0x00, 0x00, // HARD_IFNAME
        0x08, 0x00, 0x06, 0x00, 0x02, 0x00, 0x00, 0x00, // HARD_IFINDEX
        0x05, 0x00, 0x19, 0x00, 0xfb, 0x00, 0x00, 0x00, // TQ 251
        0x08, 0x00, 0x17, 0x00, 0x2c, 0x01, 0x00, 0x00, // LAST_SEEN_MSECS 300
        0x04, 0x00, 0x16, 0x00, // FLAG_BEST
    ];
    let neighbour = MacAddr([2, 0, 0, 0, 0, 2]);

    check(
        &bytes,
        &BatadvMessage::new(
            BatadvCmd::GetOriginators,
            vec![
                BatadvAttr::OrigAddress(neighbour),
                BatadvAttr::NeighAddress(neighbour),
                BatadvAttr::HardIfname("eth0".to_owned()),
                BatadvAttr::HardIfindex(2),
                BatadvAttr::Tq(251),
                BatadvAttr::LastSeenMsecs(300),
                BatadvAttr::FlagBest,
            ],
        ),
    );
}

#[cfg(target_endian = "little")]
#[test]
fn unknown_command_and_attribute_come_back_as_they_came() {
    let bytes = [
        0xc8, 0x01, 0x00, 0x00, // command 200
        0x06, 0x00, 0x41, 0x00, 0xde, 0xad, 0x00, 0x00, // attribute 65 with two bytes
    ];

    check(
        &bytes,
        &BatadvMessage::new(
            BatadvCmd::Other(200),
            vec![BatadvAttr::Other(DefaultNla::new(65, vec![0xde, 0xad]))],
        ),
    );
}

#[cfg(target_endian = "little")]
#[test]
fn vlan_number_is_read_in_the_width_of_requests_and_of_replies() {
    let narrow = [0x11, 0x01, 0, 0, 0x06, 0x00, 0x28, 0x00, 0x64, 0x00, 0x00, 0x00];
    let wide = [0x11, 0x01, 0, 0, 0x08, 0x00, 0x28, 0x00, 0x64, 0x00, 0x00, 0x00];
    let too_wide = [0x11, 0x01, 0, 0, 0x08, 0x00, 0x28, 0x00, 0x64, 0x00, 0x01, 0x00];
    let vlan = BatadvMessage::new(BatadvCmd::GetVlan, vec![BatadvAttr::VlanId(VlanNumber(100))]);

    check(&narrow, &vlan);
    assert_eq!(parse(&wide).unwrap(), vlan);
    assert!(parse(&too_wide).is_err());
}

#[cfg(target_endian = "little")]
#[test]
fn what_a_kernel_answered_is_understood_to_the_last_attribute_and_written_alike() {
    for bytes in captures::ALL.iter().map(|capture| captures::bytes(capture)) {
        let message = parse(&bytes).unwrap();

        assert!(!message.attributes.iter().any(|a| matches!(a, BatadvAttr::Other(_))));
        assert_eq!(emit(&message), bytes);
    }
}

#[cfg(target_endian = "little")]
#[test]
fn what_a_kernel_answered_becomes_a_mesh_and_its_neighbour() {
    let read = |capture| parse(&captures::bytes(capture)).unwrap();
    let b: MacAddr = "02:00:00:00:00:0b".parse().unwrap();

    let mesh = MeshDevice::read(&read(captures::MESH_V), true).unwrap();
    let hard_interface = HardInterface::try_from(&read(captures::HARD_INTERFACE_IV)).unwrap();
    let near = Neighbour::try_from(&read(captures::NEIGHBOUR_IV)).unwrap();
    let way = Originator::try_from(&read(captures::ORIGINATOR_IV)).unwrap();
    let fast = Neighbour::try_from(&read(captures::NEIGHBOUR_V)).unwrap();

    assert_eq!(mesh.algorithm, Some(RoutingAlgorithm::BatmanV));
    assert_eq!((mesh.settings.hop_penalty, mesh.settings.log_level), (Some(30), None));
    assert!(hard_interface.active);
    assert_eq!((near.address, near.throughput), (b, None));
    assert_eq!((way.address, way.neighbour, way.best), (b, b, true));
    assert_eq!(way.quality, LinkQuality::Tq(34));
    assert_eq!(fast.throughput, Some(Throughput::from_kbit(10_000_000)));
}

#[test]
fn attribute_of_the_wrong_size_is_refused_by_name() {
    let bytes = [0x08, 0x01, 0, 0, 0x06, 0x00, 0x19, 0x00, 0xfb, 0x00, 0x00, 0x00];

    let refusal = parse(&bytes).unwrap_err().to_string();

    assert!(refusal.contains("BATADV_ATTR_TQ"), "{refusal}");
}

#[test]
fn attribute_whose_flags_exclude_each_other_is_refused() {
    let bytes = [0x08, 0x01, 0, 0, 0x04, 0x00, 0x0e, 0xc0];

    assert!(parse(&bytes).is_err());
}

#[test]
fn every_command_keeps_its_number() {
    for (number, command) in (1..).zip(BatadvCmd::KNOWN) {
        assert_eq!(u8::from(*command), number);
        assert_eq!(BatadvCmd::from(number), *command);
    }
    assert_eq!(BatadvCmd::KNOWN.len(), 18);
}

#[test]
fn family_is_known_to_the_kernel_by_its_name() {
    assert_eq!(BatadvMessage::family_name(), "batadv");
}

fn attribute() -> impl Strategy<Value = BatadvAttr> {
    let address = || any::<[u8; 6]>().prop_map(MacAddr);
    prop_oneof![
        "[ -~]{0,40}".prop_map(BatadvAttr::AlgoName),
        any::<u32>().prop_map(BatadvAttr::MeshIfindex),
        address().prop_map(BatadvAttr::NeighAddress),
        any::<u8>().prop_map(BatadvAttr::Tq),
        any::<u16>().prop_map(BatadvAttr::TtVid),
        any::<u32>().prop_map(|bits| BatadvAttr::TtFlags(TtFlags::from_bits(bits))),
        any::<u32>().prop_map(|bits| BatadvAttr::McastFlags(McastFlags::from_bits(bits))),
        any::<u64>().prop_map(BatadvAttr::TpmeterBytes),
        any::<bool>().prop_map(BatadvAttr::BondingEnabled),
        any::<[u8; 4]>().prop_map(|octets| BatadvAttr::DatCacheIp4Address(octets.into())),
        any::<u16>().prop_map(|number| BatadvAttr::VlanId(VlanNumber(number))),
        Just(BatadvAttr::Active),
        (61..0x3fff_u16, vec(any::<u8>(), 0..40))
            .prop_map(|(kind, bytes)| BatadvAttr::Other(DefaultNla::new(kind, bytes))),
    ]
}

/// Bytes that look like attributes, so that the parser gets past the first header.
fn likely_bytes() -> impl Strategy<Value = Vec<u8>> {
    let nla = (0..12_u16, 0..64_u16, vec(any::<u8>(), 0..12)).prop_map(|(length, kind, value)| {
        [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), &value].concat()
    });
    vec(nla, 0..8).prop_map(|nlas| nlas.concat())
}

/// One attribute of every number, with a payload of `length` bytes.
fn one_of_each(length: u16) -> impl Iterator<Item = Vec<u8>> {
    (0..=61_u16).map(move |kind| {
        let header = [(length + 4).to_ne_bytes(), kind.to_ne_bytes()].concat();
        [header, vec![1; usize::from(length).next_multiple_of(4)]].concat()
    })
}

#[test]
fn every_attribute_that_can_be_read_is_written_back_under_its_number() {
    for bytes in (0..=8).flat_map(one_of_each) {
        let header = GenlHeader { cmd: 1, version: 1 };
        let Ok(message) = BatadvMessage::parse_with_param(bytes.as_slice(), header) else {
            continue;
        };

        let kind = u16::from_ne_bytes([bytes[2], bytes[3]]);
        assert_eq!(message.attributes.iter().map(Nla::kind).collect::<Vec<_>>(), [kind]);
        let again = emit(&message);
        assert_eq!(parse(&again).unwrap(), message);
    }
}

proptest! {
    #[test]
    fn message_reads_what_it_writes(
        command in any::<u8>(),
        attributes in vec(attribute(), 0..12),
    ) {
        let message = BatadvMessage::new(command.into(), attributes);

        prop_assert_eq!(parse(&emit(&message)).unwrap(), message);
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in vec(any::<u8>(), 0..256)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn no_likely_bytes_make_the_parser_panic(nlas in likely_bytes()) {
        if let Ok(message) = parse(&[&[8, 1, 0, 0], nlas.as_slice()].concat()) {
            prop_assert_eq!(parse(&emit(&message)).unwrap(), message);
        }
    }
}
