//! What is refused, before anything is written.

use image::io::held::Held;
use image::slot::trial::{Phase, Trial};
use image::slot::{Environment, environment::State};
use mesh_node::install::journal::Insists;
use mesh_node::install::refusal::Blame;
use mesh_node::io::installing::Wish;
use mesh_node::proto::image::Stage;

use super::http::{Manner, Server};
use super::publisher::{BOARD, Publisher, write_update};
use super::router::{Router, end};

/// Installs a file and tells why not; the disk must be as it was.
async fn refused(router: &Router, board: &str, version: &str, older: bool) -> String {
    let file = router.path("given.update");
    write_update(&file, board, version);
    let before = router.disk();
    let unsigned_file = Some(file.display().to_string());
    let insists = Insists { older, ..Insists::default() };
    let wish = Wish { unsigned_file, insists, ..Wish::default() };

    let refusal = match router.installing().install("a test".into(), &wish) {
        Ok(progress) => end(progress).await.unwrap_err(),
        Err(refusal) => refusal,
    };

    assert!(before == router.disk(), "something was written: {refusal}");
    refusal.in_full()
}

/// A router that takes files; it needs no repository.
fn trusting() -> Router {
    Router::of("1.5.0", &Publisher::of("1.6.0"), None).with("unsigned_files = true")
}

#[tokio::test]
async fn an_update_for_another_board_is_not_written() {
    let why = refused(&trusting(), "loud-box", "1.6.0", false).await;

    assert_eq!(why, "an update for loud-box, and this is quiet-box");
}

#[tokio::test]
async fn an_older_version_takes_a_person_who_says_so() {
    let router = trusting();

    let why = refused(&router, BOARD, "1.4.0", false).await;

    assert_eq!(why, "version 1.4.0 is older than 1.5.0, which runs");
    let unsigned_file = Some(router.path("given.update").display().to_string());
    let insists = Insists { older: true, ..Insists::default() };
    let wish = Wish { unsigned_file, insists, ..Wish::default() };
    let told = end(router.installing().install("a test".into(), &wish).unwrap()).await.unwrap();
    assert_eq!(told.detail, "slot b holds 1.4.0, ready");
}

#[tokio::test]
async fn files_without_a_signature_are_taken_only_where_the_configuration_says_so() {
    let router = Router::of("1.5.0", &Publisher::of("1.6.0"), None);

    let why = refused(&router, BOARD, "1.6.0", false).await;

    assert_eq!(why, "files without a signature are not taken");
}

#[tokio::test]
async fn a_slot_that_is_armed_before_the_first_write_is_not_written() {
    let router = trusting();
    let file = router.path("given.update");
    write_update(&file, BOARD, "1.6.0");
    let unsigned_file = Some(file.display().to_string());
    let wish = Wish { unsigned_file, ..Wish::default() };
    let installing = router.installing();
    end(installing.install("a test".into(), &wish).unwrap()).await.unwrap();
    router.until_free(&installing).await;

    let told = installing.install("a test".into(), &wish).unwrap();
    router.activate(3).unwrap();
    let armed = router.disk();
    let why = end(told).await.unwrap_err().in_full();

    assert_eq!(why, "slot b is about to be tried");
    assert!(armed == router.disk(), "something was written");
}

#[tokio::test]
async fn a_slot_that_somebody_is_arming_is_not_written_meanwhile() {
    let router = trusting();
    let file = router.path("given.update");
    write_update(&file, BOARD, "1.6.0");
    let wish = Wish { unsigned_file: Some(file.display().to_string()), ..Wish::default() };
    let installing = router.installing();
    end(installing.install("a test".into(), &wish).unwrap()).await.unwrap();
    router.until_free(&installing).await;
    let ready = router.disk();

    let held = Held::at_once(&router.slots()).unwrap().unwrap();
    let mut told = installing.install("a test".into(), &wish).unwrap();
    while told.recv().await.unwrap().unwrap().stage() != Stage::Resuming {}
    assert!(ready == router.disk(), "somebody else holds the slots");
    assert!(Held::at_once(&router.slots()).unwrap().is_none());
    router.activate(3).unwrap();
    let armed = router.disk();
    drop(held);

    assert_eq!(end(told).await.unwrap_err().in_full(), "slot b is about to be tried");
    assert!(armed == router.disk(), "something was written");
}

#[tokio::test]
async fn an_update_that_failed_here_takes_a_person_who_says_so() {
    let publisher = Publisher::of("1.6.0");
    let router = Router::of("1.5.0", &publisher, None);
    let installing = router.installing();
    end(installing.install("a test".into(), &Wish::default()).unwrap()).await.unwrap();
    router.until_free(&installing).await;
    router.fail_slot_b();
    let failed = router.disk();

    let refusal = end(installing.install("a test".into(), &Wish::default()).unwrap()).await;
    let refusal = refusal.unwrap_err();
    router.until_free(&installing).await;

    assert_eq!(refusal.to_string(), "version 1.6.0 failed here before: its tries were used up");
    assert_eq!(refusal.blame(), Blame::Request);
    assert!(refusal.advice().unwrap().contains("--again"));
    assert!(failed == router.disk(), "something was written");
    let insists = Insists { again: true, ..Insists::default() };
    let told = installing.install("a test".into(), &Wish { insists, ..Wish::default() }).unwrap();
    assert_eq!(end(told).await.unwrap().detail, "slot b holds 1.6.0, ready");
}

#[tokio::test]
async fn the_slot_to_fall_back_to_is_not_written() {
    let router = trusting();
    let running = router.slots().observe().a.unwrap();
    let trial = Trial { allowed: 3, ..Trial::new(Phase::Trying, running.trial().unwrap().image) };
    let kernel = image::slot::environment::Kernel {
        file: "k".to_owned(),
        parameters: String::new(),
        watchdog: std::time::Duration::ZERO,
    };
    let on_trial = Environment::new(&kernel, State::Testing, 1, trial).unwrap();
    router.write_boot("boot-a", &on_trial);

    let why = refused(&router, BOARD, "1.6.0", false).await;

    assert_eq!(why, "slot a is on trial, and the other is what it falls back to");
}

#[tokio::test]
async fn the_newest_version_is_not_installed_again() {
    let publisher = Publisher::of("1.6.0");
    let router = Router::of("1.6.0", &publisher, None);
    let before = router.disk();

    let refusal = end(router.installing().install("a test".into(), &Wish::default()).unwrap());
    let refusal = refusal.await.unwrap_err();

    assert_eq!(refusal.to_string(), "nothing to install: 1.6.0 is the newest for this router");
    assert!(before == router.disk());
}

#[tokio::test]
async fn a_repository_that_trickles_holds_nobody_up() {
    let publisher = Publisher::of("1.6.0");
    let pause = std::time::Duration::from_millis(5);
    let trickle = Server::start(publisher.folder(), Manner::Trickles(pause)).await;
    let router = Router::of("1.5.0", &publisher, Some(trickle.url()));
    let installing = router.installing();

    let refusal = end(installing.install("a test".into(), &Wish::default()).unwrap()).await;
    let refusal = refusal.unwrap_err();

    assert_eq!(refusal.blame(), Blame::Network);
    assert!(refusal.to_string().contains("slow retrieval"), "{refusal}");
    assert_eq!(trickle.ranges().len(), 4, "it is tried again, a few times");
    assert!(installing.fetch("a test".into()).await.is_ok(), "nobody is at it any more");
}

#[tokio::test]
async fn a_second_caller_is_told_who_is_at_it() {
    let publisher = Publisher::of("1.6.0");
    let stuck = Server::start(publisher.folder(), Manner::Stops(400_000)).await;
    let router = Router::of("1.5.0", &publisher, Some(stuck.url()));
    let installing = router.installing();
    let mut first = installing.install("ann".into(), &Wish::default()).unwrap();
    while first.recv().await.unwrap().unwrap().done_bytes < 256 << 10 {}

    let refused = installing.install("bob".into(), &Wish::default()).unwrap_err();
    let also = installing.fetch("bob".into()).await.unwrap_err();

    assert_eq!((refused.blame(), also.blame()), (Blame::Busy, Blame::Busy));
    let told = refused.to_string();
    assert!(
        told.starts_with("ann is at it: install, receiving, ") && told.ends_with('%'),
        "{told}"
    );
}

#[tokio::test]
async fn a_slot_that_is_half_written_is_not_activated() {
    let publisher = Publisher::of("1.6.0");
    let stuck = Server::start(publisher.folder(), Manner::Stops(400_000)).await;
    let router = Router::of("1.5.0", &publisher, Some(stuck.url()));
    let installing = router.installing();
    let mut progress = installing.install("ann".into(), &Wish::default()).unwrap();
    while progress.recv().await.unwrap().unwrap().done_bytes < 256 << 10 {}

    let refusal = router.activate(3).unwrap_err();

    assert_eq!(refusal.to_string(), "slot b holds nothing that was installed whole");
}
