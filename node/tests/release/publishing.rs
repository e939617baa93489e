//! What a publisher is kept from doing, and what a client sees meanwhile.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use mesh_node::release::Role;
use mesh_node::release::io::keys;
use mesh_node::release::io::repository::Repository;
use mesh_node::release::publish::{Algorithm, Fault, Older, SigningKey, Wanted};

use crate::depot::{BOARD, Depot, ONLINE, offered, wanted};

fn fault(result: anyhow::Result<impl Sized>) -> Fault {
    result.err().expect("it is refused").downcast().unwrap()
}

#[test]
fn older_or_equal_version_is_published_only_on_request() {
    let depot = Depot::new();
    for version in ["1.1.0", "1.0.9"] {
        let older = depot.adding(version);

        let refused = fault(depot.publish(&older, &ONLINE));
        let meant = depot.publish(&Wanted { older: Older::Allowed, ..older }, &ONLINE);

        assert!(matches!(refused, Fault::NotNewer { .. }), "{refused}");
        assert!(meant.is_ok());
    }
}

#[test]
fn publishing_without_a_roles_keys_changes_nothing() {
    let depot = Depot::new();
    let before = fs::read(depot.metadata("timestamp.json")).unwrap();

    let refused = fault(depot.publish(&depot.adding("1.2.0"), &["targets", "timestamp"]));

    let role = Role::Snapshot;
    assert!(matches!(refused, Fault::MissingKeys { role: r, threshold: 1, have: 0 } if r == role));
    assert_eq!(fs::read(depot.metadata("timestamp.json")).unwrap(), before);
    assert!(!depot.metadata("2.targets.json").exists());
}

#[test]
fn repository_somebody_tampered_with_is_not_built_upon() {
    let depot = Depot::new();
    let path = depot.metadata("1.targets.json");
    let edited = fs::read_to_string(&path).unwrap().replace("\"1.0.0\"", "\"0.1.0\"");
    fs::write(&path, edited).unwrap();

    let refused = fault(depot.publish(&depot.adding("1.2.0"), &ONLINE));

    assert!(matches!(refused, Fault::Tampered { role: Role::Targets, .. }), "{refused}");
}

#[test]
fn file_that_only_has_the_name_of_an_update_is_not_taken_for_it() {
    let depot = Depot::new();
    let wanted = depot.adding("1.2.0");
    let update = wanted.add[0].clone();
    let file = depot.path("repository/targets").join(format!("{}.{}", update.sha256, update.name));
    fs::write(&file, "something else").unwrap();

    depot.publish(&wanted, &ONLINE).unwrap();

    assert_eq!(fs::read(&file).unwrap().len() as u64, update.length);
}

#[test]
fn update_that_changes_while_it_is_published_is_not_published() {
    let depot = Depot::new();
    let wanted = depot.adding("1.2.0");
    let before = fs::read(depot.metadata("timestamp.json")).unwrap();
    fs::write(depot.path(&format!("{BOARD}-1.2.0.update")), "something else").unwrap();

    let refused = depot.publish(&wanted, &ONLINE).map(drop).unwrap_err();

    assert!(refused.root_cause().to_string().contains("has changed since it was read"));
    assert_eq!(fs::read(depot.metadata("timestamp.json")).unwrap(), before);
}

#[test]
fn one_publisher_at_a_time() {
    let depot = Depot::new();
    let _first = Repository::hold(&depot.path("repository")).unwrap();

    assert!(Repository::hold(&depot.path("repository")).is_err());
}

#[test]
fn timestamp_is_written_last() {
    let depot = Depot::new();

    let next = depot.publish(&depot.adding("1.2.0"), &ONLINE).unwrap();

    let names: Vec<&str> = next.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["2.targets.json", "2.snapshot.json", "timestamp.json"]);
}

#[test]
fn renewing_signs_what_its_keys_can_and_nothing_more() {
    let depot = Depot::new();
    let renew = Wanted { renew: true, ..wanted() };

    let timestamp = depot.publish(&renew, &["timestamp"]).unwrap();
    let both = depot.publish(&renew, &["snapshot", "timestamp"]).unwrap();
    let none = fault(depot.publish(&renew, &[]));

    assert_eq!((timestamp.files.len(), both.files.len()), (1, 2));
    assert!(matches!(none, Fault::NothingToDo));
}

#[tokio::test]
async fn update_that_was_taken_back_is_offered_no_more() {
    let depot = Depot::new();
    depot.publish(&depot.adding("1.2.0"), &ONLINE).unwrap();
    let mut client = depot.client();
    assert_eq!(offered(&mut client).await, "1.2.0");

    let remove = vec![format!("mesh-node-{BOARD}-1.2.0.update")];
    depot.publish(&Wanted { remove, ..wanted() }, &ONLINE).unwrap();

    assert_eq!(offered(&mut client).await, "1.1.0");
}

#[test]
fn private_key_is_for_its_owner_and_never_overwritten() {
    let depot = Depot::new();
    let key = SigningKey::generate(Algorithm::Ed25519).unwrap();
    let path = depot.path("new");

    keys::write(&path, &key).unwrap();
    let again = keys::write(&path, &SigningKey::generate(Algorithm::Ed25519).unwrap());

    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(again.is_err());
    assert_eq!(keys::read(&path).unwrap().public(), key.public());
}
