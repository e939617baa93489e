//! What a repository may say: metadata as our own code reads it, beside `tough`. `node/tests/release/seeds.rs` calls the same
//! function with every seed.

use mesh_node::release::listing::{is_plain, issued, updates};
use mesh_node::release::trusted::Trusted;
use mesh_node::release::{Custom, Running, Target, choice};
use serde::Serialize;
use serde::de::DeserializeOwned;
use spire_bridge::identity::WallTime;
use tough::schema::{Root, Signed, Targets, Timestamp};

/// The root that a router was given.
const OWN: &[u8] = include_bytes!("../seeds/metadata/root");

/// 2030-01-01, when the metadata expires.
const EXPIRES: WallTime = WallTime::from_unix(1_893_456_000);

/// Metadata, whole or in part, or what was kept of it.
pub fn metadata(bytes: &[u8]) {
    if let Ok(custom) = Custom::parse(bytes) {
        is_read_as_written(&custom);
    }
    if let Ok(target) = serde_json::from_slice::<Target>(bytes) {
        is_read_as_written(&target);
    }
    if let Ok(targets) = serde_json::from_slice::<Signed<Targets>>(bytes) {
        [false, true].into_iter().for_each(|consistent| listing(&targets, consistent));
    }
    if let Ok(timestamp) = serde_json::from_slice::<Signed<Timestamp>>(bytes) {
        assert!(issued(&timestamp, EXPIRES).is_none_or(|at| at < EXPIRES));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        start(&Trusted { root: Some(text.to_owned()), ..Trusted::default() });
        let whole = Trusted::from_files(|_| Some(text.to_owned()));
        assert_eq!(Trusted::default().succeeded_by(whole.clone()), whole);
    }
    if let Ok(trusted) = serde_json::from_slice::<Trusted>(bytes) {
        is_read_as_written(&trusted);
        start(&trusted);
    }
}

/// What is listed has names that lead nowhere else, and what is chosen of it may be installed.
fn listing(targets: &Signed<Targets>, consistent: bool) {
    let listed = updates(targets, consistent);
    let [mut older, mut newer] = ["0.0.0", "9.9.9"].map(|version| running(&listed, version));
    for target in &listed {
        assert!(is_plain(&target.file) && !target.file.contains('/'), "{target:?}");
        is_read_as_written(target);
        older.version.clone_from(&target.custom.minimum);
        newer.version.clone_from(&target.custom.version);
        for running in [&older, &newer] {
            let Ok(Some(chosen)) = choice::choose(&listed, running) else { continue };
            let custom = &chosen.custom;
            assert!(listed.contains(&chosen));
            assert_eq!(
                (&custom.architecture, &custom.board),
                (&running.architecture, &running.board)
            );
            assert!(custom.minimum <= running.version && running.version < custom.version);
            assert!(custom.schema >= running.schema);
        }
    }
}

/// A router of the board that the first of the updates is for.
fn running(listed: &[Target], version: &str) -> Running {
    let first = listed.first().map(|target| &target.custom);
    Running {
        architecture: first.map(|it| it.architecture.clone()).unwrap_or_default(),
        board: first.map(|it| it.board.clone()).unwrap_or_default(),
        version: version.parse().expect("a version"),
        schema: 1,
    }
}

/// A router starts from its own root, or from a newer one that is signed as it asks itself.
fn start(trusted: &Trusted) {
    let start = trusted.start(OWN);
    if start != OWN {
        let read = |text| serde_json::from_slice::<Signed<Root>>(text).expect("a root");
        let (own, root) = (read(OWN), read(start));
        assert!(root.signed.version > own.signed.version);
        root.signed.verify_role(&root).expect("enough of its own signatures");
    }
}

fn is_read_as_written<T>(value: &T)
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let text = serde_json::to_vec(value).expect("what was read can be written");
    assert_eq!(serde_json::from_slice::<T>(&text).ok().as_ref(), Some(value));
}
