//! What becomes of what a kernel said. Where a comment quotes `batctl`, it printed that line of the
//! same row on the same machine.

use std::time::Duration;

use netlink_packet_core::ParseableParametrized;
use netlink_packet_generic::GenlMessage;

use super::{BatadvAttr, BatadvCmd, BatadvMessage, McastFlags, TtFlags, captures};
use crate::{
    Backbone, CachedAddress, Claim, Gateway, GlobalClient, IfIndex, Incomplete, LinkQuality,
    LocalClient, MacAddr, Measurement, MeshState, MulticastFlags, Notification, Report, Throughput,
    Vlan, VlanId,
};

const A: MacAddr = MacAddr([2, 0, 0, 0, 0, 0xa]);
const B: MacAddr = MacAddr([2, 0, 0, 0, 0, 0xb]);
const CLIENT_OF_A: MacAddr = MacAddr([2, 0, 0, 0, 1, 0xa]);
const CLIENT_OF_B: MacAddr = MacAddr([2, 0, 0, 0, 1, 0xb]);

fn message(capture: &str) -> BatadvMessage {
    let bytes = captures::bytes(capture);
    let frame = GenlMessage::<BatadvMessage>::parse_with_param(bytes.as_slice(), 0);
    frame.expect("the captures are whole messages").payload
}

#[track_caller]
fn check<R>(capture: &str, expected: R)
where
    R: for<'a> TryFrom<&'a BatadvMessage, Error = Incomplete> + PartialEq + std::fmt::Debug,
{
    assert_eq!(R::try_from(&message(capture)), Ok(expected));
}

/// `* 02:00:00:00:00:0b (     9647.0) 02:00:00:00:00:0b [        va]: 10.0/2.0 MBit`
#[test]
fn gateway_speaks_in_the_measure_of_its_algorithm() {
    let gateway = |quality, index| Gateway {
        address: B,
        router: B,
        interface: "va".parse().unwrap(),
        interface_index: IfIndex(index),
        quality,
        download: Throughput::from_kbit(10_000),
        upload: Throughput::from_kbit(2000),
        best: true,
    };

    check(captures::GATEWAY_IV, gateway(LinkQuality::Tq(246), 4));
    let throughput = LinkQuality::Throughput(Throughput::from_kbit(9_647_000));
    check(captures::GATEWAY_V, gateway(throughput, 10));
}

/// `02:00:00:00:01:0a  100 [.P....]   0.000   (0x33b939a1)` and
/// `* 02:00:00:00:01:0b  100 [....] (  2) 02:00:00:00:00:0b (  2) (0xc1d2baa2)`
#[test]
fn clients_are_those_that_batctl_lists() {
    let vlan = VlanId::new(100).ok();

    check(
        captures::LOCAL_CLIENT,
        LocalClient {
            address: CLIENT_OF_A,
            vlan,
            flags: TtFlags::PERMANENT,
            checksum: 0x33b9_39a1,
            last_seen: None,
        },
    );
    check(
        captures::GLOBAL_CLIENT,
        GlobalClient {
            address: CLIENT_OF_B,
            originator: B,
            vlan,
            version: 2,
            last_version: 2,
            checksum: 0xc1d2_baa2,
            flags: TtFlags::default(),
            best: true,
        },
    );
}

/// `02:00:00:00:01:0b on   100 by 02:00:00:00:00:0a [*] (0xb541)`; batctl leaves own backbones out.
#[test]
fn claim_is_the_one_that_batctl_lists_and_its_backbone_is_ours() {
    check(
        captures::CLAIM,
        Claim {
            client: CLIENT_OF_B,
            vlan: VlanId::new(100).ok(),
            backbone: A,
            own: true,
            checksum: 0xb541,
        },
    );
    check(
        captures::BACKBONE,
        Backbone {
            address: A,
            vlan: None,
            own: true,
            checksum: 0xb541,
            last_seen: Duration::from_millis(6540),
        },
    );
}

#[test]
fn cached_address_is_in_the_networks_order() {
    check(
        captures::CACHED_ADDRESS,
        CachedAddress {
            ip: [192, 0, 2, 2].into(),
            address: CLIENT_OF_B,
            vlan: None,
            last_seen: Duration::from_millis(37_476),
        },
    );
}

/// `02:00:00:00:00:0b [.... . ]`: wants nothing, for it is in no bridge.
#[test]
fn multicast_flags_are_those_that_batctl_lists() {
    let flags =
        McastFlags::WANT_NO_RTR4 | McastFlags::WANT_NO_RTR6 | McastFlags::HAVE_MC_PTYPE_CAPA;

    check(captures::MULTICAST_FLAGS, MulticastFlags { originator: B, flags: Some(flags) });
}

#[test]
fn vlan_is_told_in_32_bits_and_asked_for_in_16() {
    let vlan = Vlan::try_from(&message(captures::VLAN)).unwrap();
    let set = message(captures::SET_VLAN);

    assert_eq!((vlan.id, vlan.settings.ap_isolation), (VlanId::new(100).unwrap(), Some(true)));
    let number = set.attributes.iter().any(|a| matches!(a, BatadvAttr::VlanId(n) if n.0 == 100));
    assert!(number, "{set:?}");
}

#[test]
fn change_is_told_with_all_that_is_set() {
    let mesh = Notification::read(&message(captures::MESH_TOLD));
    let interface = Notification::read(&message(captures::HARD_INTERFACE_TOLD));

    let Notification::Mesh { mesh, settings, .. } = mesh else { panic!("{mesh:?}") };
    assert_eq!((mesh.as_str(), settings.hop_penalty), ("bat0", Some(18)));
    let Notification::HardInterface { mesh_index, interface } = interface else {
        panic!("{interface:?}")
    };
    assert_eq!((mesh_index, interface.settings.hop_penalty), (IfIndex(6), Some(8)));
    let state = MeshState::try_from(&message(captures::MESH_TOLD)).unwrap();
    assert_eq!(state.primary.map(|primary| primary.address), Some(A));
    assert_eq!(state.backbone_group, Some(0xe581));
}

#[test]
fn measurement_is_known_by_the_cookie_it_began_with() {
    let cookie = message(captures::METER_COOKIE).attributes;
    let report = Report::try_from(&message(captures::MEASURED)).unwrap();

    let measured =
        Measurement { originator: B, bytes: 68_000_796, duration: Duration::from_millis(1024) };
    assert_eq!(report.outcome, Ok(measured));
    assert_eq!(cookie, [BatadvAttr::TpmeterCookie(report.cookie)]);
    assert_eq!(measured.throughput(), Some(Throughput::from_kbit(531_256)));
}

#[test]
fn algorithm_is_told_by_its_name() {
    let expected = vec![BatadvAttr::AlgoName("BATMAN_V".to_owned())];

    assert_eq!(
        message(captures::ALGORITHM),
        BatadvMessage::new(BatadvCmd::GetRoutingAlgos, expected)
    );
}
