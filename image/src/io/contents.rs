//! What went into an image, what each part weighs, and what came out.

use std::fs::File;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::volumes::Boots;
use super::{Parts, Release, RootSource, files, rootfs, tool};
use crate::manifest::Root;
use crate::update::Digest;
use crate::{Error, Manifest, Size};

/// What is in an image, and the files that were made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// The machines it runs on.
    pub architecture: String,
    /// The board it is for.
    pub board: String,
    /// Its version.
    pub version: String,
    /// When it was built, in seconds since 1970.
    pub built: u64,
    /// Its parts.
    pub parts: Vec<Weight>,
    /// What was made of them.
    pub files: Vec<Made>,
}

/// What a part of an image weighs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weight {
    /// Its name.
    pub name: String,
    /// Its bytes when it runs.
    pub bytes: u64,
    /// Its bytes as it is stored on the medium.
    pub stored: u64,
}

/// A file that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Its name, beside the list that this is in.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of it.
    pub sha256: Digest,
}

impl Contents {
    /// What all parts weigh on the medium: what a download of the image comes to.
    pub fn stored(&self) -> Size {
        Size(self.parts.iter().map(|it| it.stored).sum())
    }

    /// The list as a file of its own.
    pub fn json(&self) -> String {
        // Names and numbers always have a form in JSON.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

pub(super) fn weigh(
    manifest: &Manifest,
    release: &Release,
    parts: &Parts,
    boots: &Boots,
    made: [&Path; 3],
) -> Result<Contents, Error> {
    let [root, _, _] = made;
    let mut weights: Vec<_> = boots
        .files()
        .into_iter()
        .map(|(name, bytes)| weight(name, bytes.len() as u64, bytes.len() as u64))
        .collect();
    let stored = files::size(root)?.0;
    match &parts.root {
        RootSource::Tree(tree) => weights.extend(of_tree(manifest, tree, stored)?),
        RootSource::Squashfs(_) => weights.push(weight("root file system", stored, stored)),
    }
    Ok(Contents {
        architecture: manifest.architecture.name().to_owned(),
        board: manifest.board.clone(),
        version: release.version.to_string(),
        built: release.built,
        parts: weights,
        files: made.into_iter().map(sum).collect::<Result<_, _>>()?,
    })
}

/// Weighs the parts of a root file system. Each of our programs is packed alone, as the file system packs it; the rest is what
/// remains.
fn of_tree(manifest: &Manifest, tree: &Path, stored: u64) -> Result<Vec<Weight>, Error> {
    let mut weights = Vec::new();
    for (name, path) in &manifest.programs {
        let path = rootfs::inside(tree, path);
        weights.push(weight(name, files::size(&path)?.0, packed(&manifest.root, &path)?));
    }
    let [bytes, known]: [u64; 2] =
        [weights.iter().map(|it| it.bytes).sum(), weights.iter().map(|it| it.stored).sum()];
    let rest = files::tree_size(tree)?.0.saturating_sub(bytes);
    weights.push(weight("base system", rest, stored.saturating_sub(known)));
    Ok(weights)
}

fn packed(root: &Root, file: &Path) -> Result<u64, Error> {
    let source = File::open(file).map_err(files::fault(file))?;
    let level = format!("-{}", root.level);
    tool::run(tool::command("zstd").args(["-c", "-q", &level]).stdin(source))
        .map(|it| it.len() as u64)
}

fn weight(name: &str, bytes: u64, stored: u64) -> Weight {
    Weight { name: name.to_owned(), bytes, stored }
}

fn sum(path: &Path) -> Result<Made, Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let content = files::read(path)?;
    Ok(Made { name, bytes: content.len() as u64, sha256: Digest::of(&content) })
}
