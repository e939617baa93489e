//! `meshctl release` from the first key to a rotation, as a person would type it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::depot::write_update;

const ALL: [&str; 3] = ["targets", "snapshot", "timestamp"];

fn run(folder: &Path, line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshctl"));
    command.current_dir(folder).args(["--json", "release"]).args(line.split_whitespace());
    command.output().unwrap()
}

fn good(folder: &Path, line: &str) -> Value {
    let output = run(folder, line);
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn bad(folder: &Path, line: &str) -> String {
    let output = run(folder, line);
    assert!(!output.status.success(), "{line}");
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    error["error"].as_str().unwrap().to_owned()
}

/// The arguments that give these roles' private keys.
fn keys(roles: &[&str]) -> String {
    roles.iter().map(|role| format!(" --key {role}")).collect()
}

/// A folder with keys for everybody and a repository that publishes 1.1.0.
fn site() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    for key in ["ann", "bob", "cat", "targets", "snapshot", "timestamp"] {
        good(folder, &format!("key generate --out {key}"));
    }
    good(
        folder,
        "init --root-key ann.pub --root-key bob.pub --root-key cat.pub --threshold 2 \
         --targets-key targets.pub --snapshot-key snapshot.pub --timestamp-key timestamp.pub \
         --out 1.root.json",
    );
    assert_eq!(good(folder, "sign --root 1.root.json --key ann")["complete"], false);
    assert_eq!(good(folder, "sign --root 1.root.json --key cat")["complete"], true);
    write_update(&folder.join("a.update"), "armv7", "generic-armv7", "1.1.0", "1.0.0", 1);
    let all = keys(&ALL);
    good(folder, &format!("publish --repository site --root 1.root.json{all} a.update"));
    home
}

#[test]
fn repository_made_on_the_command_line_is_good() {
    let home = site();

    let checked = good(home.path(), "verify --repository site --root 1.root.json");

    assert_eq!(checked["good"], true);
    assert_eq!(checked["updates"][0]["name"], "mesh-node-generic-armv7-1.1.0.update");
    assert_eq!(checked["updates"][0]["finding"], "good");
}

#[test]
fn update_that_was_edited_is_found_by_verify() {
    let home = site();
    let targets = home.path().join("site/targets");
    let file = std::fs::read_dir(targets).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(file, bytes).unwrap();

    let output = run(home.path(), "verify --repository site --root 1.root.json");

    let checked: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.success(), &checked["good"]), (false, &Value::Bool(false)));
}

#[test]
fn same_version_is_refused_by_name() {
    let home = site();

    let error = bad(home.path(), &format!("publish --repository site{} a.update", keys(&ALL)));

    assert!(error.contains("armv7/generic-armv7 is at 1.1.0 already"), "{error}");
}

#[test]
fn expiry_is_put_off_with_the_timestamps_key_alone() {
    let home = site();

    let renewed = good(home.path(), "expire --repository site --key timestamp --days 7");

    assert_eq!(renewed["written"], serde_json::json!(["timestamp.json"]));
    assert_eq!(renewed["roles"][3]["version"], 2);
}

#[test]
fn keys_are_rotated_by_old_and_new_holders() {
    let home = site();
    let folder = home.path();
    good(folder, "key generate --out dan --algorithm ecdsa");
    good(
        folder,
        "rotate-keys --repository site --root-key dan.pub --threshold 1 --out 2.root.json",
    );

    let alone = good(folder, "sign --root 2.root.json --key dan --previous 1.root.json");
    let early = bad(folder, "publish --repository site --root 2.root.json");
    for old in ["ann", "bob"] {
        good(folder, &format!("sign --root 2.root.json --key {old} --previous 1.root.json"));
    }
    let published = good(folder, "publish --repository site --root 2.root.json");

    assert_eq!(alone["complete"], false);
    assert!(early.contains("0 of 2 signatures by the keys of root 1"), "{early}");
    assert_eq!(published["written"], serde_json::json!(["2.root.json"]));
    assert_eq!(good(folder, "verify --repository site --root 1.root.json")["root"], 2);
}

#[test]
fn command_without_a_subject_says_what_it_needs() {
    let home = site();
    for (line, needs) in [
        ("publish --repository site", "name update files, --remove or --root"),
        ("init --out x --threshold 1", "--root-key"),
        ("sign --root 1.root.json --key targets", "may not sign this root"),
        ("publish --repository empty --key targets a.update", "give a complete one with --root"),
        ("publish --repository site --key ann.pub a.update", "not a private key"),
        ("rotate-keys --repository site --threshold 4 --out x", "root has 3 keys, and 4 must sign"),
        ("init --root-key ann.pub --threshold 1 --out 1.root.json", "targets has 0 keys"),
    ] {
        let error = bad(home.path(), line);

        assert!(error.contains(needs), "{line}: {error}");
    }
}
