//! What is planned, held against a kernel of maps.

mod addresses;
mod kernel;
mod properties;
mod settings;

use kernel::PretendKernel;

use super::*;
use crate::RoutingAlgorithm;

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
fn check(kernel: PretendKernel, steps: &[&str], in_the_way: &[&str]) {
    check_wanted(&wanted(), kernel, steps, in_the_way);
}

/// Plans what is wanted from `kernel` and takes the steps, after which nothing is left to do.
#[track_caller]
fn check_wanted(wanted: &Wanted, mut kernel: PretendKernel, steps: &[&str], in_the_way: &[&str]) {
    let seen = kernel.observe(wanted);

    let planned = plan(wanted, &seen);

    let texts: Vec<_> = planned.iter().map(ToString::to_string).collect();
    assert_eq!(texts, steps);
    let obstacles: Vec<_> = obstacles(wanted, &seen).iter().map(ToString::to_string).collect();
    assert_eq!(obstacles, in_the_way);
    planned.iter().for_each(|step| kernel.apply(step));
    assert_eq!(plan(wanted, &kernel.observe(wanted)), []);
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
            "add link-local address to bat0",
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
            "delete bat0 (to create it again with BATMAN_IV)",
            "create bat0 (BATMAN_IV)",
            "attach eth0 to bat0",
            "attach eth1 to bat0",
            "set bat0 up",
            "add link-local address to bat0",
        ],
        &[],
    );
}

#[test]
fn mesh_stays_where_the_kernel_lacks_the_algorithm_that_it_should_have() {
    let wanted = wanted_over(BatmanV, &["eth0"]);
    let mut kernel =
        PretendKernel::default().with_mesh("bat0", BatmanIv, true).with("eth0", true, Some("bat0"));
    kernel.algorithms = Some(vec![BatmanIv]);

    check_wanted(
        &wanted,
        kernel,
        &[],
        &["this kernel has no BATMAN_V for bat0: it was built without CONFIG_BATMAN_ADV_BATMAN_V"],
    );
}

#[test]
fn mesh_that_the_kernel_cannot_have_is_not_tried() {
    let wanted = wanted_over(BatmanV, &["eth0"]);
    let mut kernel = PretendKernel::default().with("eth0", true, None);
    kernel.algorithms = Some(vec![BatmanIv]);

    check_wanted(
        &wanted,
        kernel,
        &[],
        &["this kernel has no BATMAN_V for bat0: it was built without CONFIG_BATMAN_ADV_BATMAN_V"],
    );
}

#[test]
fn kernel_that_does_not_tell_what_it_has_is_tried() {
    for algorithms in [None, Some(vec![BatmanIv, BatmanV])] {
        let mut kernel = PretendKernel::default().with_mesh("bat0", BatmanIv, true);
        kernel.algorithms = algorithms;

        check_wanted(
            &wanted_over(BatmanV, &[]),
            kernel,
            &[
                "delete bat0 (to create it again with BATMAN_V)",
                "create bat0 (BATMAN_V)",
                "set bat0 up",
                "add link-local address to bat0",
            ],
            &[],
        );
    }
}

#[test]
fn unknown_algorithm_counts_as_another() {
    let mut kernel = PretendKernel::default()
        .with_mesh("bat0", BatmanIv, true)
        .with("eth0", true, Some("bat0"))
        .with("eth1", true, Some("bat0"));
    kernel.link("bat0").algorithm = None;

    let steps = plan(&wanted(), &kernel.observe(&wanted()));

    assert_eq!(
        steps.first(),
        Some(&Step::DeleteMesh { mesh: "bat0".parse().unwrap(), to_become: Some(BatmanIv) })
    );
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
fn hard_interface_that_was_ours_is_taken_back() {
    let kernel = PretendKernel::default()
        .with_kind("br0", "bridge")
        .with_mesh("bat0", BatmanIv, true)
        .with("eth0", true, Some("br0"))
        .with("eth1", true, Some("bat0"));
    let kernel = kernel.that_held(&["eth0"]);
    let seen = kernel.observe(&wanted());
    let attach = Step::Attach { link: "eth0".parse().unwrap(), mesh: "bat0".parse().unwrap() };
    assert_eq!(was(&attach, &seen).as_deref(), Some("in br0"));

    check(kernel, &["attach eth0 to bat0"], &[]);
}

#[test]
fn mesh_that_was_renamed_gets_its_name_back() {
    let kernel = PretendKernel::default()
        .with_mesh("x", BatmanIv, true)
        .with("eth0", true, Some("x"))
        .with("eth1", true, Some("x"));

    check(kernel.that_held(&["x"]), &["rename x to bat0"], &[]);
}

#[test]
fn mesh_under_another_name_that_never_was_ours_is_anothers() {
    let kernel = PretendKernel::default()
        .with_mesh("x", BatmanIv, true)
        .with("eth0", true, Some("x"))
        .with("eth1", true, None);

    check(
        kernel,
        &[
            "create bat0 (BATMAN_IV)",
            "attach eth1 to bat0",
            "set bat0 up",
            "add link-local address to bat0",
        ],
        &["eth0 is enslaved to x"],
    );
}

#[test]
fn mesh_whose_name_was_given_away_keeps_the_other() {
    let kernel = PretendKernel::default()
        .with_mesh("x", BatmanIv, true)
        .with_kind("bat0", "dummy")
        .with("eth0", true, Some("x"))
        .with("eth1", true, Some("x"));

    check(
        kernel.that_held(&["x"]),
        &[],
        &[
            "the name bat0 belongs to a link that is no mesh (dummy)",
            "eth0 is enslaved to x",
            "eth1 is enslaved to x",
        ],
    );
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
    assert_eq!(texts, ["create bat0 (BATMAN_V)", "set bat0 up", "add link-local address to bat0"]);
}
