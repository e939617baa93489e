//! How much memory installing takes: measured in a process of its own, which does nothing else.

use std::fs;
use std::process::Command;

use mesh_node::io::installing::Wish;
use mesh_node::proto::image::Stage;

use super::http::{Manner, Server};
use super::publisher::Publisher;
use super::router::{Router, end};

/// Where the other process finds its router and its repository.
const HOME: &str = "INSTALLING_HOME";
const REPOSITORY: &str = "INSTALLING_REPOSITORY";

/// What installing may take above what the node takes idle.
const BOUND: u64 = 8 << 20;

/// More than the bound: whoever gathers the update before writing it is found out.
const UPDATE: usize = 12 << 20;

#[tokio::test]
async fn installing_takes_no_more_memory_than_it_may() {
    let publisher = Publisher::of_size("1.1.0", UPDATE);
    let server = Server::start(publisher.folder(), Manner::Good).await;
    let router = Router::of("1.0.0", &publisher, Some(server.url()));
    let mut other = Command::new(std::env::current_exe().unwrap());
    other.args(["--exact", "memory::as_another_process", "--ignored", "--nocapture"]);
    other.env(HOME, router.path("")).env(REPOSITORY, server.url().as_str());

    let outcome = tokio::task::spawn_blocking(move || other.output()).await.unwrap().unwrap();

    let said = String::from_utf8_lossy(&outcome.stdout).into_owned();
    assert!(outcome.status.success(), "{said}{}", String::from_utf8_lossy(&outcome.stderr));
    assert_eq!(router.slot_b(&router.installing()).await.state, "ready", "{said}");
}

#[tokio::test]
#[ignore = "the process that the test above starts and measures"]
async fn as_another_process() {
    let home = std::env::var_os(HOME).expect("it is started by the test above");
    let repository = std::env::var(REPOSITORY).unwrap();
    let installing = Router::at(home.into(), &repository).installing();
    installing.fetch("a test".into()).await.unwrap();
    // The peak is counted anew from here on (proc(5)).
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let idle = memory("VmRSS:");

    let told = end(installing.install("a test".into(), &Wish::default()).unwrap()).await.unwrap();

    let peak = memory("VmHWM:");
    assert_eq!(told.stage(), Stage::Done);
    println!("{} KiB idle, {} KiB at most", idle >> 10, peak >> 10);
    assert!(peak.saturating_sub(idle) <= BOUND, "{} KiB more", peak.saturating_sub(idle) >> 10);
}

fn memory(of: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(of)).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
}
