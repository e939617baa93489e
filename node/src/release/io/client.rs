//! Walks a repository's metadata and opens what it offers.

use std::io;
use std::path::PathBuf;

use spire_bridge::identity::WallTime;
use tokio::time::timeout;
use tough::schema::Role as _;
use tough::{ExpirationEnforcement, Limits, Repository, RepositoryLoader};
use url::Url;

use super::download::Download;
use super::fetch::{self, Metadata, Patience};
use super::store::Store;
use crate::release::listing::{is_plain, issued, updates};
use crate::release::{Available, Error, Now, Refusal, Role, Running, Target, choice};

/// Bounds what a server can make a router read: a fleet's metadata is a few kilobytes.
const LIMITS: Limits = Limits {
    max_root_size: 256 * 1024,
    max_targets_size: 1024 * 1024,
    max_timestamp_size: 16 * 1024,
    max_snapshot_size: 64 * 1024,
    max_root_updates: 256,
};

/// Where releases come from and what they are held against.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder that holds `metadata/` and `targets/`, over http:// or file://.
    pub repository: Url,
    /// The root that this router was given to trust.
    pub root: Vec<u8>,
    /// The folder on the data partition that keeps what has come to be trusted.
    pub datastore: PathBuf,
    /// A folder on a file system of memory. It also keeps what is trusted while the data partition takes no writes.
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
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let url = &settings.repository;
        if !matches!(url.scheme(), "http" | "file") {
            return Err(Error::Scheme { url: url.to_string() });
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
        self.refresh_for(now, None).await
    }

    /// The same for somebody who has begun with an update: it stays the one, unless it was taken back.
    ///
    /// # Errors
    ///
    /// As [`Client::refresh`].
    pub async fn refresh_for(
        &mut self,
        now: &Now,
        begun: Option<&Target>,
    ) -> Result<Available, Error> {
        let Settings { repository, root, patience, running, .. } = &self.settings;
        let listing = walk(&mut self.store, repository, root, *patience, now).await?;
        let begun = begun.filter(|begun| listing.offered.contains(begun));
        let offered = begun.map_or(listing.offered.as_slice(), std::slice::from_ref);
        Ok(Available {
            update: choice::choose(offered, running)?,
            signed: listing.signed,
            root: listing.root,
            expires: listing.expires,
        })
    }

    /// Opens an update without its first `from` bytes.
    ///
    /// # Errors
    ///
    /// Fails if the target's file name is no file name.
    pub fn open(&self, target: &Target, from: u64) -> Result<Download, Error> {
        open(&self.settings.repository, target, from, self.settings.patience)
    }
}

/// What a verified repository holds, for whomever.
pub(super) struct Listing {
    pub(super) offered: Vec<Target>,
    pub(super) signed: Option<WallTime>,
    pub(super) root: u64,
    pub(super) expires: WallTime,
}

/// Walks the chain of trust from the root down.
pub(super) async fn walk(
    store: &mut Store,
    repository: &Url,
    root: &[u8],
    patience: Patience,
    now: &Now,
) -> Result<Listing, Error> {
    now.check_width(usize::BITS)?;
    let scratch = store.scratch();
    let local =
        |error: io::Error| Error::Local { path: scratch.clone(), reason: error.to_string() };
    store.check_out().map_err(local)?;
    let root = store.trusted().start(root).to_vec();
    let loading = RepositoryLoader::new(
        &root,
        folder(repository, "metadata/"),
        folder(repository, "targets/"),
    )
    .transport(Metadata(patience))
    .limits(LIMITS)
    .datastore(&scratch)
    // Its clock is the system's, which on a router may stand in 1970: `check_expiry` does it with ours.
    .expiration_enforcement(ExpirationEnforcement::Unsafe)
    .load();
    let loaded = timeout(patience.walk, loading).await;
    store.check_in();
    let slow = |_| Refusal::SlowMetadata { within: patience.walk };
    let walked = loaded.map_err(slow)?.map_err(|error| Error::from_tough(&error, &scratch))?;
    let expires = check_expiry(&walked, now)?;
    Ok(Listing {
        offered: updates(walked.targets(), walked.root().signed.consistent_snapshot),
        signed: issued(walked.timestamp(), expires),
        root: walked.root().signed.version.get(),
        expires,
    })
}

/// Opens an update of a repository.
pub(super) fn open(
    repository: &Url,
    target: &Target,
    from: u64,
    patience: Patience,
) -> Result<Download, Error> {
    let url = folder(repository, "targets/").join(&target.file);
    let url = url.ok().filter(|_| is_plain(&target.file));
    let url = url.ok_or_else(|| Error::Missing { url: target.file.clone() })?;
    let chunks = fetch::start(url.clone(), from, patience);
    Ok(Download::new(chunks, url, target, from))
}

/// A folder of a repository, whose own path may lack its last slash.
fn folder(repository: &Url, name: &str) -> Url {
    let mut url = repository.clone();
    url.set_path(&format!("{}/{name}", url.path().trim_end_matches('/')));
    url
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
