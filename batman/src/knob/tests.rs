use proptest::prelude::*;

use super::*;
use crate::{
    RoutingAlgorithm, Throughput,
    codec::{BatadvAttr, BatadvCmd, BatadvMessage},
};

fn reply(attributes: Vec<BatadvAttr>) -> BatadvMessage {
    BatadvMessage::new(BatadvCmd::GetMesh, attributes)
}

#[test]
fn absent_is_not_zero() {
    let zero = MeshSettings::from(&reply(vec![
        BatadvAttr::HopPenalty(0),
        BatadvAttr::BondingEnabled(false),
        BatadvAttr::IsolationMark(0),
    ]));

    assert_eq!(MeshSettings::from(&reply(vec![])), MeshSettings::default());
    assert_eq!((zero.hop_penalty, zero.bonding), (Some(0), Some(false)));
    assert_eq!((zero.isolation_mark, zero.isolation_mask), (Some(Mask(0)), None));
    let automatic = reply(vec![BatadvAttr::ThroughputOverride(0)]);
    let automatic = InterfaceSettings::from(&automatic);
    assert_eq!(automatic.throughput_override, Some(Throughput::from_kbit(0)));
}

#[test]
fn every_default_is_within_its_range_under_its_algorithm() {
    for &knob in Knob::ALL {
        for algorithm in RoutingAlgorithm::ALL {
            let default = knob.default(algorithm);
            assert!(knob.takes(default, algorithm), "{knob}: {default}");
        }
    }
}

#[test]
fn names_are_unique_within_their_scope() {
    let mut names: Vec<_> = Knob::ALL.iter().map(|k| (k.about().scope, k.about().name)).collect();
    names.sort_unstable();
    names.dedup();

    assert_eq!((names.len(), Knob::ALL.len()), (21, 21));
}

#[test]
fn every_knob_is_said_in_a_sentence_of_its_own() {
    for knob in Knob::ALL {
        let sentence = knob.about().sentence;
        assert!(sentence.ends_with('.') && sentence.starts_with(|c: char| c.is_uppercase()));
    }
}

#[test]
fn ranges_are_the_kernels() {
    let takes = |knob: Knob, value| knob.takes(value, RoutingAlgorithm::BatmanIv);
    let time = |ms| Value::Time(std::time::Duration::from_millis(ms));
    let rate = |kbit| Value::Rate(Throughput::from_kbit(kbit));
    let class = |class, algorithm| Knob::GatewayClass.takes(Value::Number(class), algorithm);

    assert!(
        !takes(Knob::OriginatorInterval, time(39)) && takes(Knob::OriginatorInterval, time(40))
    );
    assert!(!takes(Knob::ElpInterval, time(19)) && takes(Knob::ElpInterval, time(20)));
    assert!(!takes(Knob::HopPenalty, Value::Number(256)));
    assert!(takes(Knob::ThroughputOverride, rate(0)) && !takes(Knob::GatewayUpload, rate(0)));
    assert!(!takes(Knob::GatewayUpload, rate(150)), "the kernel counts in 100 kbit/s");
    assert!(!takes(Knob::LogLevel, Value::Log(LogLevel(32))), "network coding is gone");
    assert!(!takes(Knob::Bonding, Value::Number(1)), "a number is no switch");
    assert!(!class(256, RoutingAlgorithm::BatmanIv) && class(256, RoutingAlgorithm::BatmanV));
    assert!(!class(0, RoutingAlgorithm::BatmanV));
}

#[test]
fn values_are_shown_with_their_units() {
    let shown = |knob: Knob| knob.default(RoutingAlgorithm::BatmanV).to_string();

    assert_eq!(shown(Knob::OriginatorInterval), "1000ms");
    assert_eq!(shown(Knob::GatewayDownload), "10.0 Mbit/s");
    assert_eq!(shown(Knob::IsolationMark), "0x00000000");
    assert_eq!(shown(Knob::GatewayClass), "50");
    assert_eq!(LogLevel(3 | 1 << 20).to_string(), "batman, routes, 0x100000");
    assert_eq!(
        Setting { knob: Knob::Bonding, value: Value::Switch(true) }.to_string(),
        "bonding on"
    );
}

#[test]
fn setting_of_another_scope_is_not_taken_over() {
    let mut mesh = MeshSettings::default();
    let penalty = |knob| Setting { knob, value: Value::Number(7) };

    assert!(!mesh.set(penalty(Knob::InterfaceHopPenalty)));
    assert!(!mesh.set(Setting { knob: Knob::HopPenalty, value: Value::Number(300) }));
    assert!(mesh.set(penalty(Knob::HopPenalty)));

    assert_eq!(mesh.iter().collect::<Vec<_>>(), [penalty(Knob::HopPenalty)]);
}

/// Any setting that the kernel takes.
fn setting() -> impl Strategy<Value = Setting> {
    (prop::sample::select(Knob::ALL), any::<u32>()).prop_map(|(knob, bits)| {
        let value = match knob.about().kind {
            Kind::Switch => Value::Switch(bits & 1 == 1),
            Kind::Number { least, most: u32::MAX } => Value::Number(bits.max(least)),
            Kind::Number { most, .. } => Value::Number(bits & most),
            Kind::Mask => Value::Mask(Mask(bits)),
            Kind::Time { least, .. } => {
                Value::Time(least + std::time::Duration::from_millis(u64::from(bits % 100_000)))
            }
            Kind::Rate { least } => Value::Rate(Throughput::from_hundreds_of_kbit(bits).max(least)),
            Kind::Gateway => Value::Gateway(GatewayMode::from((bits % 3) as u8)),
            Kind::Log => Value::Log(LogLevel(bits & LogLevel::ALL.0)),
        };
        Setting { knob, value }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(setting in setting()) {
        prop_assert!(setting.knob.about().kind.takes(setting.value));
        let message = reply(vec![setting.attribute().unwrap()]);

        let read = match setting.knob.about().scope {
            Scope::Mesh => MeshSettings::from(&message).get(setting.knob),
            Scope::HardInterface => InterfaceSettings::from(&message).get(setting.knob),
            Scope::Vlan => VlanSettings::from(&message).get(setting.knob),
        };

        prop_assert_eq!(read, Some(setting.value));
    }
}
