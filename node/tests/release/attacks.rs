//! What a server, or whoever stole a key, can try.

use std::fs;

use mesh_node::release::{Client, Error, Now, Refusal, Role, Settings, TimeSource};
use spire_bridge::identity::WallTime;

use crate::depot::{
    BOARD, DAY, Depot, ONLINE, PUBLISHED, after, later, offered, refresh, refused, refused_at,
    wanted,
};

#[tokio::test]
async fn published_update_is_offered() {
    let depot = Depot::new();

    let available = refresh(&mut depot.client()).await.unwrap();

    let update = available.update.unwrap();
    assert_eq!(update.custom.version.to_string(), "1.1.0");
    assert_eq!(update.name, format!("mesh-node-{BOARD}-1.1.0.update"));
    assert_eq!(available.signed, Some(WallTime::from_unix(PUBLISHED)));
    assert_eq!((available.root, available.expires), (1, after(30 * DAY)));
}

#[tokio::test]
async fn older_timestamp_is_a_rollback() {
    let depot = Depot::new();
    let old = fs::read(depot.metadata("timestamp.json")).unwrap();
    depot.publish(&depot.adding("1.2.0"), &ONLINE).unwrap();
    assert_eq!(offered(&mut depot.client()).await, "1.2.0");

    fs::write(depot.metadata("timestamp.json"), old).unwrap();

    let rollback = Refusal::Rollback { role: Role::Timestamp, trusted: 2, offered: 1 };
    assert_eq!(refused(&mut depot.client()).await, rollback, "also after a reboot");
}

#[tokio::test]
async fn older_snapshot_under_a_stolen_timestamp_key_is_a_rollback() {
    let depot = Depot::new();
    let old = depot.release();
    depot.publish(&depot.adding("1.2.0"), &ONLINE).unwrap();
    let mut client = depot.client();
    refresh(&mut client).await.unwrap();

    let timestamp = depot.release().timestamp;
    depot.forge(&mesh_node::release::publish::Release { timestamp, ..old }, &["timestamp"]);

    let rollback = Refusal::Rollback { role: Role::Snapshot, trusted: 2, offered: 1 };
    assert_eq!(refused(&mut client).await, rollback);
}

#[tokio::test]
async fn older_targets_under_stolen_online_keys_are_a_rollback() {
    let depot = Depot::new();
    let old = depot.release();
    depot.publish(&depot.adding("1.2.0"), &ONLINE).unwrap();
    let mut client = depot.client();
    refresh(&mut client).await.unwrap();

    let mut forged = depot.release();
    forged.targets = old.targets;
    depot.forge(&forged, &["snapshot", "timestamp"]);

    let rollback = Refusal::Rollback { role: Role::Targets, trusted: 2, offered: 1 };
    assert_eq!(refused(&mut client).await, rollback);
}

#[tokio::test]
async fn repository_that_is_kept_as_it_was_expires() {
    let depot = Depot::new();
    let mut client = depot.client();
    assert!(client.refresh(&later(30 * DAY - 1)).await.is_ok());

    let frozen = refused_at(&mut client, &later(30 * DAY)).await;

    let (now, expires) = (after(30 * DAY), after(30 * DAY));
    let clock = TimeSource::Wall;
    assert_eq!(frozen, Refusal::Expired { role: Role::Timestamp, expires, now, clock });
}

#[tokio::test]
async fn each_role_expires_by_itself() {
    let renewals: [(&[&str], Role, u64); 3] = [
        (&["timestamp"], Role::Snapshot, 90),
        (&["snapshot", "timestamp"], Role::Targets, 365),
        (&ONLINE, Role::Root, 730),
    ];
    for (keys, role, days) in renewals {
        let depot = Depot::new();
        let renew =
            mesh_node::release::publish::Wanted { renew: true, days: Some(2000), ..wanted() };
        depot.publish(&renew, keys).unwrap();

        let refusal = refused_at(&mut depot.client(), &later(days * DAY)).await;

        let (now, expires) = (after(days * DAY), after(days * DAY));
        assert_eq!(refusal, Refusal::Expired { role, expires, now, clock: TimeSource::Wall });
    }
}

#[tokio::test]
async fn router_in_1970_takes_what_is_good_and_refuses_what_has_expired_by_its_floor() {
    let depot = Depot::new();
    let in_1970 = |floor: u64| Now {
        wall: WallTime::from_unix(42),
        floor: after(floor),
        floor_source: "persisted".to_owned(),
    };
    let mut client = depot.client();

    assert!(client.refresh(&in_1970(DAY)).await.is_ok());
    let refusal = refused_at(&mut client, &in_1970(31 * DAY)).await;

    let expired = Refusal::Expired {
        role: Role::Timestamp,
        expires: after(30 * DAY),
        now: after(31 * DAY),
        clock: TimeSource::Floor("persisted".to_owned()),
    };
    assert_eq!(refusal, expired);
    assert!(
        client.refresh(&in_1970(DAY)).await.is_ok(),
        "a clock that was ahead and was set back is no reason to refuse"
    );
}

#[tokio::test]
async fn thief_of_the_timestamp_key_cannot_drive_the_clock_past_what_others_signed() {
    for (days, believed) in [(89, true), (90, false), (300_000, false)] {
        let depot = Depot::new();

        depot.forge_at(&depot.release(), &["timestamp"], after(days * DAY));

        let signed = refresh(&mut depot.client()).await.unwrap().signed;
        assert_eq!(signed, believed.then(|| after(days * DAY)), "{days} days ahead");
    }
}

#[tokio::test]
async fn snapshot_of_another_release_is_mix_and_match() {
    let depot = Depot::new();
    depot.publish(&depot.adding("1.2.0"), &ONLINE).unwrap();

    fs::copy(depot.metadata("1.snapshot.json"), depot.metadata("2.snapshot.json")).unwrap();

    let refusal = refused(&mut depot.client()).await;
    assert!(matches!(refusal, Refusal::MixAndMatch { role: Role::Snapshot, .. }), "{refusal}");
}

#[tokio::test]
async fn targets_of_another_release_are_mix_and_match() {
    let depot = Depot::new();
    depot.publish(&depot.adding("1.2.0"), &ONLINE).unwrap();

    fs::copy(depot.metadata("1.targets.json"), depot.metadata("2.targets.json")).unwrap();

    let refusal = refused(&mut depot.client()).await;
    assert!(matches!(refusal, Refusal::MixAndMatch { role: Role::Targets, .. }), "{refusal}");
}

#[tokio::test]
async fn metadata_without_end_is_cut_off_at_its_limit() {
    for (file, limit) in [("timestamp.json", 16 * 1024), ("2.root.json", 256 * 1024)] {
        let depot = Depot::new();
        let sparse = fs::File::create(depot.metadata(file)).unwrap();
        sparse.set_len(1 << 40).unwrap();

        let refusal = refused(&mut depot.client()).await;

        let what = depot.url().join(&format!("metadata/{file}")).unwrap().to_string();
        assert_eq!(refusal, Refusal::EndlessData { what, limit });
    }
}

#[tokio::test]
async fn metadata_longer_than_what_was_signed_is_cut_off() {
    let depot = Depot::new();
    let file = fs::OpenOptions::new().write(true).open(depot.metadata("1.targets.json")).unwrap();
    let limit = file.metadata().unwrap().len();
    file.set_len(limit + 1).unwrap();

    let refusal = refused(&mut depot.client()).await;

    assert!(matches!(refusal, Refusal::EndlessData { limit: at, .. } if at == limit), "{refusal}");
}

#[tokio::test]
async fn repository_of_somebody_else_has_the_wrong_keys() {
    let depot = Depot::new();
    let other = Depot::new();
    let settings = Settings { repository: other.url(), ..depot.settings() };

    let refusal = refused(&mut Client::new(settings).unwrap()).await;

    let wrong = Refusal::WrongKeys { role: Role::Timestamp, threshold: 1, valid: 0 };
    assert_eq!(refusal, wrong);
}

#[tokio::test]
async fn metadata_that_was_edited_has_no_valid_signature() {
    let depot = Depot::new();
    let path = depot.metadata("timestamp.json");
    let edited = fs::read_to_string(&path).unwrap().replace("2027-", "2028-");
    fs::write(&path, edited).unwrap();

    let wrong = Refusal::WrongKeys { role: Role::Timestamp, threshold: 1, valid: 0 };
    assert_eq!(refused(&mut depot.client()).await, wrong);
}

#[tokio::test]
async fn nonsense_in_place_of_metadata_is_malformed() {
    let depot = Depot::new();
    fs::write(depot.metadata("timestamp.json"), "[".repeat(10_000)).unwrap();

    let refusal = refused(&mut depot.client()).await;

    assert!(matches!(refusal, Refusal::Malformed { role: Role::Timestamp, .. }), "{refusal}");
}

#[tokio::test]
async fn router_without_a_root_of_its_own_trusts_nobody() {
    let depot = Depot::new();
    let other = String::from_utf8(depot.settings().root).unwrap().replace("2029-", "2039-");
    for root in [Vec::new(), b"{}".to_vec(), other.into_bytes()] {
        let settings = Settings { root, ..depot.settings() };

        let refusal = refused(&mut Client::new(settings).unwrap()).await;

        assert!(matches!(refusal, Refusal::NoTrustedRoot { .. }), "{refusal}");
    }
}

#[tokio::test]
async fn release_for_another_board_is_refused() {
    let depot = Depot::new();
    let mut settings = depot.settings();
    settings.running.architecture = "aarch64".to_owned();
    settings.running.board = "generic-aarch64".to_owned();

    let refusal = refused(&mut Client::new(settings).unwrap()).await;

    let offered = vec![format!("armv7/{BOARD}")];
    let board = "generic-aarch64".to_owned();
    let architecture = "aarch64".to_owned();
    assert_eq!(refusal, Refusal::NotForThisBoard { architecture, board, offered });
}

#[tokio::test]
async fn release_older_than_what_runs_is_refused() {
    let depot = Depot::new();
    let mut settings = depot.settings();
    settings.running.version = "1.2.0".parse().unwrap();

    let refusal = refused(&mut Client::new(settings).unwrap()).await;

    let (running, offered) = ("1.2.0".parse().unwrap(), "1.1.0".parse().unwrap());
    assert_eq!(refusal, Refusal::OlderVersion { running, offered });
}

#[tokio::test]
async fn update_that_needs_another_first_is_refused() {
    let depot = Depot::new();
    let mut settings = depot.settings();
    settings.running.version = "0.9.0".parse().unwrap();

    let refusal = refused(&mut Client::new(settings).unwrap()).await;

    assert!(matches!(refusal, Refusal::MinimumNotMet { .. }), "{refusal}");
}

#[tokio::test]
async fn update_that_would_not_understand_the_data_is_refused() {
    let depot = Depot::new();
    let mut settings = depot.settings();
    settings.running.schema = 2;

    let refusal = refused(&mut Client::new(settings).unwrap()).await;

    assert_eq!(refusal, Refusal::OlderSchema { data: 2, offered: 1 });
}

#[tokio::test]
async fn repository_that_is_not_there_is_unreachable_and_no_refusal() {
    let depot = Depot::new();
    fs::remove_file(depot.metadata("timestamp.json")).unwrap();

    let error = refresh(&mut depot.client()).await.unwrap_err();

    assert!(matches!(error, Error::Missing { .. }), "{error}");
}

#[tokio::test]
async fn data_partition_that_takes_no_writes_holds_no_update_back() {
    let depot = Depot::new();
    let old = fs::read(depot.metadata("timestamp.json")).unwrap();
    depot.publish(&depot.adding("1.2.0"), &ONLINE).unwrap();
    fs::write(depot.path("file"), "").unwrap();
    let settings = |datastore| Settings { datastore, ..depot.settings() };
    let mut client = Client::new(settings(depot.path("file/data"))).unwrap();
    assert_eq!(offered(&mut client).await, "1.2.0");

    fs::write(depot.metadata("timestamp.json"), old).unwrap();

    let rollback = Refusal::Rollback { role: Role::Timestamp, trusted: 2, offered: 1 };
    assert_eq!(refused(&mut client).await, rollback);
    let mut other = Client::new(settings(depot.path("data"))).unwrap();
    assert_eq!(refused(&mut other).await, rollback, "it is known until the next boot");
    fs::remove_dir_all(depot.path("scratch")).unwrap();
    assert_eq!(refused(&mut depot.client()).await, rollback, "and is kept once that is possible");
}

#[tokio::test]
async fn what_a_power_cut_leaves_behind_costs_no_trust() {
    let depot = Depot::new();
    let old = fs::read(depot.metadata("timestamp.json")).unwrap();
    depot.publish(&depot.adding("1.2.0"), &ONLINE).unwrap();
    refresh(&mut depot.client()).await.unwrap();
    fs::write(depot.path("data/trusted.new"), "{\"timestamp\":\"").unwrap();
    fs::create_dir_all(depot.path("scratch/scratch")).unwrap();
    fs::write(depot.path("scratch/scratch/timestamp.json"), "{").unwrap();

    fs::write(depot.metadata("timestamp.json"), old).unwrap();

    let rollback = Refusal::Rollback { role: Role::Timestamp, trusted: 2, offered: 1 };
    assert_eq!(refused(&mut depot.client()).await, rollback);
}
