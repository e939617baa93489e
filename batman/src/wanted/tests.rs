use super::*;
use crate::{Knob, MacAddr, Throughput};

fn wanted(hard_interfaces: &[&str]) -> Result<Wanted, Contradiction> {
    let hard_interfaces = hard_interfaces.iter().map(|name| name.parse().unwrap()).collect();
    Wanted::new("bat0".parse().unwrap(), RoutingAlgorithm::BatmanIv, hard_interfaces)
}

fn lan(bridge: &str, ports: &[&str]) -> Lan {
    let ports = ports.iter().map(|name| name.parse().unwrap()).collect();
    Lan { bridge: bridge.parse().unwrap(), ports }
}

#[test]
fn hard_interfaces_keep_their_order() {
    let names: Vec<_> = ["wlan0", "eth1", "eth0"].map(|name| name.parse().unwrap()).into();

    assert_eq!(wanted(&["wlan0", "eth1", "eth0"]).unwrap().hard_interfaces(), names);
}

#[test]
fn contradictions_are_refused_by_name() {
    let eth1 = || wanted(&["eth1"]).unwrap();
    let vlan = |number| VlanId::new(number).unwrap();
    let class = MeshSettings { gateway_class: Some(256), ..MeshSettings::default() };
    let slow = Some(Throughput::from_kbit(150));
    let slow = InterfaceSettings { throughput_override: slow, ..InterfaceSettings::default() };
    let long = Wanted::new("a-long-mesh-1".parse().unwrap(), RoutingAlgorithm::BatmanV, vec![]);
    let address: Address = "10.0.0.1/24".parse().unwrap();
    let refusals = [
        (wanted(&["eth0", "bat0"]), "mesh bat0 cannot be its own hard interface"),
        (wanted(&["eth1", "eth0", "eth1"]), "hard interface eth1 is named twice"),
        (
            eth1().with_settings(class),
            "gateway_class cannot be 256: 1 to 255 is expected under BATMAN_IV",
        ),
        (
            eth1().with_interface("eth0".parse().unwrap(), InterfaceSettings::default()),
            "eth0 is no hard interface of this mesh",
        ),
        (
            eth1().with_interface("eth1".parse().unwrap(), slow),
            "throughput_override cannot be 0.1 Mbit/s: 0.0 Mbit/s to 429496729.5 Mbit/s, in steps of 0.1 is expected under BATMAN_IV",
        ),
        (
            eth1().with_vlan(vlan(4095), VlanSettings::default()),
            "4095 is no VLAN of its own: 1 to 4094 is expected",
        ),
        (
            long.unwrap().with_vlan(vlan(100), VlanSettings::default()),
            "a-long-mesh-1.100 is too long for a link's name",
        ),
        (eth1().with_lan(lan("bat0", &[])), "bat0 cannot be the bridge: it is part of the mesh"),
        (
            eth1().with_lan(lan("br0", &["eth0", "eth1"])),
            "eth1 cannot be a port of the bridge: it has another use",
        ),
        (
            eth1().with_lan(lan("br0", &["eth0", "eth0"])),
            "eth0 cannot be a port of the bridge: it has another use",
        ),
        (eth1().with_addresses(vec![address, address]), "address 10.0.0.1/24 is named twice"),
    ];

    for (refused, reason) in refusals {
        assert_eq!(refused.unwrap_err().to_string(), reason);
    }
}

#[test]
fn host_is_the_bridge_where_there_is_one() {
    let alone = wanted(&["eth1"]).unwrap();
    let bridged = alone.clone().with_lan(lan("br0", &["eth0"])).unwrap();

    assert_eq!(alone.host().as_str(), "bat0");
    assert_eq!(bridged.host().as_str(), "br0");
}

#[test]
fn what_is_not_said_is_not_kept() {
    let wanted = wanted(&["eth1"]).unwrap();

    assert_eq!(wanted.settings().iter().count(), 0);
    assert_eq!(wanted.interface(&"eth1".parse().unwrap()).get(Knob::ElpInterval), None);
    assert_eq!((wanted.mtu(), wanted.mac().address(None)), (None, None));
}

#[test]
fn stable_address_differs_from_the_hard_interfaces_and_stays() {
    for address in ["00:0d:b9:12:34:56", "02:00:00:00:00:01", "42:00:00:00:00:01"] {
        let address: MacAddr = address.parse().unwrap();

        let derived = MacPolicy::Stable.address(Some(address)).unwrap();

        assert_ne!(derived, address);
        assert_eq!(derived.0[0] & 0x03, 0x02, "local, and of one host");
        assert_eq!(MacPolicy::Stable.address(Some(address)), Some(derived));
    }
    let fixed = MacPolicy::Fixed("02:00:00:00:00:09".parse().unwrap());
    assert_eq!(fixed.address(None).unwrap().to_string(), "02:00:00:00:00:09");
    assert_eq!(MacPolicy::Stable.address(None), None);
}

#[test]
fn addresses_are_of_hosts_and_have_a_prefix() {
    for text in ["10.0.0.1/24", "fd00::1/64", "192.0.2.1/32", "fe80::1/64"] {
        assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
    }
    for text in [
        "",
        "10.0.0.1",
        "10.0.0.1/33",
        "10.0.0.1/+8",
        "fd00::1/129",
        "0.0.0.0/0",
        "ff02::1/64",
        "224.0.0.1/4",
        "127.0.0.1/8",
        "::1/128",
        "bat0/24",
        "255.255.255.255/32",
    ] {
        assert!(text.parse::<Address>().is_err(), "{text}");
    }
}

#[test]
fn ipv6_address_has_one_prefix() {
    let with = |texts: [&str; 2]| {
        let addresses = texts.map(|text| text.parse().unwrap());
        wanted(&["eth1"]).unwrap().with_addresses(addresses.into()).map(drop)
    };

    let refusal = Contradiction::TwoPrefixes("fd00::1/64".parse().unwrap());
    assert_eq!(with(["fd00::1/64", "fd00::1/48"]), Err(refusal));
    assert_eq!(with(["fd00::1/64", "fd00::2/48"]), Ok(()));
    assert_eq!(with(["10.0.0.1/24", "10.0.0.1/16"]), Ok(()));
}

#[test]
fn link_local_address_follows_the_hardware_address() {
    let address = Address::link_local("02:0a:0b:0c:0d:0e".parse().unwrap());

    assert_eq!(address.to_string(), "fe80::a:bff:fe0c:d0e/64");
    assert!(address.is_link_local());
}
