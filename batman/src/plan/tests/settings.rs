//! Settings, VLANs and the LAN side.

use super::*;
use crate::{
    GatewayMode, InterfaceSettings, Knob, Lan, LinkRate, MacPolicy, MeshSettings, Mtu, Throughput,
    VlanId, VlanSettings,
};

/// `bat0` over `eth0` as it should be, but for what a test adds.
pub(super) fn whole(algorithm: RoutingAlgorithm) -> (Wanted, PretendKernel) {
    let kernel = PretendKernel::default().with_mesh("bat0", algorithm, true);
    (wanted_over(algorithm, &["eth0"]), kernel.with("eth0", true, Some("bat0")))
}

fn mesh_settings() -> MeshSettings {
    MeshSettings {
        hop_penalty: Some(15),
        bridge_loop_avoidance: Some(true),
        gateway_mode: Some(GatewayMode::Server),
        gateway_download: Some(Throughput::from_kbit(50_000)),
        ..MeshSettings::default()
    }
}

#[test]
fn only_settings_that_differ_are_set_and_others_are_left_alone() {
    let (wanted, mut kernel) = whole(BatmanIv);
    let wanted = wanted.with_settings(mesh_settings()).unwrap();
    kernel.link("bat0").settings.bonding = Some(true);

    check_wanted(
        &wanted,
        kernel,
        &[
            "set bat0 gateway_mode server",
            "set bat0 gateway_download 50.0 Mbit/s",
            "set bat0 hop_penalty 15",
        ],
        &[],
    );
}

#[test]
fn setting_that_this_kernel_lacks_is_named_and_not_planned() {
    let (wanted, mut kernel) = whole(BatmanIv);
    let wanted = wanted.with_settings(mesh_settings()).unwrap();
    let probes = InterfaceSettings {
        elp_interval: Some(std::time::Duration::from_millis(250)),
        hop_penalty: Some(0),
        ..InterfaceSettings::default()
    };
    let wanted = wanted.with_interface("eth0".parse().unwrap(), probes).unwrap();
    kernel.link("bat0").settings = MeshSettings { bridge_loop_avoidance: None, ..mesh_settings() };
    kernel.link("eth0").interface = InterfaceSettings::default();

    check_wanted(
        &wanted,
        kernel,
        &[],
        &[
            "this kernel cannot set bridge_loop_avoidance of bat0: it was built without \
             CONFIG_BATMAN_ADV_BLA, or is too old",
            "this kernel cannot set hop_penalty of eth0: its batman-adv is too old",
            "this kernel cannot set elp_interval of eth0: it was built without \
             CONFIG_BATMAN_ADV_BATMAN_V, or is too old",
        ],
    );
}

#[test]
fn new_mesh_gets_everything_in_order() {
    let wanted = wanted_over(BatmanV, &["eth0"])
        .with_settings(MeshSettings { hop_penalty: Some(15), ..MeshSettings::default() })
        .unwrap()
        .with_interface(
            "eth0".parse().unwrap(),
            InterfaceSettings { hop_penalty: Some(3), ..InterfaceSettings::default() },
        )
        .unwrap()
        .with_vlan(VlanId::new(10).unwrap(), VlanSettings { ap_isolation: Some(true) })
        .unwrap()
        .with_mac(MacPolicy::Stable)
        .with_mtu(Mtu::new(1500).unwrap())
        .with_lan(Lan { bridge: "br-lan".parse().unwrap(), ports: vec!["eth1".parse().unwrap()] })
        .unwrap()
        .with_addresses(vec!["10.0.0.1/24".parse().unwrap()])
        .unwrap();
    let kernel = PretendKernel::default().with("eth0", true, None).with("eth1", false, None);

    check_wanted(
        &wanted,
        kernel,
        &[
            "create bat0 (BATMAN_V)",
            "set bat0 address 42:00:00:00:00:01",
            "attach eth0 to bat0",
            "set eth0 hop_penalty 3",
            "set bat0 hop_penalty 15",
            "set bat0 mtu 1500",
            "set bat0 up",
            "create bat0.10 (VLAN 10 of bat0)",
            "set bat0.10 up",
            "set bat0 VLAN 10 ap_isolation on",
            "create br-lan (bridge)",
            "add port bat0 to br-lan",
            "add port eth1 to br-lan",
            "set eth1 up",
            "set br-lan up",
            "add link-local address to br-lan",
            "add address 10.0.0.1/24 to br-lan",
        ],
        &[],
    );
}

#[test]
fn smaller_step_never_deletes_the_mesh() {
    let (wanted, mut kernel) = whole(BatmanIv);
    let wanted = wanted.with_mtu(Mtu::new(1400).unwrap());
    let wanted = wanted.with_mac(MacPolicy::Fixed("02:00:00:00:00:77".parse().unwrap()));
    kernel.link("bat0").up = false;
    kernel.link("eth0").master = None;

    check_wanted(
        &wanted,
        kernel,
        &[
            "set bat0 address 02:00:00:00:00:77",
            "attach eth0 to bat0",
            "set bat0 mtu 1400",
            "set bat0 up",
        ],
        &[],
    );
}

/// The mesh has VLAN 10 and no link for it.
fn whole_with_vlan() -> (Wanted, PretendKernel) {
    let (wanted, mut kernel) = whole(BatmanIv);
    let vlan = VlanId::new(10).unwrap();
    kernel.link("bat0").vlans.insert(10, VlanSettings { ap_isolation: Some(false) });
    (wanted.with_vlan(vlan, VlanSettings { ap_isolation: Some(true) }).unwrap(), kernel)
}

/// The same, with the mesh in its bridge.
fn bridged_with_vlan() -> (Wanted, PretendKernel) {
    let (wanted, kernel) = whole_with_vlan();
    let lan = Lan { bridge: "br-lan".parse().unwrap(), ports: vec![] };
    let mut kernel = kernel.with_kind("br-lan", "bridge");
    let bridge = kernel.link("br-lan").index;
    kernel.link("bat0").master = Some(bridge);
    (wanted.with_lan(lan).unwrap(), kernel)
}

#[test]
fn vlan_that_a_filtering_bridge_brought_is_adopted() {
    let (wanted, mut kernel) = bridged_with_vlan();
    kernel.link("br-lan").filters_vlans = true;

    check_wanted(&wanted, kernel, &["set bat0 VLAN 10 ap_isolation on"], &[]);
}

#[test]
fn link_of_a_vlan_is_made_again_in_a_bridge_that_does_not_filter() {
    let (wanted, kernel) = bridged_with_vlan();

    check_wanted(
        &wanted,
        kernel,
        &["create bat0.10 (VLAN 10 of bat0)", "set bat0.10 up", "set bat0 VLAN 10 ap_isolation on"],
        &[],
    );
}

#[test]
fn vlan_of_a_link_with_another_name_is_adopted() {
    let (wanted, mut kernel) = whole_with_vlan();
    let (kind, lower) = (Some(Link::VLAN), Some(kernel.link("bat0").index));
    let link = kernel::PretendLink { kind, lower, vlan: Some(10), ..Default::default() };

    check_wanted(&wanted, kernel.and("guests", link), &["set bat0 VLAN 10 ap_isolation on"], &[]);
}

#[test]
fn link_of_a_vlan_that_outlives_it_is_made_again() {
    let (wanted, kernel) = whole_with_vlan();

    check_wanted(
        &wanted,
        kernel,
        &["create bat0.10 (VLAN 10 of bat0)", "set bat0.10 up", "set bat0 VLAN 10 ap_isolation on"],
        &[],
    );
}

#[test]
fn stranger_under_the_name_of_a_vlan_is_left_alone() {
    let (wanted, kernel) = whole(BatmanIv);
    let vlan = VlanId::new(10).unwrap();
    let wanted = wanted.with_vlan(vlan, VlanSettings { ap_isolation: Some(true) }).unwrap();

    check_wanted(
        &wanted,
        kernel.with_kind("bat0.10", "dummy"),
        &[],
        &["the name bat0.10 belongs to a link that is no VLAN 10 of the mesh (dummy)"],
    );
}

#[test]
fn link_under_the_name_of_a_vlan_that_carries_another_is_named() {
    for is_there in [false, true] {
        let (wanted, mut kernel) = whole_with_vlan();
        if !is_there {
            kernel.link("bat0").vlans.clear();
        }
        let (kind, lower) = (Some(Link::VLAN), Some(kernel.link("bat0").index));
        let link = kernel::PretendLink { kind, lower, vlan: Some(11), ..Default::default() };

        check_wanted(
            &wanted,
            kernel.and("bat0.10", link),
            if is_there { &["set bat0 VLAN 10 ap_isolation on"] } else { &[] },
            &["the name bat0.10 belongs to a link that is no VLAN 10 of the mesh (vlan)"],
        );
    }
}

#[test]
fn ports_of_others_stay_and_ports_elsewhere_are_not_stolen() {
    let (wanted, kernel) = whole(BatmanIv);
    let ports = ["eth1", "eth2", "eth3"].map(|name| name.parse().unwrap()).into();
    let lan = Lan { bridge: "br-lan".parse().unwrap(), ports };
    let wanted = wanted.with_lan(lan).unwrap();
    let kernel = kernel
        .with_kind("br-lan", "bridge")
        .with_kind("br-wan", "bridge")
        .with("eth1", true, Some("br-wan"))
        .with("eth2", true, None)
        .with("wlan0-ap", true, Some("br-lan"));

    check_wanted(
        &wanted,
        kernel,
        &["add port bat0 to br-lan", "add port eth2 to br-lan"],
        &["eth1 is enslaved to br-wan", "there is no link eth3"],
    );
}

#[test]
fn mesh_and_ports_that_were_ours_are_taken_back() {
    let (wanted, kernel) = whole(BatmanIv);
    let lan = Lan { bridge: "br-lan".parse().unwrap(), ports: vec!["eth1".parse().unwrap()] };
    let wanted = wanted.with_lan(lan).unwrap();
    let kernel = kernel.with_kind("br-lan", "bridge").with_kind("br0", "bridge");
    let mut kernel = kernel.with("eth1", false, Some("br0"));
    let other = kernel.link("br0").index;
    kernel.link("bat0").master = Some(other);
    let in_the_way = ["eth1 is enslaved to br0", "bat0 is enslaved to br0"];

    check_wanted(&wanted, kernel.clone(), &[], &in_the_way);
    check_wanted(
        &wanted,
        kernel.that_held(&["bat0", "eth1"]),
        &["add port bat0 to br-lan", "add port eth1 to br-lan", "set eth1 up"],
        &[],
    );
}

#[test]
fn mesh_in_a_bridge_that_is_not_wanted_is_reported_and_stays_there() {
    let (wanted, kernel) = whole(BatmanIv);
    let mut kernel = kernel.with_kind("br-lan", "bridge");
    let bridge = kernel.link("br-lan").index;
    kernel.link("bat0").master = Some(bridge);

    check_wanted(&wanted, kernel, &[], &["bat0 is enslaved to br-lan"]);
}

#[test]
fn stranger_under_the_name_of_the_bridge_is_left_alone() {
    let (wanted, kernel) = whole(BatmanIv);
    let lan = Lan { bridge: "br-lan".parse().unwrap(), ports: vec![] };
    let wanted = wanted.with_lan(lan).unwrap();

    check_wanted(
        &wanted,
        kernel.with_kind("br-lan", "dummy"),
        &[],
        &["the name br-lan belongs to a link that is no bridge (dummy)"],
    );
}

#[test]
fn tunnel_gets_the_throughput_of_the_link_below_under_v_only() {
    let below = LinkRate { lower: Some(Throughput::from_kbit(100_000)), ..LinkRate::default() };
    for (algorithm, steps) in
        [(BatmanIv, &[] as &[&str]), (BatmanV, &["set eth0 throughput_override 100.0 Mbit/s"])]
    {
        let (wanted, mut kernel) = whole(algorithm);
        kernel.rates.insert("eth0".to_owned(), below);

        check_wanted(&wanted, kernel, steps, &[]);
    }
}

#[test]
fn what_was_there_is_told_beside_the_step() {
    let (wanted, kernel) = whole(BatmanIv);
    let wanted = wanted.with_settings(mesh_settings()).unwrap();
    let wanted = wanted.with_mtu(Mtu::new(1400).unwrap());
    let seen = kernel.observe(&wanted);

    let told: Vec<_> = plan(&wanted, &seen).iter().map(|step| was(step, &seen)).collect();

    let told: Vec<_> = told.iter().map(Option::as_deref).collect();
    assert_eq!(told, [Some("off"), Some("10.0 Mbit/s"), Some("30"), Some("1500")]);
    let add = Step::AddLinkLocal { link: "bat0".parse().unwrap() };
    assert_eq!(was(&add, &seen), None);
    assert_eq!(Knob::HopPenalty.default(BatmanIv).to_string(), "30");
}
