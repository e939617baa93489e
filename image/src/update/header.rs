//! The header of an update file: what is in it, for whom, and what every chunk of it comes to.

use std::ops::Range;
use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::Digest;
use crate::slot::Slot;
use crate::slot::environment::{self, Kernel};
use crate::slot::trial::ImageId;

/// How an update file begins.
pub const MAGIC: [u8; 8] = *b"MESHIMG1";

/// Bytes before the header: the magic and the header's length.
pub const PREFIX: usize = MAGIC.len() + 4;

/// The longest header, in bytes: a root file system of some gigabytes.
pub const LONGEST: usize = 1 << 20;

/// What chunks have, but for the last of a part. Two of them are the most that installing keeps in memory.
pub const CHUNK: u32 = 256 << 10;

const FORMAT: u32 = 1;
const LARGEST_PART: u64 = 16 << 30;
const MUTABLE: usize = 16;

/// A header together with the bytes it was read from, which its digest is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    facts: Facts,
    json: Vec<u8>,
}

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Which header this is; 1.
    pub format: u32,
    /// The processor architecture, by its name in [`crate::Architecture`].
    pub architecture: String,
    /// The board.
    pub board: String,
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
    pub root: PartFacts,
    /// The boot file system.
    pub boot: PartFacts,
    /// Where the boot file system has its environment file.
    pub environment: u64,
    /// What changes in the boot file system when it is in use: it holds zeros when digests are made.
    pub mutable: Vec<Range<u64>>,
    /// The bytes that the boot file system reckons with, of which the last may hold nothing and be left out of it here.
    pub volume: u64,
    /// By what the chooser tells the slots' boot file systems apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
}

/// The content of a file in the boot file system that is another one on each slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Where it lies, perhaps behind the last chunk.
    pub offset: u64,
    /// What it says in UTF-16; `{slot}` stands for the slot's name.
    pub text: String,
}

/// What a slot boots; `{slot}` stands for the slot's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelTemplate {
    /// The file, as the chooser names it.
    pub file: String,
    /// Its parameters.
    pub parameters: String,
    /// How many seconds the chooser's watchdog waits for its user space on trial; zero leaves it off.
    #[serde(default)]
    pub watchdog: u16,
}

/// One of the two parts of an update, in the order of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// The root file system.
    Root,
    /// The boot file system: kernel and environment.
    Boot,
}

/// The chunks of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartFacts {
    /// Its bytes; what its partition has behind them is not written.
    pub size: u64,
    /// Bytes of a chunk, but for the last.
    pub chunk: u32,
    /// Every chunk.
    pub chunks: Vec<Chunk>,
}

/// A chunk as it lies in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Its bytes in the file.
    pub stored: u32,
    /// How they are to be read.
    pub encoding: Encoding,
    /// What it comes to when unpacked.
    pub sha256: Digest,
}

/// How a chunk is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// As it is.
    Raw,
    /// Packed by Zstandard.
    Zstd,
}

/// Why bytes are no header.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The file is something else.
    #[error("not an update file")]
    Magic,
    /// The header is empty or too long.
    #[error("a header of {0} bytes: up to {LONGEST} are read")]
    Length(usize),
    /// It is not the header that was promised.
    #[error("a header other than the one that was signed")]
    Digest,
    /// It is not the JSON that is expected.
    #[error("a header that cannot be read")]
    Json(#[source] serde_json::Error),
    /// It is of a kind that this firmware does not know.
    #[error("a header of format {0}, where {FORMAT} is known")]
    Format(u32),
    /// Its numbers contradict one another.
    #[error("a header that contradicts itself: {0}")]
    Contradiction(&'static str),
}

impl Header {
    /// Makes a header.
    ///
    /// # Errors
    /// [`Fault`] says what about the facts cannot be.
    pub fn new(facts: &Facts) -> Result<Self, Fault> {
        Self::parse(&serde_json::to_vec(facts).map_err(Fault::Json)?)
    }

    /// Reads a header's JSON.
    ///
    /// # Errors
    /// [`Fault`] says why it is none.
    pub fn parse(json: &[u8]) -> Result<Self, Fault> {
        if !(1..=LONGEST).contains(&json.len()) {
            return Err(Fault::Length(json.len()));
        }
        let facts: Facts = serde_json::from_slice(json).map_err(Fault::Json)?;
        if facts.format != FORMAT {
            return Err(Fault::Format(facts.format));
        }
        facts.check().map_err(Fault::Contradiction)?;
        Ok(Self { facts, json: json.to_vec() })
    }

    /// Reads the header off the beginning of a file, as soon as enough of it is there. Its JSON must have the digest
    /// that was signed, where there is one.
    ///
    /// # Errors
    /// [`Fault`] says why the file has none.
    pub fn begin(file: &[u8], signed: Option<Digest>) -> Result<Option<Self>, Fault> {
        let Some((magic, rest)) = file.split_first_chunk() else { return Ok(None) };
        if *magic != MAGIC {
            return Err(Fault::Magic);
        }
        let Some((length, rest)) = rest.split_first_chunk() else { return Ok(None) };
        let length = u32::from_le_bytes(*length) as usize;
        if !(1..=LONGEST).contains(&length) {
            return Err(Fault::Length(length));
        }
        let Some(json) = rest.get(..length) else { return Ok(None) };
        if signed.is_some_and(|it| it != Digest::of(json)) {
            return Err(Fault::Digest);
        }
        Self::parse(json).map(Some)
    }

    /// What it says.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The JSON it was read from.
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// The digest of its JSON.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.json)
    }

    /// What a slot's record calls the image.
    pub fn image(&self) -> ImageId {
        let digest = self.digest();
        ImageId(digest.0.first_chunk().copied().unwrap_or_default())
    }

    /// Bytes of the file before its first chunk.
    pub fn length(&self) -> u64 {
        (PREFIX + self.json.len()) as u64
    }

    /// Bytes of the whole file.
    pub fn file_length(&self) -> u64 {
        let chunks = self.facts.root.chunks.iter().chain(&self.facts.boot.chunks);
        self.length() + chunks.map(|it| u64::from(it.stored)).sum::<u64>()
    }
}

impl Facts {
    /// One of the two parts.
    pub const fn part(&self, part: Part) -> &PartFacts {
        match part {
            Part::Root => &self.root,
            Part::Boot => &self.boot,
        }
    }

    /// Sets to zero what changes while a slot is in use, in bytes that lie at an offset of a part.
    pub fn blank(&self, part: Part, offset: u64, bytes: &mut [u8]) {
        if part == Part::Root {
            return;
        }
        for range in self.mutable.iter().cloned().chain(self.label.as_ref().map(Label::range)) {
            if let Some(changing) = overlap(offset, bytes, &range) {
                changing.fill(0);
            }
        }
    }

    /// Whether bytes read off a slot are the chunk; what changes while a slot is in use is set to zero in them.
    pub fn is_chunk(&self, part: Part, index: usize, bytes: &mut [u8]) -> bool {
        let facts = self.part(part);
        let Some(chunk) = facts.chunks.get(index) else { return false };
        self.blank(part, facts.offset(index), bytes);
        Digest::of(bytes) == chunk.sha256
    }

    fn check(&self) -> Result<(), &'static str> {
        self.root.check()?;
        self.boot.check()?;
        let is_inside = |it: &Range<u64>| it.start <= it.end && it.end <= self.boot.size;
        if self.mutable.len() > MUTABLE || !self.mutable.iter().all(is_inside) {
            return Err("what changes does not lie in the boot file system");
        }
        let has_label = self.label.as_ref().is_none_or(|it| it.range().end <= self.volume);
        if !has_label || self.volume > LARGEST_PART {
            return Err("the label does not lie in the boot file system");
        }
        let end = self.environment.checked_add(environment::LENGTH as u64);
        let has_environment = end.is_some_and(|it| self.mutable.contains(&(self.environment..it)));
        if has_environment { Ok(()) } else { Err("the environment is not among what changes") }
    }
}

impl Label {
    /// What it says on a slot.
    pub fn of(&self, slot: Slot) -> Vec<u8> {
        slot.fill(&self.text).encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn range(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(self.of(Slot::A).len() as u64)
    }
}

impl KernelTemplate {
    /// How long the chooser's watchdog waits for its user space on trial.
    pub const fn watchdog(&self) -> Duration {
        Duration::from_secs(self.watchdog as u64)
    }

    /// What one slot boots. Its watchdog is off: setting it on trial turns it on.
    pub fn of(&self, slot: Slot) -> Kernel {
        Kernel {
            file: slot.fill(&self.file),
            parameters: slot.fill(&self.parameters),
            watchdog: Duration::ZERO,
        }
    }
}

impl PartFacts {
    /// Where a chunk lies on its partition.
    pub fn offset(&self, index: usize) -> u64 {
        u64::from(self.chunk).saturating_mul(index as u64)
    }

    /// The bytes of a chunk when unpacked.
    pub fn length(&self, index: usize) -> u32 {
        let rest = self.size.saturating_sub(self.offset(index));
        u32::try_from(rest).map_or(self.chunk, |rest| rest.min(self.chunk))
    }

    fn check(&self) -> Result<(), &'static str> {
        if !(1..=LARGEST_PART).contains(&self.size) {
            return Err("a part is empty or too large");
        }
        if !(512..=CHUNK).contains(&self.chunk) || !self.chunk.is_power_of_two() {
            return Err("chunks have an odd size");
        }
        if self.size.div_ceil(self.chunk.into()) != self.chunks.len() as u64 {
            return Err("a part has too many chunks or too few");
        }
        let fits = |(index, it): (usize, &Chunk)| match it.encoding {
            Encoding::Raw => it.stored == self.length(index),
            Encoding::Zstd => (1..self.length(index)).contains(&it.stored),
        };
        if self.chunks.iter().enumerate().all(fits) {
            Ok(())
        } else {
            Err("a chunk is stored in too many bytes or too few")
        }
    }
}

/// The bytes at an offset that lie in a range.
pub(super) fn overlap<'a>(
    offset: u64,
    bytes: &'a mut [u8],
    range: &Range<u64>,
) -> Option<&'a mut [u8]> {
    let end = offset.saturating_add(bytes.len() as u64);
    let start = range.start.clamp(offset, end) - offset;
    let end = range.end.clamp(offset, end) - offset;
    bytes.get_mut(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}
