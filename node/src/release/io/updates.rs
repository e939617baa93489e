//! Update files on a publisher's disk.

use std::fs::File;
use std::io::{self, Read, Seek as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use aws_lc_rs::digest::{Context, SHA256};
use image::update::Header;
use image::update::header::{LONGEST, PREFIX};

use super::check::says;
use crate::release::custom::Sha256;
use crate::release::publish::Update;

/// An update file and what is to be said about it.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it is.
    pub path: PathBuf,
    /// What metadata says about it.
    pub update: Update,
}

impl Source {
    /// Returns the file's name in a repository.
    pub fn file_name(&self) -> String {
        format!("{}.{}", self.update.sha256, self.update.name)
    }
}

/// Reads an update file's header and hashes the whole.
///
/// # Errors
///
/// Fails if the file is no update.
pub fn read(path: &Path) -> Result<Source> {
    let update = read_update(path).with_context(|| path.display().to_string())?;
    Ok(Source { path: path.to_owned(), update })
}

fn read_update(path: &Path) -> Result<Update> {
    let mut file = File::open(path)?;
    let mut start = Vec::new();
    Read::by_ref(&mut file).take((PREFIX + LONGEST) as u64).read_to_end(&mut start)?;
    let header = Header::begin(&start, None)?.context("too short for an update")?;
    file.rewind()?;
    let (length, sha256) = hash(file, &mut io::sink())?;
    let custom = says(&header);
    let name = format!("mesh-node-{}-{}.update", custom.board, custom.version);
    Ok(Update { name, length, sha256, custom })
}

/// Copies to the end; returns how much that was, and its hash.
pub(super) fn hash(mut file: impl Read, copy: &mut impl Write) -> Result<(u64, Sha256)> {
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 64 * 1024];
    let mut length = 0;
    loop {
        let read = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        context.update(bytes);
        copy.write_all(bytes)?;
        length += u64::try_from(read)?;
    }
    Ok((length, Sha256(context.finish().as_ref().try_into()?)))
}
