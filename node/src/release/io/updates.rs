//! Update files on a publisher's disk.

use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::digest::{Context, SHA256, digest};
use semver::Version;
use serde::Deserialize;

use crate::release::Custom;
use crate::release::custom::Sha256;
use crate::release::publish::Update;

const MAGIC: &[u8; 8] = b"MESHIMG1";
const LONGEST_HEADER: u32 = 1024 * 1024;

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

/// What the publisher needs of an update's header.
#[derive(Deserialize)]
struct Header {
    architecture: String,
    board: String,
    version: Version,
    minimum: Version,
    schema: u32,
}

/// Reads an update file's header and hashes the whole.
///
/// # Errors
///
/// Fails if the file is no update.
pub fn read(path: &Path) -> Result<Source> {
    source(path).with_context(|| path.display().to_string())
}

fn source(path: &Path) -> Result<Source> {
    let mut file = BufReader::new(File::open(path)?);
    let mut start = [0; 12];
    file.read_exact(&mut start).context("too short for an update")?;
    let [magic @ .., a, b, c, d] = start;
    ensure!(&magic == MAGIC, "not an update file");
    let length = u32::from_le_bytes([a, b, c, d]);
    ensure!(length <= LONGEST_HEADER, "its header is {length} bytes long");
    let mut header = Vec::new();
    file.by_ref().take(u64::from(length)).read_to_end(&mut header)?;
    let read: Header = serde_json::from_slice(&header).context("its header")?;
    file.rewind()?;
    let (length, sha256) = hash(&mut file)?;
    let custom = Custom {
        architecture: read.architecture,
        board: read.board,
        version: read.version,
        minimum: read.minimum,
        schema: read.schema,
        header_sha256: Sha256::try_from(digest(&SHA256, &header).as_ref())?,
    };
    let name = format!("mesh-node-{}-{}.update", custom.board, custom.version);
    Ok(Source { path: path.to_owned(), update: Update { name, length, sha256, custom } })
}

/// Reads to the end; returns how much that was, and its hash.
pub(super) fn hash(file: &mut impl std::io::Read) -> Result<(u64, Sha256)> {
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 64 * 1024];
    let mut length = 0;
    loop {
        let read = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        context.update(bytes);
        length += u64::try_from(read)?;
    }
    Ok((length, Sha256::try_from(context.finish().as_ref())?))
}
