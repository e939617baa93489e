//! The seeds of the fuzz target for metadata: published by the code that they are for, and replayed through the same check.
//!
//! `UPDATE_SEEDS=1 cargo test -p mesh-node --test release seeds` publishes them anew, with other keys, and fails: the
//! check is built with one of them.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use mesh_node::release::publish::Wanted;
use mesh_node::release::trusted::Trusted;
use mesh_node::release::{Custom, Target, listing};
use spire_bridge::identity::WallTime;
use tough::schema::{Signed, Targets, Timestamp};

use crate::checks;
use crate::depot::{Depot, ONLINE, after, refresh, wanted};

type Seeds = BTreeMap<String, Vec<u8>>;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/metadata")
}

fn seeds() -> Seeds {
    let entries = fs::read_dir(folder()).unwrap().map(Result::unwrap);
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    entries.map(|it| (name(&it.path()), fs::read(it.path()).unwrap())).collect()
}

/// A repository of two updates and two roots, as it is served and as a router keeps it.
async fn published() -> Seeds {
    let depot = Depot::new();
    let root = fs::read(depot.metadata("1.root.json")).unwrap();
    let (before, mut next) = depot.next_root(HashMap::new());
    depot.sign_root(&mut next, Some(&before), &["ann", "bob"]);
    let wanted = Wanted { root: Some(next), ..wanted() };
    depot.publish(&wanted, &ONLINE).unwrap();
    depot.publish(&depot.adding_for("armv7", "another", "1.2.0", "1.1.0", 2), &ONLINE).unwrap();
    let target = refresh(&mut depot.client()).await.unwrap().update.unwrap();
    let served = |name: &str| fs::read(depot.metadata(name)).unwrap();
    let seeds = [
        ("root", root),
        ("next-root", served("2.root.json")),
        ("targets", served("2.targets.json")),
        ("snapshot", served("2.snapshot.json")),
        ("timestamp", served("timestamp.json")),
        ("custom", serde_json::to_vec(&target.custom).unwrap()),
        ("target", serde_json::to_vec(&target).unwrap()),
        ("trusted", fs::read(depot.path("data/trusted.json")).unwrap()),
    ];
    seeds.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect()
}

#[tokio::test]
async fn every_kind_of_metadata_has_its_seed() {
    let published = published().await;

    if std::env::var_os("UPDATE_SEEDS").is_some() {
        for (name, bytes) in &published {
            fs::write(folder().join(name), bytes).unwrap();
        }
        panic!("build the check with the new seeds");
    }

    let seeds = seeds();
    assert!(published.keys().all(|name| seeds.contains_key(name)), "{:?}", seeds.keys());
}

#[test]
fn every_seed_passes_its_check() {
    for (name, bytes) in seeds() {
        eprintln!("metadata/{name}: {} bytes", bytes.len());
        checks::metadata(&bytes);
    }
}

#[test]
fn seeds_lead_all_the_way() {
    let seeds = seeds();
    let targets: Signed<Targets> = serde_json::from_slice(&seeds["targets"]).unwrap();
    let timestamp: Signed<Timestamp> = serde_json::from_slice(&seeds["timestamp"]).unwrap();
    let trusted: Trusted = serde_json::from_slice(&seeds["trusted"]).unwrap();

    assert_eq!(listing::updates(&targets, true).len(), 2);
    assert_eq!(listing::issued(&timestamp, WallTime::from_unix(u64::MAX)), Some(after(0)));
    assert_ne!(trusted.start(&seeds["root"]), seeds["root"], "it goes on from the next one");
    Custom::parse(&seeds["custom"]).unwrap();
    serde_json::from_slice::<Target>(&seeds["target"]).unwrap();
}
