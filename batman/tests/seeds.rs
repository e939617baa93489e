//! The seeds of the fuzz target `batadv`, replayed through its check.
#![expect(clippy::disallowed_methods, reason = "seeds are files")]

use std::{fs, path::Path};

#[expect(unreachable_pub, reason = "another crate, the fuzzer, calls these")]
#[path = "../../fuzz/src/batadv.rs"]
mod checks;

#[test]
fn every_seed_passes_its_check() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/batadv");
    let seeds: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();

    assert!(!seeds.is_empty());
    for seed in seeds {
        eprintln!("{}", seed.display());
        checks::batadv(&fs::read(seed).unwrap());
    }
}
