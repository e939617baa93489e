use serde_json::json;

use super::*;

fn faults_of(path: &str, text: &str) -> Vec<String> {
    source(path, text).iter().map(ToString::to_string).collect()
}

#[test]
fn dependency_against_the_drawing_is_named() {
    let uses = |name: &str, used: &[&str]| Uses {
        name: name.into(),
        used: used.iter().map(|it| (*it).to_owned()).collect(),
    };

    let faults = directions(&[
        uses("mesh-node", &["batman", "spire-bridge", "image"]),
        uses("qemu", &["image"]),
        uses("batman", &["spire-bridge"]),
        uses("spire-bridge", &["batman"]),
        uses("xtask", &["qemu", "mesh-node"]),
        uses("helpers", &[]),
    ]);

    let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "batman must not depend on spire-bridge",
            "spire-bridge must not depend on batman",
            "xtask must not depend on mesh-node",
            "helpers has no place in the house: add it to MAY_USE",
        ]
    );
}

#[test]
fn dependencies_of_every_kind_count_and_those_of_others_do_not() {
    let metadata = json!({ "name": "batman", "dependencies": [
        { "name": "thiserror", "kind": null },
        { "name": "mesh-node", "kind": "dev", "path": "/somewhere/node" },
        { "name": "image", "kind": "build", "path": "/somewhere/image" },
    ]});

    assert_eq!(package(&metadata).unwrap().used, ["mesh-node", "image"]);
}

#[test]
fn manifest_without_the_workspace_lints_is_seen() {
    let inherits = |manifest| inherits_lints(manifest).unwrap();

    assert!(inherits("[lints]\nworkspace = true\n"));
    assert!(inherits("lints.workspace = true\n"));
    assert!(!inherits("[package]\nname = \"a\"\n"));
    assert!(!inherits("[lints]\nworkspace = false\n"));
    assert!(!inherits("# [lints]\n# workspace = true\n"));
}

#[test]
fn long_file_is_named_unless_it_is_of_tests() {
    let just_fits = "\n".repeat(LONGEST_FILE);
    let too_long = "\n".repeat(LONGEST_FILE + 1);

    assert_eq!(faults_of("node/src/plan.rs", &just_fits), [""; 0]);
    assert_eq!(faults_of("node/src/plan/tests.rs", &too_long), [""; 0]);
    assert_eq!(
        faults_of("node/src/plan.rs", &too_long),
        ["node/src/plan.rs: 401 lines, at most 400: split it"]
    );
}

#[test]
fn allow_is_seen_in_every_spelling_and_not_in_text() {
    let allowed =
        "#![allow(dead_code)]\n#[cfg_attr(\n    test,\n    allow(unused)\n)]\nfn f() {}\n";
    let talk = "// #[allow(x)] is not for us\nconst A: &str = \"#[allow(x)]\";\n";

    assert_eq!(
        faults_of("a/src/lib.rs", allowed),
        [
            "a/src/lib.rs:1: use `expect` with a reason, never `allow`",
            "a/src/lib.rs:2: use `expect` with a reason, never `allow`",
        ]
    );
    assert_eq!(faults_of("a/src/lib.rs", talk), [""; 0]);
}

#[test]
fn only_files_that_act_open_the_door() {
    let opens =
        "//! Acts.\n#![expect(\n    clippy::disallowed_methods,\n    reason = \"acts\"\n)]\n";

    for acting in [
        "batman/src/io/mod.rs",
        "node/src/run.rs",
        "node/src/main.rs",
        "xtask/src/main.rs",
        "image/tests/packing.rs",
        "image/tests/flash/main.rs",
        "node/src/bin/meshctl/main.rs",
        "spire-bridge/benches/handshake.rs",
        "batman/examples/mesh.rs",
    ] {
        assert_eq!(faults_of(acting, opens), [""; 0], "{acting}");
    }
    for pure in [
        "batman/src/plan/mod.rs",
        "batman/src/plan/run.rs",
        "node/src/io/clock.rs",
        "node/src/lib.rs",
        "node/src/audio/mod.rs",
    ] {
        let faults = source(pure, opens);
        assert!(matches!(&faults[..], [Fault { broken: Broken::Door { line: 2 }, .. }]), "{pure}");
    }
}
