//! A repository with its keys, and a router that trusts it.

use std::collections::HashMap;
use std::fs;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

use image::fat::{self, File};
use image::slot::environment;
use image::update::Digest;
use image::update::build::Contents;
use mesh_node::release::io::keys;
use mesh_node::release::io::repository::{self, Repository};
use mesh_node::release::io::updates::{self, Source};
use mesh_node::release::publish::{
    self, Algorithm, Keyring, Keys, Next, Older, Release, RoleKeySets, SigningKey, Wanted,
};
use mesh_node::release::{Available, Client, Error, Now, Patience, Refusal, Running, Settings};
use spire_bridge::identity::WallTime;
use tempfile::TempDir;
use tough::schema::{RoleType, Root, Signed};
use url::Url;

/// When everything here is published: 2027-01-15T08:00:00Z.
pub(crate) const PUBLISHED: u64 = 1_800_000_000;
pub(crate) const DAY: u64 = 24 * 60 * 60;
pub(crate) const BOARD: &str = "generic-armv7";

/// Who holds which key; a name is a file.
pub(crate) const ONLINE: [&str; 3] = ["targets", "snapshot", "timestamp"];

pub(crate) struct Depot {
    home: TempDir,
}

impl Depot {
    /// A repository of three root key holders, two of whom must sign, that has published 1.1.0.
    pub(crate) fn new() -> Self {
        let depot = Self { home: tempfile::tempdir().unwrap() };
        for (key, algorithm) in [
            ("ann", Algorithm::Ed25519),
            ("bob", Algorithm::Ecdsa),
            ("cat", Algorithm::Ed25519),
            ("targets", Algorithm::Ecdsa),
            ("snapshot", Algorithm::Ed25519),
            ("timestamp", Algorithm::Ed25519),
        ] {
            depot.make_key(key, algorithm);
        }
        let mut root = publish::draft(depot.first_keys(), after(730 * DAY)).unwrap();
        depot.sign_root(&mut root, None, &["ann", "bob"]);
        fs::write(depot.path("trusted.json"), serde_json::to_vec(&root).unwrap()).unwrap();
        let wanted = Wanted { root: Some(root), ..depot.adding("1.1.0") };
        depot.publish(&wanted, &ONLINE).unwrap();
        depot
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn metadata(&self, name: &str) -> PathBuf {
        self.path("repository/metadata").join(name)
    }

    pub(crate) fn make_key(&self, name: &str, algorithm: Algorithm) {
        keys::write(&self.path(name), &SigningKey::generate(algorithm).unwrap()).unwrap();
    }

    pub(crate) fn keys(&self, names: &[&str], threshold: u64) -> Keys {
        let read = |name: &&str| keys::read_public(&self.path(&format!("{name}.pub"))).unwrap();
        let threshold = NonZeroU64::new(threshold).unwrap();
        Keys { keys: names.iter().map(read).collect(), threshold }
    }

    pub(crate) fn first_keys(&self) -> RoleKeySets {
        HashMap::from([
            (RoleType::Root, self.keys(&["ann", "bob", "cat"], 2)),
            (RoleType::Targets, self.keys(&["targets"], 1)),
            (RoleType::Snapshot, self.keys(&["snapshot"], 1)),
            (RoleType::Timestamp, self.keys(&["timestamp"], 1)),
        ])
    }

    pub(crate) fn keyring(&self, names: &[&str]) -> Keyring<'static> {
        let paths: Vec<PathBuf> = names.iter().map(|name| self.path(name)).collect();
        keys::keyring(&paths).unwrap()
    }

    pub(crate) fn sign_root(&self, root: &mut Signed<Root>, before: Option<&Root>, by: &[&str]) {
        for name in by {
            let key = keys::read(&self.path(name)).unwrap();
            publish::sign(root, before, &key, &*keys::RANDOM).unwrap();
        }
    }

    /// The root after the present one, with other keys for the named roles, unsigned.
    pub(crate) fn next_root(&self, keys: RoleKeySets) -> (Root, Signed<Root>) {
        let before = self.release().root.unwrap().signed;
        let next = publish::successor(&before, keys, after(730 * DAY)).unwrap();
        (before, next)
    }

    pub(crate) fn release(&self) -> Release {
        repository::read(&self.path("repository")).unwrap()
    }

    pub(crate) fn adding(&self, version: &str) -> Wanted {
        self.adding_for("armv7", BOARD, version, "1.0.0", 1)
    }

    pub(crate) fn adding_for(
        &self,
        architecture: &str,
        board: &str,
        version: &str,
        minimum: &str,
        schema: u32,
    ) -> Wanted {
        let path = self.path(&format!("{board}-{version}.update"));
        write_update(&path, architecture, board, version, minimum, schema);
        Wanted { add: vec![updates::read(&path).unwrap().update], ..wanted() }
    }

    pub(crate) fn publish(&self, wanted: &Wanted, keys: &[&str]) -> anyhow::Result<Next> {
        let path = |update: &publish::Update| {
            let name = format!("{}-{}.update", update.custom.board, update.custom.version);
            Source { path: self.path(&name), update: update.clone() }
        };
        let sources: Vec<Source> = wanted.add.iter().map(path).collect();
        let repository = Repository::hold(&self.path("repository"))?;
        repository.publish(wanted, &sources, &self.keyring(keys), WallTime::from_unix(PUBLISHED))
    }

    /// Writes what somebody with these keys makes of a release, past all checks of the repository.
    pub(crate) fn forge(&self, current: &Release, keys: &[&str]) {
        self.forge_at(current, keys, after(0));
    }

    /// The same, by a clock of their own, and good for as long as they like.
    pub(crate) fn forge_at(&self, current: &Release, keys: &[&str], now: WallTime) {
        let renew = Wanted { renew: true, days: Some(2000), ..wanted() };
        let forged = publish::next(current, &renew, &self.keyring(keys), now).unwrap();
        for file in forged.files {
            fs::write(self.metadata(&file.name), file.bytes).unwrap();
        }
    }

    pub(crate) fn url(&self) -> Url {
        Url::from_directory_path(self.path("repository")).unwrap()
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            repository: self.url(),
            root: fs::read(self.path("trusted.json")).unwrap(),
            datastore: self.path("data"),
            scratch: self.path("scratch"),
            running: Running {
                architecture: "armv7".to_owned(),
                board: BOARD.to_owned(),
                version: "1.0.0".parse().unwrap(),
                schema: 1,
            },
            patience: Patience { idle: Duration::from_millis(200), ..Patience::default() },
        }
    }

    /// A router that has just started.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.settings()).unwrap()
    }
}

/// Nothing, to be filled in.
pub(crate) fn wanted() -> Wanted {
    Wanted {
        root: None,
        add: Vec::new(),
        remove: Vec::new(),
        older: Older::Refused,
        renew: false,
        days: None,
    }
}

pub(crate) fn after(seconds: u64) -> WallTime {
    WallTime::from_unix(PUBLISHED + seconds)
}

/// A router whose clock is right, a while after the publication.
pub(crate) fn later(seconds: u64) -> Now {
    Now { wall: after(seconds), floor: WallTime::from_unix(0), floor_source: "build".to_owned() }
}

pub(crate) async fn refresh(client: &mut Client) -> Result<Available, Error> {
    client.refresh(&later(60)).await
}

pub(crate) async fn offered(client: &mut Client) -> String {
    refresh(client).await.unwrap().update.unwrap().custom.version.to_string()
}

pub(crate) async fn refused(client: &mut Client) -> Refusal {
    refused_at(client, &later(60)).await
}

pub(crate) async fn refused_at(client: &mut Client, now: &Now) -> Refusal {
    match client.refresh(now).await {
        Err(Error::Refused(refusal)) => *refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// A small update file whose contents tell versions apart.
pub(crate) fn write_update(
    path: &Path,
    architecture: &str,
    board: &str,
    version: &str,
    minimum: &str,
    schema: u32,
) {
    // Bytes that cannot be packed, so that the file has a length worth breaking off in.
    let noise = |n: u32| Digest::of(format!("{version} {n}").as_bytes()).0;
    let root: Vec<u8> = (0..5_000).flat_map(noise).collect();
    let environment = File { path: environment::FILE, content: &[0; environment::LENGTH] };
    let contents = Contents {
        architecture: architecture.parse().unwrap(),
        board,
        version: version.parse().unwrap(),
        minimum: minimum.parse().unwrap(),
        schema,
        built: PUBLISHED,
        root: &root,
        boot: &fat::volume(208 << 10, &[environment], None).unwrap(),
        ..Contents::default()
    };
    image::update::build(&contents, &mut fs::File::create(path).unwrap()).unwrap();
}
