//! Updates on their way from a repository to a slot: over a bad line, past callers who leave, onto the right slot only.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails; disks and repositories are files, served from sockets"
)]

mod api;
mod command_line;
#[path = "../http/mod.rs"]
mod http;
mod memory;
mod publisher;
mod refusals;
mod router;

use image::slot::Slot;
use image::slot::chooser::WithoutKernel;
use image::slot::environment::State;
use image::slot::trial::Phase;
use mesh_node::install::journal::Insists;
use mesh_node::io::installing::Wish;
use mesh_node::proto::image::{Progress, Stage};

use http::{Manner, Server};
use publisher::{BOARD, Publisher, write_update};
use router::{Router, end, everything};

/// The default of the configuration.
const TRIES: u8 = 3;

#[tokio::test]
async fn an_update_over_a_line_that_breaks_boots_on_trial_after_its_activation() {
    let publisher = Publisher::of("1.1.0");
    let server = Server::start(publisher.folder(), Manner::Dies(300_000)).await;
    let router = Router::of("1.0.0", &publisher, Some(server.url()));
    assert_eq!(router.chosen().slot, Some(Slot::A));

    let progress = router.installing().install("a test".into(), &Wish::default()).unwrap();
    let told = everything(progress).await;

    let last = told.last().unwrap().as_ref().unwrap();
    assert_eq!(last.detail, "slot b holds 1.1.0, ready");
    assert!(server.ranges().len() > 2, "{:?}", server.ranges());
    let seen = router.slots().observe();
    assert_eq!(seen.b.as_ref().unwrap().trial().unwrap().phase, Phase::Ready);
    assert_eq!(router.chosen().slot, Some(Slot::A), "installed is not activated");
    router.activate(TRIES).unwrap();
    let choice = router.chosen();
    assert_eq!(choice.slot, Some(Slot::B));
    assert_eq!(choice.kernel_file, "C:BOOT-b:vmlinuz");
    assert_eq!(choice.kernel_parameters, "root=PARTLABEL=root-b quiet");
    assert_eq!(choice.without_kernel, WithoutKernel::Resets);
    let (_, testing) = choice.written.unwrap();
    let testing = image::slot::Environment::parse(&testing).unwrap();
    assert_eq!((testing.state(), testing.revision()), (State::Testing, 2));
    assert_eq!(testing.trial().unwrap().allowed, TRIES);
}

#[tokio::test]
async fn every_stage_is_told_with_its_bytes() {
    let publisher = Publisher::of("1.1.0");
    let router = Router::of("1.0.0", &publisher, None);

    let progress = router.installing().install("a test".into(), &Wish::default()).unwrap();
    let told: Vec<_> = everything(progress).await.into_iter().map(Result::unwrap).collect();

    let mut stages: Vec<Stage> = told.iter().map(Progress::stage).collect();
    stages.dedup();
    use Stage::{Asking, Done, ReadingBack, Receiving, Resuming};
    assert_eq!(stages, [Asking, Resuming, Receiving, ReadingBack, Done]);
    let last = told.last().unwrap();
    assert!(last.total_bytes > 1 << 20 && last.done_bytes == last.total_bytes, "{last:?}");
    assert_eq!((last.version.as_str(), last.slot.as_str()), ("1.1.0", "b"));
}

#[tokio::test]
async fn what_a_caller_who_left_had_received_is_not_fetched_again() {
    let publisher = Publisher::of("1.1.0");
    let stuck = Server::start(publisher.folder(), Manner::Stops(700_000)).await;
    let router = Router::of("1.0.0", &publisher, Some(stuck.url()));
    let installing = router.installing();
    let mut progress = installing.install("a test".into(), &Wish::default()).unwrap();
    while progress.recv().await.unwrap().unwrap().done_bytes < 512 << 10 {}

    drop(progress);
    router.until_free(&installing).await;

    assert_eq!(router.chosen().slot, Some(Slot::A), "half a slot is not chosen");
    let half = router.slot_b(&installing).await;
    assert_eq!(half.state, "receiving");
    assert!((1..100).contains(&half.percent.unwrap()), "{half:?}");
    drop(installing);
    let good = Server::start(publisher.folder(), Manner::Good).await;
    let rebooted = router.rebooted(Some(good.url()));
    let progress = rebooted.installing().install("a test".into(), &Wish::default()).unwrap();
    assert_eq!(end(progress).await.unwrap().stage(), Stage::Done);
    let ranges = good.ranges();
    let from = |range: &String| range.trim_end_matches('-').parse::<u64>().ok();
    assert_eq!(ranges[0], "none", "the header is read again");
    assert!(from(&ranges[1]) > Some(512 << 10), "{ranges:?}");
}

#[tokio::test]
async fn what_goes_on_in_the_background_goes_on_after_a_reboot() {
    let publisher = Publisher::of("1.1.0");
    let stuck = Server::start(publisher.folder(), Manner::Stops(700_000)).await;
    let router = Router::of("1.0.0", &publisher, Some(stuck.url()));
    let wish = Wish { background: true, ..Wish::default() };
    let installing = router.installing();
    let mut progress = installing.install("a test".into(), &wish).unwrap();
    while progress.recv().await.unwrap().unwrap().done_bytes < 512 << 10 {}
    drop(progress);
    assert!(router.is_busy(&installing).await, "nobody has to watch it");

    let good = Server::start(publisher.folder(), Manner::Good).await;
    let rebooted = router.rebooted(Some(good.url()));
    let installing = rebooted.installing();
    installing.start();
    rebooted.until_free(&installing).await;

    assert_eq!(rebooted.slot_b(&installing).await.state, "ready");
}

/// A router on which an installation was broken off by a reboot; the wish may name a file.
async fn broken_off(publisher: &Publisher, wish: Wish) -> Router {
    let stuck = Server::start(publisher.folder(), Manner::Stops(700_000)).await;
    let mut router = Router::of("1.0.0", publisher, Some(stuck.url()));
    if wish.unsigned_file.is_some() {
        // A file comes to no stop; at this rate it is not whole before the test is over.
        router = router.with("unsigned_files = true\nbandwidth = \"256 kbit\"");
    }
    let wish = Wish { background: true, ..wish };
    let mut progress = router.installing().install("a test".into(), &wish).unwrap();
    while progress.recv().await.unwrap().unwrap().done_bytes == 0 {}
    router
}

/// What lies on slot B when the router has gone on by itself.
async fn gone_on(router: &Router, publisher: &Publisher) -> String {
    let good = Server::start(publisher.folder(), Manner::Good).await;
    let rebooted = router.rebooted(Some(good.url())).with("unsigned_files = true");
    let installing = rebooted.installing();
    installing.start();
    rebooted.until_free(&installing).await;
    let slot = rebooted.slot_b(&installing).await;
    format!("{} {}", slot.version.unwrap_or_default(), slot.state)
}

#[tokio::test]
async fn what_was_begun_stays_the_one_after_a_reboot() {
    let publisher = Publisher::of("1.1.0");
    let router = broken_off(&publisher, Wish::default()).await;

    publisher.publish(Some("1.2.0"), &[]);

    assert_eq!(gone_on(&router, &publisher).await, "1.1.0 ready");
}

#[tokio::test]
async fn what_was_taken_back_meanwhile_is_not_gone_on_with() {
    let publisher = Publisher::of("1.1.0");
    let router = broken_off(&publisher, Wish::default()).await;

    publisher.publish(Some("1.2.0"), &[format!("mesh-node-{BOARD}-1.1.0.update")]);

    assert_eq!(gone_on(&router, &publisher).await, "1.2.0 ready");
}

#[tokio::test]
async fn what_a_person_insisted_on_survives_a_reboot() {
    let publisher = Publisher::of("1.1.0");
    let file = publisher.path("old.update");
    write_update(&file, BOARD, "0.9.0");
    let insists = Insists { older: true, ..Insists::default() };
    let unsigned_file = Some(file.display().to_string());
    let router = broken_off(&publisher, Wish { unsigned_file, insists, ..Wish::default() }).await;

    assert_eq!(gone_on(&router, &publisher).await, "0.9.0 ready");
}

#[tokio::test]
async fn what_was_cancelled_does_not_go_on_by_itself() {
    let publisher = Publisher::of("1.1.0");
    let stuck = Server::start(publisher.folder(), Manner::Stops(700_000)).await;
    let router = Router::of("1.0.0", &publisher, Some(stuck.url()));
    let wish = Wish { background: true, ..Wish::default() };
    let installing = router.installing();
    let mut progress = installing.install("a test".into(), &wish).unwrap();
    while progress.recv().await.unwrap().unwrap().done_bytes < 512 << 10 {}

    let ended = installing.cancel().unwrap();
    router.until_free(&installing).await;

    assert_eq!(ended, "install by a test");
    assert_eq!(end(progress).await.unwrap_err().to_string(), "it was cancelled");
    assert!(installing.cancel().is_err(), "there is nothing left to cancel");
    let rebooted = router.rebooted(Some(stuck.url())).installing();
    rebooted.start();
    let told = router.slot_b(&rebooted).await;
    assert_eq!(told.state, "receiving");
    assert!(router.status(&rebooted).await.work.is_none_or(|work| work.doing == "fetch"));
}

#[tokio::test]
async fn an_installed_slot_is_verified_and_its_rot_is_found() {
    let publisher = Publisher::of("1.1.0");
    let router = Router::of("1.0.0", &publisher, None);
    let installing = router.installing();
    end(installing.install("a test".into(), &Wish::default()).unwrap()).await.unwrap();

    let good = end(installing.verify("a test".into(), Some(Slot::B)).unwrap()).await;
    router.rot("root-b", 100_000);
    let bad = end(installing.verify("a test".into(), Some(Slot::B)).unwrap()).await;

    assert_eq!(good.unwrap().detail, "slot b holds 1.1.0, as it was installed");
    let bad = bad.unwrap_err();
    assert!(bad.in_full().starts_with("slot b has rotted: chunk 1 of the Root"), "{bad:?}");
}

#[tokio::test]
async fn the_status_tells_of_both_slots_and_of_what_is_available() {
    let publisher = Publisher::of("1.1.0");
    let router = Router::of("1.0.0", &publisher, None);
    let installing = router.installing();

    let available = installing.fetch("a test".into()).await.unwrap();
    let status = router.status(&installing).await;

    assert_eq!(available.update.unwrap().custom.version.to_string(), "1.1.0");
    assert_eq!((status.version.as_str(), status.board.as_str()), ("1.0.0", "quiet-box"));
    let states: Vec<&str> = status.slots.iter().map(|slot| slot.state.as_str()).collect();
    assert_eq!(states, ["confirmed", "empty"]);
    assert_eq!(status.available.unwrap().version.as_deref(), Some("1.1.0"));
    assert!(status.work.is_none());
}
