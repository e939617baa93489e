//! `mesh-node image` as a person or a script runs it.

use std::process::{Command, Output};

use tokio::task::spawn_blocking;

use super::api::serve;
use super::publisher::Publisher;
use super::router::Router;

/// A node that is served, and its repository.
struct Node {
    publisher: Publisher,
    router: Router,
}

impl Node {
    /// A node that could be updated; the returned end keeps it being served.
    fn served() -> (Self, impl Sized) {
        let publisher = Publisher::of("1.1.0");
        let router = Router::of("1.0.0", &publisher, None);
        let told = serve(&router, &router.path("api.sock"));
        (Self { publisher, router }, told)
    }

    async fn image(&self, arguments: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mesh-node"));
        command.arg("image").args(arguments.split_whitespace());
        command.arg("--socket").arg(self.router.path("api.sock"));
        spawn_blocking(move || command.output()).await.unwrap().unwrap()
    }
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test]
async fn an_update_is_fetched_installed_verified_and_activated() {
    let (node, _told) = Node::served();

    let fetched = node.image("fetch").await;
    let installed = node.image("install").await;
    let verified = node.image("verify --slot b").await;
    let status = node.image("status").await;
    let activated = node.image("activate").await;

    assert!(out(&fetched).starts_with("available: 1.1.0, 1."), "{fetched:?}");
    assert_eq!(out(&installed), "slot b holds 1.1.0, ready\n");
    let progress = err(&installed);
    assert!(progress.contains("receiving") && progress.contains(" of 1."), "{progress}");
    assert_eq!(out(&verified), "slot b holds 1.1.0, as it was installed\n");
    let table = out(&status);
    assert!(table.contains("a *   confirmed  1.0.0\n"), "{table}");
    assert!(table.contains("b     ready      1.1.0    to be activated\n"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    assert_eq!(out(&activated), "Activate { again: false }; the router reboots\n");
}

#[tokio::test]
async fn progress_in_json_is_an_object_a_line() {
    let (node, _told) = Node::served();

    let installed = node.image("install --json").await;

    let text = out(&installed);
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.first().unwrap()["stage"], "asking");
    let last = lines.last().unwrap();
    assert_eq!((&last["stage"], &last["version"]), (&"done".into(), &"1.1.0".into()));
    assert_eq!(last["done_bytes"], last["total_bytes"]);
}

#[tokio::test]
async fn exit_statuses_say_whose_fault_it_is() {
    let (node, _told) = Node::served();
    let nobody = Command::new(env!("CARGO_BIN_EXE_mesh-node"))
        .args(["image", "status", "--socket", "/nonexistent/api.sock"])
        .output()
        .unwrap();

    let unsigned = node.image("install --unsigned-file new.update").await;
    let unknown = node.image("verify --slot c").await;
    std::fs::remove_dir_all(node.publisher.folder()).unwrap();
    let gone = node.image("fetch").await;
    node.router.rot("root-a", 18 * (1 << 20) - 4096);
    let rotten = node.image("verify").await;

    let codes = [&nobody, &unsigned, &unknown, &gone, &rotten].map(|it| it.status.code());
    assert_eq!(codes, [69, 78, 65, 69, 74].map(Some), "{}", err(&rotten));
    assert!(err(&unsigned).contains("set `unsigned_files = true` in [update]"), "{unsigned:?}");
    assert!(err(&nobody).contains("is mesh-node running"), "{nobody:?}");
}
