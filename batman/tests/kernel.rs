//! The real kernel under the tests, asked only what anybody may ask and changed in nothing.
//! Meshes on real kernels are the lab's.

use std::{future::Future, pin::pin, task::Poll, time::Duration};

use batman::{
    Claim, Errno, Error, IfName, Kernel, MacAddr, Obstacle, RoutingAlgorithm, Step, Wanted,
    obstacles, plan,
};

fn wanted(hard_interfaces: &[&str]) -> Wanted {
    let name = |name: &str| name.parse().expect("the tests' names are within the kernel's rules");
    let hard_interfaces = hard_interfaces.iter().copied().map(name).collect();
    Wanted::new(name("no-such-mesh"), RoutingAlgorithm::BatmanV, hard_interfaces)
        .expect("the tests' meshes do not contradict themselves")
}

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a machine that runs tests has an epoll descriptor left").block_on(future)
}

#[test]
fn machine_without_the_mesh_is_seen_without_privilege() {
    block_on(async {
        let wanted = wanted(&["lo", "no-such-link"]);

        let seen = Kernel::open().unwrap().observe(&wanted).await.unwrap();

        assert_eq!((seen.mesh.as_ref(), seen.left_out), (None, 0));
        let names: Vec<_> = seen.links.iter().map(|link| link.name.as_str()).collect();
        assert_eq!(names, ["lo"]);
        let missing = Obstacle::Missing { link: "no-such-link".parse().unwrap() };
        assert_eq!(obstacles(&wanted, &seen), [missing]);
        assert!(matches!(plan(&wanted, &seen).first(), Some(Step::CreateMesh { .. })));
    });
}

#[test]
fn mesh_that_is_not_there_is_removed_enough() {
    block_on(async {
        let mesh: IfName = "no-such-mesh".parse().unwrap();

        Kernel::open().unwrap().remove_mesh(&mesh).await.unwrap();
    });
}

#[test]
fn link_that_is_no_mesh_is_not_removed() {
    block_on(async {
        let loopback: IfName = "lo".parse().unwrap();

        let refusal = Kernel::open().unwrap().remove_mesh(&loopback).await.unwrap_err();

        assert!(matches!(refusal, Error::NotAMesh { link, .. } if link == loopback));
    });
}

#[test]
fn question_that_was_dropped_half_way_does_not_spoil_the_next() {
    block_on(async {
        let mut kernel = Kernel::open().unwrap();
        let wanted = wanted(&["lo"]);
        let undisturbed = kernel.observe(&wanted).await.unwrap();

        for patience in 0..8 {
            abandon(kernel.observe(&wanted), patience).await;

            assert_eq!(kernel.observe(&wanted).await.unwrap().links, undisturbed.links);
        }
    });
}

/// Lets a future run for so many turns of the runtime, then drops it.
async fn abandon<F: Future>(future: F, turns: usize) {
    let mut future = pin!(future);
    for _ in 0..turns {
        let poll = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if poll.is_ready() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Whatever this kernel is, a mesh that is not there is said not to be there, in everybody's words.
#[test]
fn every_table_of_a_mesh_that_is_not_there_says_so() {
    block_on(async {
        let mesh: IfName = "no-such-mesh".parse().unwrap();
        let mut kernel = Kernel::open().unwrap();

        let refusals = [
            kernel.mesh_device(&mesh).await.unwrap_err(),
            kernel.hard_interfaces(&mesh).await.unwrap_err(),
            kernel.global_clients(&mesh).await.unwrap_err(),
            kernel.stream(&mesh, |_: Claim| {}).await.unwrap_err(),
            kernel.counters(&mesh).await.unwrap_err(),
            kernel.measure(&mesh, MacAddr([2; 6]), Duration::from_secs(1)).await.unwrap_err(),
        ];

        for refusal in refusals {
            assert!(matches!(&refusal, Error::Refused { errno: Errno::ENODEV, .. }), "{refusal}");
        }
    });
}

#[test]
fn link_that_is_no_mesh_has_no_tables() {
    block_on(async {
        let loopback: IfName = "lo".parse().unwrap();
        let mut kernel = Kernel::open().unwrap();

        let refusal = kernel.gateways(&loopback).await.unwrap_err();

        assert_eq!(refusal.to_string(), "cannot list the gateways in lo: lo is no mesh device");
    });
}

#[test]
fn events_of_meshes_can_be_waited_for_without_privilege() {
    block_on(async {
        let mut uevents = Kernel::open().unwrap().uevents().unwrap();

        abandon(uevents.next(), 2).await;
    });
}
