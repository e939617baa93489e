//! A repository with one update for this machine.

use std::collections::HashMap;
use std::fs::{self, File};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use image::Architecture;
use image::fat;
use image::slot::environment::{FILE, LENGTH};
use image::update::Header;
use image::update::build::{Contents, build};
use image::update::header::KernelTemplate;
use mesh_node::io::clock;
use mesh_node::release::io::keys;
use mesh_node::release::io::repository::Repository;
use mesh_node::release::io::updates;
use mesh_node::release::publish::{self, Algorithm, Keys, Older, SigningKey, Wanted};
use spire_bridge::identity::WallTime;
use tempfile::TempDir;
use tough::schema::RoleType;

pub(crate) const BOARD: &str = "quiet-box";

const YEAR: u64 = 365 * 24 * 60 * 60;

/// Bytes of a root file system that is worth breaking off in.
const SMALL: usize = 1_280_000;

pub(crate) struct Publisher {
    home: TempDir,
}

impl Publisher {
    /// A publisher who has published one version, with one key for everything.
    pub(crate) fn of(version: &str) -> Self {
        Self::of_size(version, SMALL)
    }

    /// A publisher of an update whose root file system has so many bytes.
    pub(crate) fn of_size(version: &str, size: usize) -> Self {
        let publisher = Self { home: tempfile::tempdir().unwrap() };
        let key = SigningKey::generate(Algorithm::Ed25519).unwrap();
        let public = keys::write(&publisher.path("key"), &key).unwrap();
        let one = || Keys {
            keys: vec![keys::read_public(&public).unwrap()],
            threshold: NonZeroU64::new(1).unwrap(),
        };
        let roles = [RoleType::Root, RoleType::Targets, RoleType::Snapshot, RoleType::Timestamp];
        let sets: HashMap<_, _> = roles.into_iter().map(|role| (role, one())).collect();
        let now = clock::wall().unix();
        let mut root = publish::draft(sets, WallTime::from_unix(now + YEAR)).unwrap();
        publish::sign(&mut root, None, &key, &*keys::RANDOM).unwrap();
        fs::write(publisher.path("root.json"), serde_json::to_vec(&root).unwrap()).unwrap();

        let file = publisher.path("new.update");
        write_update_of(&file, BOARD, version, size);
        let source = updates::read(&file).unwrap();
        let wanted = Wanted {
            root: Some(root),
            add: vec![source.update.clone()],
            remove: Vec::new(),
            older: Older::Refused,
            renew: false,
            days: None,
        };
        let repository = Repository::hold(&publisher.folder()).unwrap();
        let keyring = keys::keyring(&[publisher.path("key")]).unwrap();
        repository.publish(&wanted, &[source], &keyring, WallTime::from_unix(now)).unwrap();
        publisher
    }

    /// Publishes another version beside the first, or takes the first back.
    pub(crate) fn publish(&self, add: Option<&str>, remove: &[String]) {
        let sources = add.map(|version| {
            let file = self.path("next.update");
            write_update(&file, BOARD, version);
            updates::read(&file).unwrap()
        });
        let sources: Vec<_> = sources.into_iter().collect();
        let wanted = Wanted {
            root: None,
            add: sources.iter().map(|source| source.update.clone()).collect(),
            remove: remove.to_vec(),
            older: Older::Allowed,
            renew: false,
            days: None,
        };
        let repository = Repository::hold(&self.folder()).unwrap();
        let keyring = keys::keyring(&[self.path("key")]).unwrap();
        repository.publish(&wanted, &sources, &keyring, clock::wall()).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.path("repository")
    }
}

/// Writes a small update.
pub(crate) fn write_update(path: &Path, board: &str, version: &str) -> Header {
    write_update_of(path, board, version, SMALL)
}

/// Writes an update that cannot be packed smaller.
fn write_update_of(path: &Path, board: &str, version: &str, size: usize) -> Header {
    let mut state = version.bytes().fold(1_u32, |state, byte| state * 31 + u32::from(byte));
    let noise = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    let root: Vec<u8> = std::iter::repeat_with(noise).take(size).collect();
    let contents = Contents {
        architecture: Architecture::of_host().unwrap(),
        board,
        version: version.parse().unwrap(),
        minimum: "1.0.0".parse().unwrap(),
        schema: 1,
        kernel: KernelTemplate {
            file: "C:BOOT-{slot}:vmlinuz".to_owned(),
            parameters: "root=PARTLABEL=root-{slot} quiet".to_owned(),
            watchdog: 60,
        },
        root: &root,
        boot: &boot(),
        chunk: 64 << 10,
        ..Contents::default()
    };
    build(&contents, &mut File::create(path).unwrap()).unwrap()
}

/// A boot file system with an environment of zeros.
pub(crate) fn boot() -> Vec<u8> {
    let environment = fat::File { path: FILE, content: &[0; LENGTH] };
    fat::volume(256 << 10, &[environment], None).unwrap()
}
