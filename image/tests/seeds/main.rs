//! The seeds of the fuzz targets: made by the code they are for, and replayed here through the same checks.
//!
//! `UPDATE_SEEDS=1 cargo test -p image --test seeds` writes them anew.
#![expect(clippy::disallowed_methods, reason = "seeds are files")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[expect(unreachable_pub, reason = "another crate, the fuzzer, calls these")]
#[path = "../../../fuzz/src/medium.rs"]
mod checks;
#[cfg(test)]
mod made;

type Check = fn(&[u8]);

const TARGETS: [(&str, Check); 6] = [
    ("slots", checks::slots),
    ("place", checks::place),
    ("update", checks::update),
    ("chunk", checks::chunk),
    ("keep", checks::keep),
    ("manifest", checks::manifest),
];

/// Those of what this crate knows nothing of: `node/tests/release/seeds.rs` and `batman/tests/seeds.rs` replay their seeds.
const OTHERS: [&str; 2] = ["metadata", "batadv"];

type Seeds = BTreeMap<String, Vec<u8>>;

fn directory(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(target)
}

fn files(directory: &Path) -> Seeds {
    let Ok(entries) = std::fs::read_dir(directory) else { return Seeds::new() };
    let read = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.to_owned();
        Some((name, std::fs::read(path).ok()?))
    };
    entries.filter_map(|it| read(it.ok()?.path())).collect()
}

#[test]
fn every_seed_passes_its_check() {
    for (target, check) in TARGETS {
        let seeds = files(&directory(target));

        assert!(!seeds.is_empty(), "{target} has no seeds");
        for (name, bytes) in seeds {
            eprintln!("{target}/{name}: {} bytes", bytes.len());
            check(&bytes);
        }
    }
}

#[test]
fn every_target_of_the_fuzzer_is_checked() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/Cargo.toml");
    let manifest: toml::Table =
        toml::from_str(&std::fs::read_to_string(manifest).unwrap()).unwrap();

    let mut named: Vec<_> =
        manifest["bin"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();

    let mut checked: Vec<_> = TARGETS.into_iter().map(|(name, _)| name).chain(OTHERS).collect();
    named.sort_unstable();
    checked.sort_unstable();
    assert_eq!(named, checked);
}

/// Seeds that a crash left behind have names of their own and stay.
#[test]
fn seeds_are_what_the_code_makes_today() {
    let all = [
        ("slots", made::slots()),
        ("place", made::places()),
        ("update", made::updates()),
        ("chunk", made::chunks()),
        ("keep", made::keeps()),
        ("manifest", made::manifests()),
    ];
    for (target, seeds) in all {
        let directory = directory(target);
        if std::env::var_os("UPDATE_SEEDS").is_some() {
            std::fs::create_dir_all(&directory).unwrap();
            for (name, bytes) in &seeds {
                std::fs::write(directory.join(name), bytes).unwrap();
            }
        }
        let found = files(&directory);
        // A manifest may change without its seed, which is only an older one then.
        for (name, bytes) in seeds.into_iter().filter(|_| target != "manifest") {
            assert!(found.get(&name) == Some(&bytes), "{target}/{name}: make the seeds anew");
        }
    }
}
