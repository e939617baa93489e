use batman::{IfIndex, MeshSettings};
use proptest::prelude::*;

use super::*;
use crate::samples::mesh;

const ONE: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const TWO: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

fn device(algorithm: RoutingAlgorithm, class: u32) -> MeshDevice {
    let settings = MeshSettings {
        gateway_mode: Some(GatewayMode::Client),
        gateway_class: Some(class),
        ..MeshSettings::default()
    };
    MeshDevice { algorithm: Some(algorithm), settings, ..mesh().mesh.unwrap() }
}

fn gateway(address: MacAddr, quality: LinkQuality, download: u32) -> Gateway {
    Gateway {
        address,
        router: address,
        interface: "eth1".parse().unwrap(),
        interface_index: IfIndex(3),
        quality,
        download: Throughput::from_hundreds_of_kbit(download),
        upload: Throughput::from_kbit(2_000),
        best: address == ONE,
    }
}

fn iv(address: MacAddr, tq: u8, download: u32) -> Gateway {
    gateway(address, LinkQuality::Tq(tq), download)
}

fn v(address: MacAddr, hundreds: u32, download: u32) -> Gateway {
    gateway(address, LinkQuality::Throughput(Throughput::from_hundreds_of_kbit(hundreds)), download)
}

#[track_caller]
fn check(device: &MeshDevice, gateways: &[Gateway], expected: &str) {
    assert_eq!(choice(device, gateways).sentence(&Names::default()), expected);
}

use RoutingAlgorithm::{BatmanIv, BatmanV};

#[test]
fn who_chooses_no_gateway_says_why() {
    let mut off = device(BatmanIv, 20);
    off.settings.gateway_mode = Some(GatewayMode::Off);
    let mut server = device(BatmanIv, 20);
    server.settings.gateway_mode = Some(GatewayMode::Server);
    let waiting = Gateway { best: false, ..iv(ONE, 200, 100) };

    check(&off, &[iv(ONE, 200, 100)], "gateway mode is off: this node chooses no gateway");
    check(&server, &[], "this node is a gateway itself and chooses none");
    check(&device(BatmanIv, 20), &[], "no gateway is known");
    check(
        &device(BatmanIv, 20),
        &[waiting],
        "none is chosen yet of 1 that are known: the kernel does when it hears from one",
    );
}

#[test]
fn the_only_gateway_is_in_use_for_what_it_has() {
    check(
        &device(BatmanIv, 20),
        &[iv(ONE, 200, 100)],
        "class 20 takes the best TQ, another once it is 20 better; it has TQ 200 and is the only one known",
    );
}

#[test]
fn under_iv_another_takes_over_once_its_tq_is_a_class_better() {
    let late = "class 20 takes the best TQ, another once it is 20 better; it has TQ 200, 02:00:00:00:00:02 has TQ";
    for (tq, standing) in [
        (180, "none is better"),
        (200, "equal, so it stays"),
        (219, "better, but not by enough"),
        (220, "it takes over next"),
    ] {
        let gateways = [iv(ONE, 200, 100), iv(TWO, tq, 100)];
        check(&device(BatmanIv, 20), &gateways, &format!("{late} {tq}: {standing}"));
    }
    check(
        &device(BatmanIv, 3),
        &[iv(ONE, 200, 100), iv(TWO, 201, 100)],
        "class 3 takes the best TQ, another as soon as it is better; it has TQ 200, \
         02:00:00:00:00:02 has TQ 201: it takes over next",
    );
}

#[test]
fn under_iv_classes_one_and_two_stay_with_what_they_have() {
    check(
        &device(BatmanIv, 1),
        &[iv(ONE, 200, 100), iv(TWO, 190, 200)],
        "class 1 takes the best TQ² × download and keeps it until it goes; it has TQ 200 and 10.0 Mbit/s, \
         02:00:00:00:00:02 has TQ 190 and 20.0 Mbit/s: better now, but this one has not gone",
    );
    check(
        &device(BatmanIv, 2),
        &[iv(ONE, 200, 100), iv(TWO, 255, 100)],
        "class 2 takes the best TQ and keeps it until it goes; it has TQ 200, \
         02:00:00:00:00:02 has TQ 255: better now, but this one has not gone",
    );
}

#[test]
fn under_v_the_narrower_of_way_and_gateway_counts() {
    let rule = "class 50 takes the most throughput that way and gateway both have, another once it is \
                5.0 Mbit/s better; it has 10.0 Mbit/s, 02:00:00:00:00:02 has";
    let used = v(ONE, 900, 100);

    let narrow = [used.clone(), v(TWO, 149, 900)];
    check(&device(BatmanV, 50), &narrow, &format!("{rule} 14.9 Mbit/s: better, but not by enough"));
    let wide = [used, v(TWO, 150, 900)];
    check(&device(BatmanV, 50), &wide, &format!("{rule} 15.0 Mbit/s: it takes over next"));
}

#[test]
fn row_of_another_algorithm_is_not_weighed() {
    let found = choice(&device(BatmanV, 50), &[iv(ONE, 200, 100), v(TWO, 900, 900)]);

    assert!(matches!(found.why, Why::Chosen { own: None, .. }), "{found:?}");
    assert!(!found.sentence(&Names::default()).contains("TQ"));
}

#[test]
fn product_is_the_kernels() {
    let merit = Merit::Product { tq: 255, download: Throughput::from_kbit(10_000) };

    // 255 * 255 * 100 * 10000 >> 18
    assert_eq!(merit.weight(), 248_050);
}

/// The kernel's `batadv_iv_gw_is_eligible`, as it is written there.
fn is_eligible_iv(class: u32, own: u8, other: u8) -> bool {
    if class <= 2 || other < own {
        return false;
    }
    !(class > 3 && u32::from(other - own) < class)
}

/// The kernel's `batadv_v_gw_is_eligible`.
fn is_eligible_v(class: u32, own: u32, other: u32) -> bool {
    other >= own && other - own >= class
}

proptest! {
    #[test]
    fn what_takes_over_under_iv_is_what_the_kernel_would_choose_anew(
        class in 1_u32..256, own in 0_u8.., other in 0_u8..
    ) {
        let (rule, own_merit) = (Rule::of(Some(BatmanIv), Some(class)), iv(ONE, own, 100));
        let (Some(ours), Some(theirs)) = (rule.merit(&own_merit), rule.merit(&iv(TWO, other, 100)))
        else { panic!("both have a TQ") };

        // Equal ones make it choose anew and stay with one of the best.
        prop_assert_eq!(rule.takes_over(ours, theirs), is_eligible_iv(class, own, other) && other > own);
    }

    #[test]
    fn what_takes_over_under_v_is_what_the_kernel_would_choose_anew(
        class in 1_u32..2_000, own in 0_u32..4_000, other in 0_u32..4_000, download in 1_u32..4_000
    ) {
        let rule = Rule::of(Some(BatmanV), Some(class));
        let (Some(ours), Some(theirs)) =
            (rule.merit(&v(ONE, own, download)), rule.merit(&v(TWO, other, download)))
        else { panic!("both have a throughput") };

        let eligible = is_eligible_v(class, own.min(download), other.min(download));
        prop_assert_eq!(rule.takes_over(ours, theirs), eligible);
    }

    #[test]
    fn the_one_in_use_is_the_one_the_kernel_marks_whatever_the_rows_say(
        tqs in proptest::collection::vec((0_u8.., 0_u32..), 1..8), class in 0_u32..300
    ) {
        let mut rows: Vec<_> = tqs.iter().map(|(tq, down)| iv(TWO, *tq, *down)).collect();
        rows.push(iv(ONE, 1, 1));

        let found = choice(&device(BatmanIv, class), &rows);

        prop_assert_eq!(found.used.as_ref().map(|used| used.address), Some(ONE));
        prop_assert!(!found.sentence(&Names::default()).is_empty());
    }
}
