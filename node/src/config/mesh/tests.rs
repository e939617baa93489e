use batman::{Knob, RoutingAlgorithm, Throughput, Value};

use crate::config::Config;

const IDENTITY: &str = "[identity]\nserver = \"a:1\"\n";

fn read(mesh: &str) -> Config {
    let text = format!("[mesh]\nhard_interfaces = [\"eth1\"]\n{mesh}\n{IDENTITY}");
    Config::parse(&text).unwrap_or_else(|faults| panic!("{}", faults.report("config")))
}

fn check_fault(mesh: &str, expected: &str) {
    let text = format!("[mesh]\nhard_interfaces = [\"eth1\"]\n{mesh}\n{IDENTITY}");
    let faults = Config::parse(&text).unwrap_err();

    let found: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(found, [expected], "{mesh}");
}

#[test]
fn what_is_not_given_is_not_touched() {
    let wanted = read("").mesh.wanted;

    assert_eq!(wanted.settings().iter().count(), 0);
    assert_eq!((wanted.mtu(), wanted.lan(), wanted.addresses()), (None, None, &[][..]));
}

#[test]
fn everything_has_its_key() {
    let wanted = read(
        "algorithm = \"BATMAN_V\"\nmtu = 1400\nmac = \"stable\"\naddresses = [\"10.0.0.1/24\"]\n\
         gateway_mode = \"server\"\ngateway_download = \"100 Mbit\"\nlog_level = [\"tt\"]\n\
         originator_interval = \"5s\"\nisolation_mark = 0x1\ngateway_class = 300\n\
         [mesh.link.eth1]\nelp_interval = \"250ms\"\nthroughput_override = \"1 Gbit\"\n\
         [mesh.vlan.10]\nap_isolation = true\n[mesh.vlan.20]\n\
         [mesh.lan]\nports = [\"eth0\"]\n",
    )
    .mesh
    .wanted;

    let settings: Vec<String> = wanted.settings().iter().map(|s| s.to_string()).collect();
    assert_eq!(
        settings,
        [
            "isolation_mark 0x00000001",
            "gateway_mode server",
            "gateway_download 100.0 Mbit/s",
            "gateway_class 300",
            "log_level tt",
            "originator_interval 5000ms",
        ]
    );
    let interface = wanted.interface(&"eth1".parse().unwrap());
    let rate = Value::Rate(Throughput::from_kbit(1_000_000));
    assert_eq!(interface.get(Knob::ThroughputOverride), Some(rate));
    let vlans: Vec<_> = wanted.vlans().map(|(id, vlan)| (id.number(), vlan.ap_isolation)).collect();
    assert_eq!(vlans, [(10, Some(true)), (20, None)]);
    assert_eq!(wanted.host().as_str(), "br-lan");
    assert_eq!(wanted.mtu().map(batman::Mtu::bytes), Some(1400));
}

#[test]
fn the_example_shows_every_knob_with_the_kernels_default() {
    let uncommented: String = crate::config::example()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let wanted = Config::parse(&uncommented).unwrap().mesh.wanted;

    let eth1 = wanted.interface(&"eth1".parse().unwrap());
    let vlans: Vec<_> = wanted.vlans().flat_map(|(_, settings)| settings.iter()).collect();
    let shown: Vec<_> = wanted.settings().iter().chain(eth1.iter()).chain(vlans).collect();
    assert_eq!(shown.len(), Knob::ALL.len());
    for setting in shown {
        assert_eq!(setting.value, setting.knob.default(RoutingAlgorithm::BatmanIv));
    }
}

#[test]
fn faults_say_where_and_what_is_expected() {
    check_fault(
        "originator_interval = \"30ms\"",
        "3:23: mesh.originator_interval: expected a time of 40ms to 180s, such as \"250ms\" or \"2s\", found \"30ms\"",
    );
    check_fault(
        "gateway_class = 300",
        "3:17: mesh.gateway_class: 300 is too much under BATMAN_IV: at most 255",
    );
    check_fault(
        "gateway_mode = \"sever\"",
        "3:16: mesh.gateway_mode: expected one of off, client or server, found \"sever\"; did you mean server?",
    );
    check_fault(
        "[mesh.link.eth1]\nelp_intervall = \"1s\"",
        "4:1: mesh.link.eth1: no such key, elp_intervall; did you mean elp_interval?",
    );
    check_fault("[mesh.link.eth7]", "3:1: mesh.link.eth7: eth7 is no hard interface of this mesh");
    check_fault(
        "[mesh.vlan.4095]",
        "3:1: mesh.vlan.4095: 4095 is no VLAN of its own: 1 to 4094 is expected",
    );
    check_fault("[mesh.vlan.lan]", "3:1: mesh.vlan.lan: a VLAN's number is expected, 1 to 4094");
    check_fault(
        "[mesh.lan]\nports = [\"eth1\"]",
        "3:1: mesh.lan: eth1 cannot be a port of the bridge: it has another use",
    );
    check_fault("interface_ = 3", "3:1: mesh: no such key, interface_; did you mean interface?");
    check_fault("vlan = 3", "3:8: mesh.vlan: expected sections, such as [mesh.vlan.10]");
    check_fault(
        "addresses = [\"10.0.0.1\"]",
        "3:13: mesh.addresses: expected a list that is not empty, found a value of type array: \"10.0.0.1\" is no address with its prefix's length, such as 10.0.0.1/24 or fd00::1/64",
    );
}

#[test]
fn what_a_newer_firmware_says_within_the_mesh_is_overlooked() {
    let text = format!(
        "schema = 2\n[mesh]\nhard_interfaces = [\"eth1\"]\nhop_penalty = \"low\"\n\
         [mesh.link.eth1]\ncolour = 3\nhop_penalty = 7\n[mesh.tunnel.a]\nx = 1\n{IDENTITY}"
    );

    let config = Config::parse(&text).unwrap();

    let eth1 = config.mesh.wanted.interface(&"eth1".parse().unwrap());
    assert_eq!((eth1.hop_penalty, config.mesh.wanted.settings().hop_penalty), (Some(7), None));
    assert_eq!(config.overlooked.len(), 3);
}
