use std::collections::BTreeMap;

use proptest::{collection::vec, option, prelude::*, sample::subsequence};

use super::*;
use crate::{MacAddr, MeshSettings, RoutingAlgorithm};

/// A kernel of maps: enough of one to be observed and to take steps.
#[derive(Clone, Debug, Default)]
struct PretendKernel {
    links: BTreeMap<String, PretendLink>,
    created: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PretendLink {
    index: u32,
    algorithm: Option<RoutingAlgorithm>,
    kind: Option<&'static str>,
    up: bool,
    master: Option<u32>,
}

impl PretendKernel {
    fn with(mut self, name: &str, up: bool, master: Option<&str>) -> Self {
        let master = master.map(|master| self.links[master].index);
        self.insert(name, PretendLink { index: 0, algorithm: None, kind: None, up, master });
        self
    }

    fn with_kind(mut self, name: &str, kind: &'static str) -> Self {
        let kind = Some(kind);
        self.insert(name, PretendLink { index: 0, algorithm: None, kind, up: true, master: None });
        self
    }

    fn with_mesh(mut self, name: &str, algorithm: RoutingAlgorithm, up: bool) -> Self {
        let algorithm = Some(algorithm);
        let kind = Some(Link::MESH);
        self.insert(name, PretendLink { index: 0, algorithm, kind, up, master: None });
        self
    }

    fn insert(&mut self, name: &str, link: PretendLink) {
        self.created += 1;
        let link = PretendLink { index: self.created, ..link };
        assert_eq!(self.links.insert(name.to_owned(), link), None, "{name} exists");
    }

    fn observe(&self, wanted: &Wanted) -> Seen {
        let links = self.links.iter().map(|(name, link)| Link {
            name: name.parse().unwrap(),
            index: IfIndex(link.index),
            address: None,
            kind: link.kind.map(str::to_owned),
            up: link.up,
            carrier: link.up,
            master: link.master.map(IfIndex),
        });
        let device = self.links.get(wanted.mesh().as_str()).filter(|l| l.kind == Some(Link::MESH));
        let mesh = device.map(|link| MeshDevice {
            name: wanted.mesh().clone(),
            index: IfIndex(link.index),
            address: MacAddr([2, 0, 0, 0, 0, 1]),
            up: link.up,
            algorithm: link.algorithm,
            version: String::new(),
            settings: MeshSettings::default(),
        });
        Seen { mesh, links: links.collect(), ..Seen::default() }
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::CreateMesh { mesh, algorithm } => {
                let (algorithm, kind) = (Some(*algorithm), Some(Link::MESH));
                let device = PretendLink { index: 0, algorithm, kind, up: false, master: None };
                self.insert(mesh.as_str(), device);
            }
            Step::DeleteMesh { mesh } => {
                let device = self.links.remove(mesh.as_str()).unwrap();
                assert_eq!(device.kind, Some(Link::MESH));
                for link in self.links.values_mut().filter(|l| l.master == Some(device.index)) {
                    link.master = None;
                }
            }
            Step::SetUp { link } => {
                let link = self.links.get_mut(link.as_str()).unwrap();
                assert!(!link.up, "a link that is up is set up");
                link.up = true;
            }
            Step::Attach { link, mesh } => {
                let index = self.links[mesh.as_str()].index;
                let link = self.links.get_mut(link.as_str()).unwrap();
                assert!(link.up, "a link that is down is attached");
                assert_eq!(link.master.replace(index), None, "a link is stolen from its master");
            }
            Step::Detach { link, mesh } => {
                let index = self.links[mesh.as_str()].index;
                let link = self.links.get_mut(link.as_str()).unwrap();
                assert_eq!(link.master.take(), Some(index));
            }
        }
    }
}

use RoutingAlgorithm::{BatmanIv, BatmanV};

/// `bat0` with B.A.T.M.A.N. IV over `eth0` and `eth1`.
fn wanted() -> Wanted {
    wanted_over(BatmanIv, &["eth0", "eth1"])
}

fn wanted_over(algorithm: RoutingAlgorithm, hard_interfaces: &[&str]) -> Wanted {
    let hard_interfaces = hard_interfaces.iter().map(|name| name.parse().unwrap()).collect();
    Wanted::new("bat0".parse().unwrap(), algorithm, hard_interfaces).unwrap()
}

/// Plans from `kernel` and takes the steps: what is planned, what is in the way.
#[track_caller]
fn check(mut kernel: PretendKernel, steps: &[&str], in_the_way: &[&str]) {
    let seen = kernel.observe(&wanted());

    let planned = plan(&wanted(), &seen);

    let texts: Vec<_> = planned.iter().map(ToString::to_string).collect();
    assert_eq!(texts, steps);
    let obstacles: Vec<_> = obstacles(&wanted(), &seen).iter().map(ToString::to_string).collect();
    assert_eq!(obstacles, in_the_way);
    planned.iter().for_each(|step| kernel.apply(step));
    assert_eq!(plan(&wanted(), &kernel.observe(&wanted())), []);
}

#[test]
fn mesh_is_created_from_nothing_in_order() {
    let kernel = PretendKernel::default().with("eth0", false, None).with("eth1", true, None);

    check(
        kernel,
        &[
            "create bat0 (BATMAN_IV)",
            "set eth0 up",
            "attach eth0 to bat0",
            "attach eth1 to bat0",
            "set bat0 up",
        ],
        &[],
    );
}

#[test]
fn wanted_mesh_needs_nothing() {
    let kernel = PretendKernel::default()
        .with_mesh("bat0", BatmanIv, true)
        .with("eth0", true, Some("bat0"))
        .with("eth1", true, Some("bat0"));

    check(kernel, &[], &[]);
}

#[test]
fn existing_mesh_is_adopted() {
    let kernel = PretendKernel::default()
        .with_mesh("bat0", BatmanIv, false)
        .with("eth0", true, Some("bat0"))
        .with("eth1", false, Some("bat0"));

    check(kernel, &["set eth1 up", "set bat0 up"], &[]);
}

#[test]
fn detached_hard_interface_is_attached_again() {
    let kernel = PretendKernel::default()
        .with_mesh("bat0", BatmanIv, true)
        .with("eth0", true, Some("bat0"))
        .with("eth1", true, None);

    check(kernel, &["attach eth1 to bat0"], &[]);
}

#[test]
fn other_algorithm_is_reached_by_deletion_and_every_hard_interface_follows() {
    let kernel = PretendKernel::default()
        .with_mesh("bat0", BatmanV, true)
        .with("eth0", true, Some("bat0"))
        .with("eth1", true, Some("bat0"));

    check(
        kernel,
        &[
            "delete bat0",
            "create bat0 (BATMAN_IV)",
            "attach eth0 to bat0",
            "attach eth1 to bat0",
            "set bat0 up",
        ],
        &[],
    );
}

#[test]
fn unknown_algorithm_counts_as_another() {
    let mut kernel = PretendKernel::default()
        .with_mesh("bat0", BatmanIv, true)
        .with("eth0", true, Some("bat0"))
        .with("eth1", true, Some("bat0"));
    kernel.links.get_mut("bat0").unwrap().algorithm = None;

    let steps = plan(&wanted(), &kernel.observe(&wanted()));

    assert_eq!(steps.first(), Some(&Step::DeleteMesh { mesh: "bat0".parse().unwrap() }));
}

#[test]
fn missing_hard_interface_is_reported_and_the_rest_goes_on() {
    let kernel =
        PretendKernel::default().with_mesh("bat0", BatmanIv, true).with("eth1", true, None);

    check(kernel, &["attach eth1 to bat0"], &["there is no link eth0"]);
}

#[test]
fn hard_interface_of_a_bridge_is_reported_and_not_stolen() {
    let kernel = PretendKernel::default()
        .with_kind("br0", "bridge")
        .with_mesh("bat0", BatmanIv, true)
        .with("eth0", false, Some("br0"))
        .with("eth1", true, Some("bat0"));

    check(kernel, &[], &["eth0 is enslaved to br0"]);
}

#[test]
fn unwanted_hard_interface_is_detached() {
    let kernel = PretendKernel::default()
        .with_mesh("bat0", BatmanIv, true)
        .with("eth0", true, Some("bat0"))
        .with("eth1", true, None)
        .with("wlan0", true, Some("bat0"));

    check(kernel, &["detach wlan0 from bat0", "attach eth1 to bat0"], &[]);
}

#[test]
fn link_of_another_kind_under_the_name_of_the_mesh_is_left_alone() {
    let kernel = PretendKernel::default()
        .with_kind("bat0", "dummy")
        .with("eth0", false, None)
        .with("eth1", true, None);

    check(kernel, &[], &["the name bat0 belongs to a link that is no mesh (dummy)"]);
}

#[test]
fn mesh_without_hard_interfaces_is_a_mesh() {
    let wanted = wanted_over(BatmanV, &[]);

    let steps = plan(&wanted, &Seen::default());

    let texts: Vec<_> = steps.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["create bat0 (BATMAN_V)", "set bat0 up"]);
}

const MASTERS: [&str; 3] = ["bat0", "bat1", "br0"];
const LINKS: [&str; 4] = ["eth0", "eth1", "eth2", "wlan0"];

fn algorithm() -> impl Strategy<Value = RoutingAlgorithm> {
    prop_oneof![Just(BatmanIv), Just(BatmanV)]
}

/// Any state: meshes of any algorithm or none, links in any place.
fn kernel() -> impl Strategy<Value = PretendKernel> {
    let mesh = || option::of((algorithm(), any::<bool>()));
    let link = option::of((any::<bool>(), option::of(0..MASTERS.len())));
    let squatter = prop::bool::weighted(0.1);
    (mesh(), mesh(), squatter, vec(link, LINKS.len())).prop_map(|(bat0, bat1, squatter, links)| {
        let mut kernel = PretendKernel::default().with_kind("br0", "bridge");
        for (name, mesh) in [("bat0", bat0.filter(|_| !squatter)), ("bat1", bat1)] {
            if let Some((algorithm, up)) = mesh {
                kernel = kernel.with_mesh(name, algorithm, up);
            }
        }
        if squatter {
            kernel = kernel.with_kind("bat0", "dummy");
        }
        for (name, link) in LINKS.into_iter().zip(links) {
            if let Some((up, master)) = link {
                let master = master.map(|at| MASTERS[at]);
                let master = master.filter(|name| kernel.links.contains_key(*name));
                kernel = kernel.with(name, up, master);
            }
        }
        kernel
    })
}

fn any_wanted() -> impl Strategy<Value = Wanted> {
    let hard_interfaces = subsequence(LINKS.to_vec(), 0..=LINKS.len()).prop_shuffle();
    (algorithm(), hard_interfaces)
        .prop_map(|(algorithm, hard_interfaces)| wanted_over(algorithm, &hard_interfaces))
}

proptest! {
    #[test]
    fn plan_reaches_a_state_that_needs_none_from_any_state(
        mut kernel in kernel(),
        wanted in any_wanted(),
    ) {
        let in_the_way = obstacles(&wanted, &kernel.observe(&wanted));

        for step in plan(&wanted, &kernel.observe(&wanted)) {
            kernel.apply(&step);
        }

        let seen = kernel.observe(&wanted);
        prop_assert_eq!(plan(&wanted, &seen), []);
        prop_assert_eq!(obstacles(&wanted, &seen), in_the_way.clone());
        if in_the_way.is_empty() {
            let mesh = seen.mesh.as_ref().unwrap();
            prop_assert!(mesh.up && mesh.algorithm == Some(wanted.algorithm()));
            for name in wanted.hard_interfaces() {
                let link = seen.link(name).unwrap();
                prop_assert!(link.up && link.master == Some(mesh.index));
            }
        }
    }

    #[test]
    fn plan_leaves_strangers_as_they_are(before in kernel(), wanted in any_wanted()) {
        let mut after = before.clone();

        for step in plan(&wanted, &before.observe(&wanted)) {
            after.apply(&step);
        }

        let mesh = before.links.get("bat0").map(|link| link.index);
        for (name, link) in &before.links {
            let ours = name == "bat0"
                || wanted.hard_interfaces().iter().any(|wanted| wanted.as_str() == name)
                || (mesh.is_some() && link.master == mesh);
            if !ours {
                prop_assert_eq!(after.links.get(name), Some(link));
            }
        }
    }
}
