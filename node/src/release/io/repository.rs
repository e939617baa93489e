//! A repository in a folder: plain files, each written whole or not at all.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde::de::DeserializeOwned;
use spire_bridge::identity::WallTime;
use tough::schema::{Role as TufRole, Root, Signed};

use super::updates::{self, Source};
use crate::release::publish::{self, Keyring, Next, Release, Stored, Wanted};

/// The folder that a web server serves, held by one publisher at a time.
#[derive(Debug)]
pub struct Repository {
    folder: PathBuf,
    /// Locked; let go with the value.
    _held: File,
}

impl Repository {
    /// Takes hold of a repository, a new one if the folder is not there.
    ///
    /// # Errors
    ///
    /// Fails if somebody else is publishing.
    pub fn hold(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let held = File::open(folder).with_context(|| folder.display().to_string())?;
        if held.try_lock().is_err() {
            bail!("{}: somebody else is publishing", folder.display());
        }
        Ok(Self { folder: folder.to_owned(), _held: held })
    }

    /// Plans what is wanted and writes it; returns the new state.
    ///
    /// # Errors
    ///
    /// Fails, with the old state still served, if the wish is refused or a file cannot be written.
    pub fn publish(
        &self,
        wanted: &Wanted,
        sources: &[Source],
        keys: &Keyring<'_>,
        now: WallTime,
    ) -> Result<Next> {
        let current = read(&self.folder)?;
        let next = publish::next(&current, wanted, keys, now)?;
        let targets = self.folder.join("targets");
        fs::create_dir_all(&targets).with_context(|| targets.display().to_string())?;
        for source in sources {
            let path = targets.join(source.file_name());
            copy(source, &path).with_context(|| path.display().to_string())?;
        }
        let metadata = self.folder.join("metadata");
        fs::create_dir_all(&metadata).with_context(|| metadata.display().to_string())?;
        for file in &next.files {
            let path = metadata.join(&file.name);
            write(&path, &file.bytes).with_context(|| path.display().to_string())?;
        }
        Ok(next)
    }
}

/// Reads a repository as it stands; an empty folder is an empty repository.
///
/// # Errors
///
/// Fails if a file is not metadata, or one that is named is not there.
pub fn read(folder: &Path) -> Result<Release> {
    let metadata = folder.join("metadata");
    let Some(version) = newest_root(&metadata)? else { return Ok(Release::default()) };
    let root = read_root(&metadata.join(format!("{version}.root.json")))?;
    let mut release = Release { root: Some(root), ..Release::default() };
    if !metadata.join("timestamp.json").exists() {
        return Ok(release);
    }
    let timestamp = stored::<tough::schema::Timestamp>(&metadata.join("timestamp.json"))?;
    let named = timestamp.role.signed.meta.get("snapshot.json").context("no snapshot is named")?;
    let snapshot = metadata.join(format!("{}.snapshot.json", named.version));
    let snapshot = stored::<tough::schema::Snapshot>(&snapshot)?;
    let named = snapshot.role.signed.meta.get("targets.json").context("no targets are named")?;
    let targets = metadata.join(format!("{}.targets.json", named.version));
    release.targets = Some(stored(&targets)?);
    release.snapshot = Some(snapshot);
    release.timestamp = Some(timestamp);
    Ok(release)
}

/// Reads a root.
///
/// # Errors
///
/// Fails if the file is none.
pub fn read_root(path: &Path) -> Result<Signed<Root>> {
    Ok(stored::<Root>(path)?.role)
}

/// Writes a root where there is none yet.
///
/// # Errors
///
/// Fails if the file is there, or cannot be written.
pub fn write_new_root(path: &Path, root: &Signed<Root>) -> Result<()> {
    ensure!(!path.exists(), "{} is there already", path.display());
    write_root(path, root)
}

/// Writes a root that its key holders have yet to sign, or one of them has.
///
/// # Errors
///
/// Fails if the file cannot be written.
pub fn write_root(path: &Path, root: &Signed<Root>) -> Result<()> {
    let text = serde_json::to_vec_pretty(&serde_json::to_value(root)?)?;
    write(path, &text).with_context(|| path.display().to_string())
}

fn newest_root(metadata: &Path) -> Result<Option<u64>> {
    let entries = match fs::read_dir(metadata) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        entries => entries.with_context(|| metadata.display().to_string())?,
    };
    let mut newest = None;
    for entry in entries {
        let name = entry?.file_name();
        let version = name.to_str().and_then(|name| name.strip_suffix(".root.json")?.parse().ok());
        newest = newest.max(version);
    }
    Ok(newest)
}

fn stored<T: TufRole + DeserializeOwned>(path: &Path) -> Result<Stored<T>> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    let role = serde_json::from_slice(&bytes).with_context(|| path.display().to_string())?;
    Ok(Stored { role, bytes })
}

/// Copies an update whole or not at all, as it was when it was signed; one that is there already is read, whatever its
/// name says.
fn copy(source: &Source, to: &Path) -> Result<()> {
    let wanted = (source.update.length, source.update.sha256);
    if to.is_file() && updates::hash(File::open(to)?, &mut io::sink())? == wanted {
        return Ok(());
    }
    let (mut new, name) = create_beside(to)?;
    let copied = updates::hash(File::open(&source.path)?, &mut new)?;
    ensure!(copied == wanted, "{} has changed since it was read", source.path.display());
    Ok(finish(&new, &name, to)?)
}

fn write(to: &Path, contents: &[u8]) -> io::Result<()> {
    let (mut new, name) = create_beside(to)?;
    new.write_all(contents)?;
    finish(&new, &name, to)
}

fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let name = PathBuf::from(name);
    Ok((File::create(&name)?, name))
}

fn finish(new: &File, name: &Path, to: &Path) -> io::Result<()> {
    new.sync_all()?;
    fs::rename(name, to)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
