//! The next state of a repository.

use std::collections::HashMap;
use std::num::NonZeroU64;

use jiff::Timestamp as Moment;
use semver::Version;
use serde::Serialize;
use serde_json::Value;
use spire_bridge::identity::WallTime;
use tough::TargetName;
use tough::schema::{
    Hashes, Metafile, Role as TufRole, Root, Signed, Snapshot, Target, Targets, Timestamp,
};

use super::root::{SPECIFICATION, standing};
use super::{Fault, Keyring};
use crate::release::custom::Sha256;
use crate::release::listing::{ISSUED, is_plain};
use crate::release::{Custom, Role};

/// A repository's metadata as it stands.
#[derive(Clone, Debug, Default)]
pub struct Release {
    /// The newest root, none in an empty folder.
    pub root: Option<Signed<Root>>,
    /// The targets that the newest snapshot names.
    pub targets: Option<Stored<Targets>>,
    /// The snapshot that the timestamp names.
    pub snapshot: Option<Stored<Snapshot>>,
    /// The timestamp.
    pub timestamp: Option<Stored<Timestamp>>,
}

/// Metadata, and the very bytes whose hash other metadata holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored<T> {
    /// What it says.
    pub role: Signed<T>,
    /// How it is written.
    pub bytes: Vec<u8>,
}

/// An update file to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The target's name.
    pub name: String,
    /// The file's length in bytes.
    pub length: u64,
    /// The file's hash.
    pub sha256: Sha256,
    /// What its header says.
    pub custom: Custom,
}

/// Whether a version may be published after a newer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Older {
    /// It is a mistake.
    Refused,
    /// It is meant.
    Allowed,
}

/// What a publisher wants.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// A root to begin with or to go on to.
    pub root: Option<Signed<Root>>,
    /// Updates to add.
    pub add: Vec<Update>,
    /// Names of updates to take back.
    pub remove: Vec<String>,
    /// What to do with a version that is not newer than what is published for its board.
    pub older: Older,
    /// Whether to put off the expiry of whatever the keys can sign.
    pub renew: bool,
    /// How long what is signed now is good; each role's own time if none.
    pub days: Option<u32>,
}

/// A metadata file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name under `metadata/`.
    pub name: String,
    /// Its contents.
    pub bytes: Vec<u8>,
}

/// What a repository becomes.
#[derive(Clone, Debug)]
pub struct Next {
    /// The files to write, in this order: a client sees the old state until the last one is there.
    pub files: Vec<File>,
    /// The new state.
    pub release: Release,
}

/// How long a role is good after it was signed: the more often its key is at hand, the shorter.
pub const fn days(role: Role) -> u32 {
    match role {
        Role::Root => 730,
        Role::Targets | Role::Update => 365,
        Role::Snapshot => 90,
        Role::Timestamp => 30,
    }
}

/// Plans the next state of a repository.
///
/// # Errors
///
/// Fails, and nothing is to be written, if a key is missing or the wish makes no sense.
pub fn next(
    current: &Release,
    wanted: &Wanted,
    keys: &Keyring<'_>,
    now: WallTime,
) -> Result<Next, Fault> {
    let root = next_root(current, wanted)?;
    let signer = Signer { root: &root.signed, keys, now, days: wanted.days };
    let targets = signer.targets(current, wanted)?;
    let snapshot = signer.snapshot(current, wanted, &targets)?;
    let timestamp = signer.timestamp(current, wanted, &snapshot)?;
    if !(targets.new || snapshot.new || timestamp.new || current.root.as_ref() != Some(&root)) {
        return Err(Fault::NothingToDo);
    }
    let mut files = Vec::new();
    for (new, name, bytes) in [
        (targets.new, targets.file_name(), &targets.stored.bytes),
        (snapshot.new, snapshot.file_name(), &snapshot.stored.bytes),
    ] {
        if new {
            files.push(File { name, bytes: bytes.clone() });
        }
    }
    if current.root.as_ref() != Some(&root) {
        files.push(File { name: root.signed.filename(true), bytes: written(Role::Root, &root)? });
    }
    if timestamp.new {
        let name = timestamp.file_name();
        files.push(File { name, bytes: timestamp.stored.bytes.clone() });
    }
    let release = Release {
        root: Some(root),
        targets: Some(targets.stored),
        snapshot: Some(snapshot.stored),
        timestamp: Some(timestamp.stored),
    };
    Ok(Next { files, release })
}

/// The root to publish under: complete, and the next one if it is not the present one.
fn next_root(current: &Release, wanted: &Wanted) -> Result<Signed<Root>, Fault> {
    let present = current.root.as_ref();
    let Some(root) = wanted.root.as_ref() else { return present.cloned().ok_or(Fault::NoRoot) };
    let version = root.signed.version.get();
    let before = present.filter(|present| *present != root);
    if let Some(before) = before.map(|before| before.signed.version.get())
        && version != before + 1
    {
        return Err(Fault::NotNext { current: before, offered: version });
    }
    let missing = standing(root, before.map(|before| &before.signed));
    let missing: Vec<_> = missing.into_iter().filter(|it| !it.is_complete()).collect();
    if missing.is_empty() { Ok(root.clone()) } else { Err(Fault::Incomplete { version, missing }) }
}

/// A role as it will be.
struct Planned<T> {
    stored: Stored<T>,
    new: bool,
}

impl<T: TufRole> Planned<T> {
    fn file_name(&self) -> String {
        self.stored.role.signed.filename(true)
    }
}

struct Signer<'a> {
    root: &'a Root,
    keys: &'a Keyring<'a>,
    now: WallTime,
    days: Option<u32>,
}

impl Signer<'_> {
    fn targets(&self, current: &Release, wanted: &Wanted) -> Result<Planned<Targets>, Fault> {
        let present = current.targets.as_ref();
        let changed = !wanted.add.is_empty() || !wanted.remove.is_empty();
        if let Some(kept) = self.kept(present, current, changed, wanted.renew)? {
            return Ok(kept);
        }
        let mut targets = present.map_or_else(
            || Targets::new(SPECIFICATION.to_owned(), NonZeroU64::MIN, Moment::UNIX_EPOCH),
            |present| Targets { version: after(present), ..present.role.signed.clone() },
        );
        targets.delegations = None;
        for name in &wanted.remove {
            let target = TargetName::new(name).map_err(|_| Fault::Name { name: name.clone() })?;
            let gone = targets.remove_target(&target);
            gone.ok_or_else(|| Fault::NoTarget { name: name.clone() })?;
        }
        for update in &wanted.add {
            add(&mut targets, update, wanted.older)?;
        }
        targets.expires = self.expires(Role::Targets);
        self.sign(targets)
    }

    fn snapshot(
        &self,
        current: &Release,
        wanted: &Wanted,
        targets: &Planned<Targets>,
    ) -> Result<Planned<Snapshot>, Fault> {
        let present = current.snapshot.as_ref();
        if let Some(kept) = self.kept(present, current, targets.new, wanted.renew)? {
            return Ok(kept);
        }
        let version = present.map_or(NonZeroU64::MIN, after);
        let expires = self.expires(Role::Snapshot);
        let mut snapshot = Snapshot::new(SPECIFICATION.to_owned(), version, expires);
        snapshot.meta.insert("targets.json".to_owned(), metafile(targets));
        self.sign(snapshot)
    }

    fn timestamp(
        &self,
        current: &Release,
        wanted: &Wanted,
        snapshot: &Planned<Snapshot>,
    ) -> Result<Planned<Timestamp>, Fault> {
        let present = current.timestamp.as_ref();
        if let Some(kept) = self.kept(present, current, snapshot.new, wanted.renew)? {
            return Ok(kept);
        }
        let version = present.map_or(NonZeroU64::MIN, after);
        let expires = self.expires(Role::Timestamp);
        let mut timestamp = Timestamp::new(SPECIFICATION.to_owned(), version, expires);
        timestamp.meta.insert("snapshot.json".to_owned(), metafile(snapshot));
        timestamp._extra.insert(ISSUED.to_owned(), Value::from(self.now.unix()));
        self.sign(timestamp)
    }

    /// Keeps a role that nothing changes; one that neither the old nor the new root's keys signed is not built upon.
    fn kept<T: TufRole + Clone>(
        &self,
        present: Option<&Stored<T>>,
        current: &Release,
        changed: bool,
        renew: bool,
    ) -> Result<Option<Planned<T>>, Fault> {
        let Some(present) = present else { return Ok(None) };
        let role = Role::from(T::TYPE);
        let fresh = self.root.verify_role(&present.role);
        if let Err(error) = &fresh {
            let before = current.root.as_ref().map(|root| root.signed.verify_role(&present.role));
            if !matches!(before, Some(Ok(()))) {
                return Err(Fault::Tampered { role, reason: error.to_string() });
            }
        }
        if changed || fresh.is_err() || (renew && self.keys.can_sign::<T>(self.root)) {
            return Ok(None);
        }
        Ok(Some(Planned { stored: present.clone(), new: false }))
    }

    fn sign<T: TufRole>(&self, role: T) -> Result<Planned<T>, Fault> {
        let role = self.keys.sign(self.root, role)?;
        let bytes = written(Role::from(T::TYPE), &role)?;
        Ok(Planned { stored: Stored { role, bytes }, new: true })
    }

    fn expires(&self, role: Role) -> Moment {
        let good = u64::from(self.days.unwrap_or(days(role))) * 24 * 60 * 60;
        expiry(WallTime::from_unix(self.now.unix().saturating_add(good)))
    }
}

fn add(targets: &mut Targets, update: &Update, older: Older) -> Result<(), Fault> {
    let fault = || Fault::Name { name: update.name.clone() };
    let name = TargetName::new(&update.name).map_err(|_| fault())?;
    if !is_plain(&update.name) {
        return Err(fault());
    }
    let Custom { architecture, board, version, .. } = &update.custom;
    let published = newest(targets, architecture, board);
    if let Some(published) = published.filter(|published| published >= version)
        && older == Older::Refused
    {
        let board = format!("{architecture}/{board}");
        return Err(Fault::NotNewer { board, published, offered: version.clone() });
    }
    let custom = serde_json::to_value(&update.custom).and_then(serde_json::from_value);
    let signing = |error: serde_json::Error| Fault::Signing {
        role: Role::Targets,
        reason: error.to_string(),
    };
    let target = Target {
        length: update.length,
        hashes: hashes(&update.sha256.0),
        custom: custom.map_err(signing)?,
        _extra: HashMap::new(),
    };
    targets.add_target(name, target);
    Ok(())
}

fn newest(targets: &Targets, architecture: &str, board: &str) -> Option<Version> {
    let customs = targets.targets.values().filter_map(|it| Custom::from_fields(&it.custom).ok());
    let ours = customs.filter(|it| it.architecture == architecture && it.board == board);
    ours.map(|custom| custom.version).max()
}

fn metafile<T: TufRole>(planned: &Planned<T>) -> Metafile {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &planned.stored.bytes);
    Metafile {
        length: u64::try_from(planned.stored.bytes.len()).ok(),
        hashes: Some(hashes(digest.as_ref())),
        version: planned.stored.role.signed.version(),
        _extra: HashMap::new(),
    }
}

fn hashes(sha256: &[u8]) -> Hashes {
    Hashes { sha256: sha256.to_vec().into(), _extra: HashMap::new() }
}

fn after<T: TufRole>(present: &Stored<T>) -> NonZeroU64 {
    present.role.signed.version().saturating_add(1)
}

/// A moment as metadata has it, at the latest the end of the year 9999.
pub(super) fn expiry(at: WallTime) -> Moment {
    let seconds = i64::try_from(at.unix()).ok();
    seconds.and_then(|at| Moment::from_second(at).ok()).unwrap_or(Moment::MAX)
}

/// Writes metadata with its fields in order, so that the same metadata is the same file.
pub(super) fn written<T: Serialize>(role: Role, signed: &T) -> Result<Vec<u8>, Fault> {
    let value = serde_json::to_value(signed);
    let text = value.and_then(|value| serde_json::to_vec_pretty(&value));
    let mut text = text.map_err(|error| Fault::Signing { role, reason: error.to_string() })?;
    text.push(b'\n');
    Ok(text)
}
