//! Makes update files, on a workstation.

use std::io;

use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use semver::Version;

use super::Digest;
use super::header::{
    self, CHUNK, Chunk, Encoding, Facts, Header, KernelTemplate, Label, MAGIC, Part, PartFacts,
};
use crate::Architecture;
use crate::block::Memory;
use crate::slot::place;

/// What the volume of a slot is labelled.
const LABEL: &str = "boot-{slot}";

/// What goes into an update file.
#[derive(Debug, Clone)]
pub struct Contents<'a> {
    /// The processor architecture.
    pub architecture: Architecture,
    /// The board.
    pub board: &'a str,
    /// What it brings.
    pub version: Version,
    /// What a node must at least have to take it.
    pub minimum: Version,
    /// The data schema of this version.
    pub schema: u32,
    /// When it was built, in seconds since 1970.
    pub built: u64,
    /// What the slot boots.
    pub kernel: KernelTemplate,
    /// The root file system.
    pub root: &'a [u8],
    /// The boot file system, with an environment file in it and, perhaps, a label that says `boot-` and a slot.
    pub boot: &'a [u8],
    /// Bytes of a chunk; [`CHUNK`] but for tests.
    pub chunk: u32,
}

/// Why no update file can be made.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The boot file system has no environment that can be written in place.
    #[error("a boot file system without its environment")]
    Place(#[from] place::Fault),
    /// What goes in is too large or empty.
    #[error(transparent)]
    Header(#[from] header::Fault),
    /// The file cannot be written.
    #[error("the update file cannot be written")]
    File(#[from] io::Error),
}

impl Default for Contents<'_> {
    fn default() -> Self {
        Self {
            architecture: Architecture::X86_64,
            board: "generic-x86_64",
            version: Version::new(0, 0, 0),
            minimum: Version::new(0, 0, 0),
            schema: 0,
            built: 0,
            kernel: KernelTemplate { file: String::new(), parameters: String::new(), watchdog: 0 },
            root: &[],
            boot: &[],
            chunk: CHUNK,
        }
    }
}

/// Makes the header of an update and of a slot that is flashed with the same contents.
///
/// # Errors
/// [`Fault`] says what about the contents cannot be.
pub fn header(contents: &Contents<'_>) -> Result<Header, Fault> {
    pack(contents).map(|(header, _)| header)
}

/// Writes an update file.
///
/// # Errors
/// [`Fault`] says what about the contents cannot be, or why the file cannot be written.
pub fn build(contents: &Contents<'_>, file: &mut impl io::Write) -> Result<Header, Fault> {
    let (header, chunks) = pack(contents)?;
    let length = u32::try_from(header.json().len()).unwrap_or(u32::MAX);
    file.write_all(&MAGIC)?;
    file.write_all(&length.to_le_bytes())?;
    file.write_all(header.json())?;
    for chunk in chunks {
        file.write_all(&chunk)?;
    }
    Ok(header)
}

fn pack(contents: &Contents<'_>) -> Result<(Header, Vec<Vec<u8>>), Fault> {
    let place = place::find(&Memory(contents.boot.to_vec()))?;
    let part = PartFacts { size: 0, chunk: contents.chunk, chunks: Vec::new() };
    let mut facts = Facts {
        format: 1,
        architecture: contents.architecture.name().to_owned(),
        board: contents.board.to_owned(),
        version: contents.version.clone(),
        minimum: contents.minimum.clone(),
        schema: contents.schema,
        built: contents.built,
        kernel: contents.kernel.clone(),
        root: part.clone(),
        boot: part,
        environment: place.file,
        mutable: place.mutable,
        volume: place.volume,
        label: place.label.map(|it| Label { offset: it.start, text: LABEL.to_owned() }),
    };
    let mut boot = contents.boot.to_vec();
    facts.blank(Part::Boot, 0, &mut boot);
    // Only the label may lie behind it, and that is written by itself.
    let used = boot.iter().rposition(|it| *it != 0).map_or(0, |it| it + 1);
    let end = facts.mutable.iter().map(|it| it.end).max().unwrap_or_default();
    let end = usize::try_from(end).unwrap_or(usize::MAX).max(used);
    boot.truncate(end.next_multiple_of(512));
    let (root, mut stored) = chunks(contents.root, contents.chunk);
    let (boot, boot_stored) = chunks(&boot, contents.chunk);
    (facts.root, facts.boot) = (root, boot);
    stored.extend(boot_stored);
    Ok((Header::new(&facts)?, stored))
}

fn chunks(part: &[u8], chunk: u32) -> (PartFacts, Vec<Vec<u8>>) {
    let stored: Vec<_> = part.chunks(chunk.max(1) as usize).map(store).collect();
    let size = part.len() as u64;
    let (chunks, stored) = stored.into_iter().unzip();
    (PartFacts { size, chunk, chunks }, stored)
}

fn store(bytes: &[u8]) -> (Chunk, Vec<u8>) {
    let packed = compress_to_vec(bytes, CompressionLevel::Fastest);
    let (encoding, stored) = if packed.len() < bytes.len() {
        (Encoding::Zstd, packed)
    } else {
        (Encoding::Raw, bytes.to_vec())
    };
    let length = u32::try_from(stored.len()).unwrap_or(u32::MAX);
    (Chunk { stored: length, encoding, sha256: Digest::of(bytes) }, stored)
}
