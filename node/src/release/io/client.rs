//! Walks a repository's metadata and opens what it offers.

use std::path::PathBuf;

use spire_bridge::identity::WallTime;
use tough::schema::{Role as _, Signed, Target as Entry, Targets, Timestamp};
use tough::{ExpirationEnforcement, Limits, Repository, RepositoryLoader};
use url::Url;

use super::download::Download;
use super::fetch::{self, Metadata, Patience};
use super::store::Store;
use crate::release::custom::Sha256;
use crate::release::{Available, Custom, Error, Now, Refusal, Role, Running, Target, choice};

/// Bounds what a server can make a router read: a fleet's metadata is a few kilobytes.
const LIMITS: Limits = Limits {
    max_root_size: 256 * 1024,
    max_targets_size: 1024 * 1024,
    max_timestamp_size: 16 * 1024,
    max_snapshot_size: 64 * 1024,
    max_root_updates: 256,
};

/// The field in which our publisher says when it signed, in seconds since 1970.
pub(in crate::release) const ISSUED: &str = "issued";

/// Where releases come from and what they are held against.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder that holds `metadata/` and `targets/`, over http:// or file://.
    pub repository: Url,
    /// The root that this router was given to trust.
    pub root: Vec<u8>,
    /// The folder on the data partition that keeps what has come to be trusted.
    pub datastore: PathBuf,
    /// A folder on a file system of memory, emptied at each refresh.
    pub scratch: PathBuf,
    /// What runs on this router.
    pub running: Running,
    /// How long a server may take.
    pub patience: Patience,
}

/// Fetches releases of one repository.
#[derive(Debug)]
pub struct Client {
    settings: Settings,
    store: Store,
}

impl Client {
    /// Reads what was trusted before.
    ///
    /// # Errors
    ///
    /// Fails if the repository's address is of a scheme that routers do not speak.
    pub fn new(mut settings: Settings) -> Result<Self, Error> {
        let url = &mut settings.repository;
        if !matches!(url.scheme(), "http" | "file") {
            return Err(Error::Scheme { url: url.to_string() });
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let store = Store::open(settings.datastore.clone(), settings.scratch.clone());
        Ok(Self { settings, store })
    }

    /// Fetches and verifies the newest metadata, and says what it offers this router.
    ///
    /// # Errors
    ///
    /// Refuses by name what does not hold; all else may pass by itself.
    pub async fn refresh(&mut self, now: &Now) -> Result<Available, Error> {
        let scratch = self.settings.scratch.clone();
        let local = |error: std::io::Error| Error::Local {
            path: scratch.clone(),
            reason: error.to_string(),
        };
        self.store.check_out().map_err(local)?;
        let loaded = self.load().await;
        self.store.check_in();
        let repository = loaded.map_err(|error| Error::from_tough(&error, &scratch))?;
        let expires = check_expiry(&repository, now)?;
        let offered = offered(repository.targets(), repository.root().signed.consistent_snapshot);
        Ok(Available {
            update: choice::choose(&offered, &self.settings.running)?,
            signed: issued(repository.timestamp()),
            root: repository.root().signed.version.get(),
            expires,
        })
    }

    /// Opens an update without its first `from` bytes.
    ///
    /// # Errors
    ///
    /// Fails if the target's file name is no file name.
    pub fn open(&self, target: &Target, from: u64) -> Result<Download, Error> {
        let url = self.folder("targets/").join(&target.file);
        let url = url.ok().filter(|_| is_plain(&target.file));
        let url = url.ok_or_else(|| Error::Missing { url: target.file.clone() })?;
        let chunks = fetch::start(url.clone(), from, self.settings.patience);
        Ok(Download::new(chunks, url, target, from))
    }

    async fn load(&self) -> tough::error::Result<Repository> {
        let root = self.store.trusted().start(&self.settings.root).to_vec();
        RepositoryLoader::new(&root, self.folder("metadata/"), self.folder("targets/"))
            .transport(Metadata(self.settings.patience))
            .limits(LIMITS)
            .datastore(&self.settings.scratch)
            // Its clock is the system's, which on a router may stand in 1970: `check_expiry` does it with ours.
            .expiration_enforcement(ExpirationEnforcement::Unsafe)
            .load()
            .await
    }

    fn folder(&self, name: &str) -> Url {
        let mut url = self.settings.repository.clone();
        url.set_path(&format!("{}{name}", url.path()));
        url
    }
}

/// Checks every role from the root down, and returns when the first will expire.
fn check_expiry(repository: &Repository, now: &Now) -> Result<WallTime, Refusal> {
    let roles = [
        (Role::Root, repository.root().signed.expires()),
        (Role::Timestamp, repository.timestamp().signed.expires()),
        (Role::Snapshot, repository.snapshot().signed.expires()),
        (Role::Targets, repository.targets().signed.expires()),
    ];
    let roles = roles.map(|(role, expires)| (role, wall_time(expires.as_second())));
    for (role, expires) in roles {
        now.check(role, expires)?;
    }
    let [(_, root), rest @ ..] = roles;
    Ok(rest.into_iter().fold(root, |first, (_, expires)| first.min(expires)))
}

fn wall_time(seconds: i64) -> WallTime {
    WallTime::from_unix(u64::try_from(seconds).unwrap_or_default())
}

fn issued(timestamp: &Signed<Timestamp>) -> Option<WallTime> {
    let seconds = timestamp.signed._extra.get(ISSUED)?.as_u64()?;
    // Whoever signs what has expired by its own words is not asked for the time.
    let expires = wall_time(timestamp.signed.expires.as_second());
    Some(WallTime::from_unix(seconds)).filter(|issued| *issued < expires)
}

/// The targets that are updates; what is none, or has no plain name, is somebody else's.
fn offered(targets: &Signed<Targets>, consistent: bool) -> Vec<Target> {
    let read = |name: &str, entry: &Entry| {
        let sha256 = Sha256::try_from(&entry.hashes.sha256[..]).ok()?;
        let file = if consistent { format!("{sha256}.{name}") } else { name.to_owned() };
        is_plain(name).then_some(Target {
            name: name.to_owned(),
            file,
            length: entry.length,
            sha256,
            custom: Custom::from_fields(&entry.custom).ok()?,
        })
    };
    let targets = &targets.signed.targets;
    targets.iter().filter_map(|(name, entry)| read(name.raw(), entry)).collect()
}

/// Whether a name is safe as a file's and needs no escapes in an address.
pub(in crate::release) fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(plain)
}
