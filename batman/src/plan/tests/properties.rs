//! From any state to any wish.

use proptest::{collection::vec, option, prelude::*, sample::subsequence};

use super::*;
use crate::{
    Address, InterfaceSettings, Knob, Lan, LinkRate, MacPolicy, MeshSettings, Mtu, Setting,
    Throughput, VlanId, VlanSettings, knob::Scope,
};

const MASTERS: [&str; 4] = ["bat0", "bat1", "br0", "br-lan"];
const LINKS: [&str; 4] = ["eth0", "eth1", "eth2", "wlan0"];
const PORTS: [&str; 2] = ["lan0", "lan1"];
const ADDRESSES: [&str; 4] = ["10.0.0.1/24", "10.0.0.1/16", "fd00::1/64", "fd00::1/128"];

fn algorithm() -> impl Strategy<Value = RoutingAlgorithm> {
    prop_oneof![Just(BatmanIv), Just(BatmanV)]
}

fn addresses() -> impl Strategy<Value = Vec<Address>> {
    let texts = subsequence(ADDRESSES.to_vec(), 0..=ADDRESSES.len()).prop_shuffle();
    texts.prop_map(|texts| {
        let mut addresses: Vec<Address> = Vec::new();
        for address in texts.iter().map(|text| text.parse().unwrap()) {
            if !addresses.iter().any(|there| there.excludes(address)) {
                addresses.push(address);
            }
        }
        addresses
    })
}

/// What may be under the names of the mesh device, its VLAN and its bridge.
#[derive(Clone, Debug)]
struct Odds {
    squatters: (bool, bool, bool),
    bridge: bool,
    vlan: Option<bool>,
    vlan_link: bool,
    lacking: Vec<Knob>,
    addresses: Vec<(Address, bool)>,
    penalties: (u8, u8),
    rate: Option<u64>,
    algorithms: Option<Vec<RoutingAlgorithm>>,
    held: Vec<&'static str>,
}

fn odds() -> impl Strategy<Value = Odds> {
    let rarely = || prop::bool::weighted(0.1);
    let ours = addresses().prop_flat_map(|addresses| {
        let length = addresses.len();
        vec(any::<bool>(), length)
            .prop_map(move |ours| addresses.iter().copied().zip(ours).collect::<Vec<_>>())
    });
    let held = subsequence([&["bat0"][..], &LINKS, &PORTS].concat(), 0..=7);
    (
        (rarely(), rarely(), rarely()),
        (any::<bool>(), option::of(any::<bool>()), any::<bool>()),
        subsequence(Knob::ALL.to_vec(), 0..3),
        ours,
        any::<(u8, u8)>(),
        option::of(1..1_000_000_u64),
        (option::weighted(0.2, subsequence(RoutingAlgorithm::ALL.to_vec(), 1..=2)), held),
    )
        .prop_map(
            |(
                squatters,
                (bridge, vlan, vlan_link),
                lacking,
                addresses,
                penalties,
                rate,
                (algorithms, held),
            )| Odds {
                squatters,
                bridge,
                vlan,
                vlan_link,
                lacking,
                addresses,
                penalties,
                rate,
                algorithms,
                held,
            },
        )
}

/// Any state: meshes of any algorithm or none, links in any place.
fn kernel() -> impl Strategy<Value = PretendKernel> {
    let mesh = || option::of((algorithm(), any::<bool>()));
    let link = option::of((any::<bool>(), option::of(0..MASTERS.len())));
    let links = vec(link, LINKS.len() + PORTS.len());
    (mesh(), mesh(), odds(), links).prop_map(|(bat0, bat1, odds, links)| {
        let mut kernel = PretendKernel::default().with_kind("br0", "bridge");
        kernel.lacking = odds.lacking.iter().copied().collect();
        kernel.algorithms.clone_from(&odds.algorithms);
        let (mesh_taken, vlan_taken, bridge_taken) = odds.squatters;
        for (name, mesh) in [("bat0", bat0.filter(|_| !mesh_taken)), ("bat1", bat1)] {
            if let Some((algorithm, up)) = mesh {
                kernel = kernel.with_mesh(name, algorithm, up);
            }
        }
        for (name, is_taken) in
            [("bat0", mesh_taken), ("bat0.10", vlan_taken), ("br-lan", bridge_taken)]
        {
            if is_taken {
                kernel = kernel.with_kind(name, "dummy");
            }
        }
        if odds.bridge && !bridge_taken {
            kernel = kernel.with_kind("br-lan", "bridge");
        }
        for (name, link) in LINKS.into_iter().chain(PORTS).zip(links) {
            if let Some((up, master)) = link {
                let master = master.map(|at| MASTERS[at]);
                let master = master.filter(|name| {
                    let kind = kernel.links.get(*name).and_then(|link| link.kind);
                    matches!(kind, Some("bridge" | "batadv"))
                });
                kernel = kernel.with(name, up, master);
            }
        }
        let held: Vec<_> =
            odds.held.iter().copied().filter(|it| kernel.links.contains_key(*it)).collect();
        kernel = kernel.that_held(&held);
        disturb(kernel, &odds, mesh_taken || bat0.is_none(), vlan_taken)
    })
}

fn disturb(mut kernel: PretendKernel, odds: &Odds, no_mesh: bool, no_vlan: bool) -> PretendKernel {
    if let Some(rate) = odds.rate {
        let lower = Some(Throughput::from_kbit(rate));
        kernel.rates.insert("eth0".to_owned(), LinkRate { lower, ..LinkRate::default() });
    }
    if no_mesh {
        return kernel;
    }
    let index = kernel.link("bat0").index;
    let mesh = kernel.link("bat0");
    mesh.addresses.extend(odds.addresses.iter().copied());
    mesh.settings.hop_penalty = mesh.settings.hop_penalty.map(|_| odds.penalties.0);
    if let Some(isolation) = odds.vlan {
        let ap_isolation = (!odds.lacking.contains(&Knob::VlanApIsolation)).then_some(isolation);
        mesh.vlans.insert(10, VlanSettings { ap_isolation });
        if odds.vlan_link && !no_vlan {
            let (kind, lower, vlan) = (Some("vlan"), Some(index), Some(10));
            let link = kernel::PretendLink { kind, lower, vlan, ..Default::default() };
            kernel = kernel.and("bat0.10", link);
        }
    }
    for link in kernel.links.values_mut().filter(|link| link.master == Some(index)) {
        link.interface.hop_penalty = link.interface.hop_penalty.map(|_| odds.penalties.1);
    }
    kernel
}

fn some_settings(scope: Scope) -> impl Strategy<Value = Vec<Setting>> {
    let knobs: Vec<_> = Knob::ALL.iter().filter(|k| k.about().scope == scope).copied().collect();
    let most = knobs.len();
    subsequence(knobs, 0..=most).prop_map(|knobs| {
        let default = |&knob: &Knob| Setting { knob, value: knob.default(BatmanIv) };
        knobs.iter().map(default).collect()
    })
}

fn any_wanted() -> impl Strategy<Value = Wanted> {
    let hard_interfaces = subsequence(LINKS.to_vec(), 0..=LINKS.len()).prop_shuffle();
    let more = (
        option::of(1280..1600_u32),
        any::<bool>(),
        option::of(subsequence(PORTS.to_vec(), 0..=PORTS.len())),
        addresses(),
        option::of(option::of(any::<bool>())),
    );
    let settings = (some_settings(Scope::Mesh), some_settings(Scope::HardInterface));
    (algorithm(), hard_interfaces, more, settings).prop_map(
        |(algorithm, hard_interfaces, (mtu, stable, ports, addresses, vlan), (mesh, interface))| {
            let mut wanted = wanted_over(algorithm, &hard_interfaces);
            let mut settings = MeshSettings::default();
            assert!(mesh.iter().all(|setting| settings.set(*setting)));
            wanted = wanted.with_settings(settings).unwrap();
            if let Some(first) = hard_interfaces.first() {
                let mut settings = InterfaceSettings::default();
                assert!(interface.iter().all(|setting| settings.set(*setting)));
                wanted = wanted.with_interface(first.parse().unwrap(), settings).unwrap();
            }
            if let Some(mtu) = mtu {
                wanted = wanted.with_mtu(Mtu::new(mtu).unwrap());
            }
            if stable {
                wanted = wanted.with_mac(MacPolicy::Stable);
            }
            if let Some(ports) = ports {
                let ports = ports.iter().map(|port| port.parse().unwrap()).collect();
                let bridge = "br-lan".parse().unwrap();
                wanted = wanted.with_lan(Lan { bridge, ports }).unwrap();
            }
            if let Some(ap_isolation) = vlan {
                let settings = VlanSettings { ap_isolation };
                wanted = wanted.with_vlan(VlanId::new(10).unwrap(), settings).unwrap();
            }
            wanted.with_addresses(addresses).unwrap()
        },
    )
}

fn is_lacking(obstacle: &Obstacle) -> bool {
    matches!(obstacle, Obstacle::Lacking { .. })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn plan_reaches_a_state_that_needs_none_from_any_state(
        mut kernel in kernel(),
        wanted in any_wanted(),
    ) {
        for step in plan(&wanted, &kernel.observe(&wanted)) {
            kernel.apply(&step);
        }

        let seen = kernel.observe(&wanted);
        prop_assert_eq!(plan(&wanted, &seen), []);
        if obstacles(&wanted, &seen).iter().all(is_lacking) {
            let mesh = seen.mesh.as_ref().unwrap();
            prop_assert!(mesh.up && mesh.algorithm == Some(wanted.algorithm()));
            for name in wanted.hard_interfaces() {
                let link = seen.link(name).unwrap();
                prop_assert!(link.up && link.master == Some(mesh.index));
            }
            for setting in wanted.settings().iter() {
                let is_set = mesh.settings.get(setting.knob) == Some(setting.value);
                prop_assert!(is_set || kernel.lacking.contains(&setting.knob));
            }
            let host = seen.link(wanted.host()).unwrap();
            for address in wanted.addresses() {
                let is_there = |a: &crate::LinkAddress| a.link == host.index && a.address == *address;
                prop_assert!(seen.addresses.iter().any(is_there));
            }
        }
    }

    #[test]
    fn mesh_is_deleted_for_another_algorithm_only(kernel in kernel(), wanted in any_wanted()) {
        let seen = kernel.observe(&wanted);

        let steps = plan(&wanted, &seen);

        let deletes = steps.iter().any(|step| matches!(step, Step::DeleteMesh { .. }));
        let other = |device: &MeshDevice| device.algorithm != Some(wanted.algorithm());
        let is_to_be_made = seen.mesh.as_ref().is_some_and(other);
        prop_assert_eq!(deletes, is_to_be_made && !seen.lacks(wanted.algorithm()));
    }

    #[test]
    fn plan_leaves_strangers_as_they_are(before in kernel(), wanted in any_wanted()) {
        let mut after = before.clone();

        for step in plan(&wanted, &before.observe(&wanted)) {
            after.apply(&step);
        }

        let mesh = before.links.get("bat0").map(|link| link.index);
        let lan: Vec<_> = wanted.lan().into_iter().flat_map(|lan| lan.ports.iter()).collect();
        for (name, link) in &before.links {
            let ours = name == "bat0"
                || name == "bat0.10"
                || name == "br-lan"
                || lan.iter().any(|port| port.as_str() == name)
                || wanted.hard_interfaces().iter().any(|wanted| wanted.as_str() == name)
                || (mesh.is_some() && link.master == mesh);
            if !ours {
                prop_assert_eq!(after.links.get(name), Some(link));
            }
        }
    }
}
