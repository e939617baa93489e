//! Checks a whole repository as a router would, for its publisher.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use image::update::Header;
use spire_bridge::identity::WallTime;
use url::Url;

use super::client::{open, walk};
use super::fetch::Patience;
use super::store::Store;
use crate::release::{Custom, Error, Now, Target};

/// What was found in a repository whose metadata holds.
#[derive(Debug)]
pub struct Checked {
    /// The version of the newest root.
    pub root: u64,
    /// When the first of the metadata expires.
    pub expires: WallTime,
    /// Each update by its name.
    pub updates: Vec<(String, Finding)>,
}

/// What an update file is.
#[derive(Debug)]
pub enum Finding {
    /// What was signed.
    Good,
    /// Not to be had, or another file than was signed.
    Bad(Error),
    /// The file that was signed, and not what its metadata says.
    Contradiction(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => f.write_str("good"),
            Self::Bad(error) => error.fmt(f),
            Self::Contradiction(what) => f.write_str(what),
        }
    }
}

/// Returns a folder's address.
///
/// # Errors
///
/// Fails if there is no such folder.
pub fn folder_url(folder: &str) -> Result<Url> {
    let path = fs::canonicalize(folder).with_context(|| folder.to_owned())?;
    Url::from_directory_path(path).map_err(|()| anyhow!("{folder} is no folder"))
}

/// Walks the metadata from the routers' root and reads every update.
///
/// # Errors
///
/// Fails, with the refusal that a router would give, if the metadata does not hold.
pub async fn check(repository: Url, root: &Path, now: &Now) -> Result<Checked> {
    let root = fs::read(root).with_context(|| root.display().to_string())?;
    let home = tempfile::tempdir()?;
    let mut store = Store::open(home.path().join("data"), home.path().join("scratch"));
    let patience = Patience::default();
    let listing = walk(&mut store, &repository, &root, patience, now).await?;
    let mut updates = Vec::new();
    for target in listing.offered {
        let finding = read(&repository, &target, patience).await;
        updates.push((target.name, finding));
    }
    updates.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(Checked { root: listing.root, expires: listing.expires, updates })
}

async fn read(repository: &Url, target: &Target, patience: Patience) -> Finding {
    let mut download = match open(repository, target, 0, patience) {
        Ok(download) => download,
        Err(error) => return Finding::Bad(error),
    };
    let (mut start, mut header) = (Vec::new(), None);
    loop {
        match download.next().await {
            Ok(None) => break,
            Err(error) => return Finding::Bad(error),
            Ok(Some(chunk)) if header.is_none() => start.extend_from_slice(&chunk),
            Ok(Some(_)) => {}
        }
        if header.is_none() {
            header = match Header::begin(&start, Some(target.custom.header_sha256)) {
                Ok(header) => header,
                Err(fault) => return Finding::Contradiction(fault.to_string()),
            };
        }
    }
    match header {
        Some(header) if says(&header) == target.custom => Finding::Good,
        Some(_) => Finding::Contradiction("its header says otherwise".to_owned()),
        None => Finding::Contradiction("it ends within its header".to_owned()),
    }
}

/// What metadata has to say about an update.
pub(super) fn says(header: &Header) -> Custom {
    let facts = header.facts();
    Custom {
        architecture: facts.architecture.clone(),
        board: facts.board.clone(),
        version: facts.version.clone(),
        minimum: facts.minimum.clone(),
        schema: facts.schema,
        header_sha256: header.digest(),
    }
}
