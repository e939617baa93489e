//! Keys: k of n, and their rotation in band.

use std::collections::HashMap;
use std::fs;

use mesh_node::release::publish::{self, Algorithm, Fault, RoleKeySets, Wanted};
use mesh_node::release::{Refusal, Role};
use tough::schema::RoleType;

use crate::depot::{Depot, ONLINE, offered, refresh, refused, wanted};

/// Goes on to a root with these keys, signed by these holders.
fn rotate(depot: &Depot, keys: RoleKeySets, holders: &[&str], online: &[&str]) {
    let (before, mut root) = depot.next_root(keys);
    depot.sign_root(&mut root, Some(&before), holders);
    depot.publish(&Wanted { root: Some(root), ..wanted() }, online).unwrap();
}

fn fault(result: anyhow::Result<impl Sized>) -> Fault {
    result.err().expect("it is refused").downcast().unwrap()
}

#[test]
fn root_is_published_only_with_enough_signatures() {
    let depot = Depot::new();
    let (before, mut root) = depot.next_root(HashMap::new());

    depot.sign_root(&mut root, Some(&before), &["cat"]);
    depot.sign_root(&mut root, Some(&before), &["cat"]);
    let one = depot.publish(&Wanted { root: Some(root.clone()), ..wanted() }, &ONLINE);
    depot.sign_root(&mut root, Some(&before), &["bob"]);
    let two = depot.publish(&Wanted { root: Some(root), ..wanted() }, &ONLINE);

    assert!(matches!(fault(one), Fault::Incomplete { version: 2, .. }));
    assert_eq!(two.unwrap().files.len(), 1, "nothing but the root has changed");
}

#[test]
fn key_of_nobody_signs_no_root() {
    let depot = Depot::new();
    depot.make_key("eve", Algorithm::Ed25519);
    let (before, mut root) = depot.next_root(HashMap::new());
    let eve = mesh_node::release::io::keys::read(&depot.path("eve")).unwrap();
    let random = &*mesh_node::release::io::keys::RANDOM;

    let signed = publish::sign(&mut root, Some(&before), &eve, random);

    assert!(matches!(signed, Err(Fault::ForeignKey { .. })));
}

#[test]
fn root_that_could_never_be_signed_is_not_drafted() {
    let depot = Depot::new();
    let mut keys = depot.first_keys();
    keys.insert(RoleType::Root, depot.keys(&["ann", "ann"], 2));

    let drafted = publish::draft(keys, crate::depot::after(1));

    assert!(matches!(drafted, Err(Fault::Threshold { role: Role::Root, threshold: 2, keys: 1 })));
}

#[tokio::test]
async fn root_with_too_few_signatures_has_the_wrong_keys() {
    let depot = Depot::new();
    let (before, mut root) = depot.next_root(HashMap::new());
    depot.sign_root(&mut root, Some(&before), &["ann"]);

    fs::write(depot.metadata("2.root.json"), serde_json::to_vec(&root).unwrap()).unwrap();

    let wrong = Refusal::WrongKeys { role: Role::Root, threshold: 2, valid: 1 };
    assert_eq!(refused(&mut depot.client()).await, wrong);
}

#[tokio::test]
async fn root_signed_by_its_own_new_keys_alone_has_the_wrong_keys() {
    let depot = Depot::new();
    depot.make_key("eve", Algorithm::Ed25519);
    let keys = HashMap::from([(RoleType::Root, depot.keys(&["eve"], 1))]);
    let (_, mut root) = depot.next_root(keys);
    depot.sign_root(&mut root, None, &["eve"]);

    fs::write(depot.metadata("2.root.json"), serde_json::to_vec(&root).unwrap()).unwrap();

    let wrong = Refusal::WrongKeys { role: Role::Root, threshold: 2, valid: 0 };
    assert_eq!(refused(&mut depot.client()).await, wrong);
}

#[tokio::test]
async fn skipped_root_version_is_refused() {
    let depot = Depot::new();
    let (before, mut root) = depot.next_root(HashMap::new());
    root.signed.version = root.signed.version.saturating_add(1);
    depot.sign_root(&mut root, Some(&before), &["ann", "bob"]);

    fs::write(depot.metadata("2.root.json"), serde_json::to_vec(&root).unwrap()).unwrap();

    let refusal = refused(&mut depot.client()).await;
    assert_eq!(refusal, Refusal::Rollback { role: Role::Root, trusted: 1, offered: 3 });
}

#[tokio::test]
async fn keys_are_rotated_in_band_and_old_ones_are_worth_nothing() {
    let depot = Depot::new();
    let mut client = depot.client();
    refresh(&mut client).await.unwrap();
    for name in ["new-targets", "new-snapshot", "new-timestamp"] {
        depot.make_key(name, Algorithm::Ed25519);
    }
    let keys = HashMap::from([
        (RoleType::Root, depot.keys(&["bob", "cat"], 2)),
        (RoleType::Targets, depot.keys(&["new-targets"], 1)),
        (RoleType::Snapshot, depot.keys(&["new-snapshot"], 1)),
        (RoleType::Timestamp, depot.keys(&["new-timestamp"], 1)),
    ]);
    let old = fs::read(depot.metadata("timestamp.json")).unwrap();

    rotate(&depot, keys, &["bob", "cat"], &["new-targets", "new-snapshot", "new-timestamp"]);

    assert_eq!(refresh(&mut client).await.unwrap().root, 2, "a running router follows");
    assert_eq!(offered(&mut depot.client()).await, "1.1.0", "and one that starts");
    fs::write(depot.metadata("timestamp.json"), old).unwrap();
    let wrong = Refusal::WrongKeys { role: Role::Timestamp, threshold: 1, valid: 0 };
    assert_eq!(refused(&mut client).await, wrong);
}

#[tokio::test]
async fn all_root_keys_are_rotated_by_old_and_new_holders_together() {
    let depot = Depot::new();
    depot.make_key("dan", Algorithm::Ed25519);
    let keys = HashMap::from([(RoleType::Root, depot.keys(&["dan"], 1))]);

    rotate(&depot, keys, &["ann", "cat", "dan"], &[]);
    let mut client = depot.client();
    let first = refresh(&mut client).await.unwrap().root;
    rotate(&depot, HashMap::new(), &["dan"], &[]);

    assert_eq!(first, 2);
    assert_eq!(refresh(&mut depot.client()).await.unwrap().root, 3, "also through the chain");
}

#[tokio::test]
async fn rollback_is_still_seen_after_keys_were_rotated() {
    let depot = Depot::new();
    depot.make_key("new-timestamp", Algorithm::Ed25519);
    let keys = HashMap::from([(RoleType::Timestamp, depot.keys(&["new-timestamp"], 1))]);
    rotate(&depot, keys, &["ann", "bob"], &["new-timestamp"]);
    let old = fs::read(depot.metadata("timestamp.json")).unwrap();
    let online = ["targets", "snapshot", "new-timestamp"];
    depot.publish(&depot.adding("1.2.0"), &online).unwrap();
    refresh(&mut depot.client()).await.unwrap();

    fs::write(depot.metadata("timestamp.json"), old).unwrap();

    let rollback = Refusal::Rollback { role: Role::Timestamp, trusted: 3, offered: 2 };
    assert_eq!(refused(&mut depot.client()).await, rollback);
}

#[tokio::test]
async fn fleet_recovers_from_a_thief_who_drove_the_versions_up() {
    let depot = Depot::new();
    let mut good = depot.release();
    let mut forged = good.clone();
    for _ in 0..3 {
        depot.forge(&forged, &["timestamp"]);
        forged.timestamp = depot.release().timestamp;
    }
    let mut client = depot.client();
    refresh(&mut client).await.unwrap();
    depot.make_key("new-timestamp", Algorithm::Ed25519);
    let keys = HashMap::from([(RoleType::Timestamp, depot.keys(&["new-timestamp"], 1))]);
    let (before, mut root) = depot.next_root(keys);
    depot.sign_root(&mut root, Some(&before), &["ann", "bob"]);

    good.timestamp = None;
    let want = Wanted { root: Some(root), ..wanted() };
    let now = crate::depot::after(0);
    let next = publish::next(&good, &want, &depot.keyring(&["new-timestamp"]), now).unwrap();
    for file in &next.files {
        fs::write(depot.metadata(&file.name), &file.bytes).unwrap();
    }

    assert_eq!(next.release.timestamp.unwrap().role.signed.version.get(), 1);
    assert_eq!(refresh(&mut client).await.unwrap().root, 2, "version 1 is newer than a thief's 4");
}
