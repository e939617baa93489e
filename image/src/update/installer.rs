//! Turns the bytes of an update file into writes to a slot's partitions. It reads and writes nothing itself.

use std::io::Read as _;

use ruzstd::decoding::StreamingDecoder;
use semver::Version;

use super::header::{self, Chunk, Encoding, Facts, Header, Part};
use super::tail;
use super::verify::{self, Progress};
use crate::Architecture;
use crate::slot::Slot;
use crate::slot::environment::{self, Environment, State, Unfit};
use crate::slot::trial::{Phase, Trial};

/// The machine that an update is for, and the slot on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its processor architecture.
    pub architecture: Architecture,
    /// Its board.
    pub board: String,
    /// What it runs.
    pub running: Version,
    /// Whether a person wants an older version than that.
    pub accepts_older: bool,
    /// The slot to be written.
    pub slot: Slot,
    /// Bytes of the slot's root partition.
    pub root: u64,
    /// Bytes of the slot's boot partition.
    pub boot: u64,
}

/// Why an update is not for a machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is for other processors.
    #[error("an update for {update}, and this is {machine}")]
    Architecture {
        /// What the update is for.
        update: String,
        /// What the machine is.
        machine: Architecture,
    },
    /// It is for another board.
    #[error("an update for {update}, and this is {machine}")]
    Board {
        /// What the update is for.
        update: String,
        /// What the machine is.
        machine: String,
    },
    /// The machine must take another update first.
    #[error("an update for version {minimum} and newer, and this is {running}")]
    Minimum {
        /// What the update needs.
        minimum: Version,
        /// What the machine runs.
        running: Version,
    },
    /// It would take the machine back.
    #[error("version {update} is older than {running}, which runs")]
    Older {
        /// What the update brings.
        update: Version,
        /// What the machine runs.
        running: Version,
    },
    /// A part does not fit its partition.
    #[error("a {part:?} file system of {needed} bytes, and {available} fit")]
    TooLarge {
        /// Which.
        part: Part,
        /// Its bytes, and those of the header behind the root file system.
        needed: u64,
        /// What the partition has.
        available: u64,
    },
    /// What it would boot fits no environment.
    #[error("an update that cannot be booted")]
    Kernel(#[from] Unfit),
}

/// What is wrong with the bytes of an update file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A chunk is not what the header says.
    #[error("chunk {chunk} of the {part:?} file system is not what the header says")]
    Chunk {
        /// Where it belongs.
        part: Part,
        /// Its number, from 0.
        chunk: usize,
    },
    /// The file goes on behind its last chunk.
    #[error("an update file that does not end")]
    Endless,
}

/// Bytes to be written to a partition of the slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Which partition.
    pub part: Part,
    /// The chunk's number, from 0.
    pub chunk: usize,
    /// From the start of the partition.
    pub offset: u64,
    /// What comes there.
    pub bytes: Vec<u8>,
}

/// An update on its way to a slot.
#[derive(Debug, Clone)]
pub struct Installer {
    header: Header,
    kernel: environment::Kernel,
    part: Part,
    chunk: usize,
    gathered: Vec<u8>,
}

impl Installer {
    /// Begins with the first chunk.
    ///
    /// # Errors
    /// [`Refusal`] says why the update is not for this machine.
    pub fn new(header: Header, target: &Target) -> Result<Self, Refusal> {
        let kernel = check(&header, target)?;
        Ok(Self { header, kernel, part: Part::Root, chunk: 0, gathered: Vec::new() })
    }

    /// Skips the next chunk, which the slot holds already; for a whole number of chunks only.
    pub fn skip(&mut self) {
        self.gathered.clear();
        self.advance();
    }

    /// The next chunk: its part and its number.
    pub fn next(&self) -> Option<(Part, usize)> {
        self.awaited().map(|_| (self.part, self.chunk))
    }

    /// Where in the file the byte lies that it needs next.
    pub fn offset(&self) -> u64 {
        let facts = self.header.facts();
        let sum = |chunks: &[Chunk]| chunks.iter().map(|it| u64::from(it.stored)).sum::<u64>();
        let done = facts.part(self.part).chunks.get(..self.chunk).map_or(0, sum);
        let before = if self.part == Part::Boot { sum(&facts.root.chunks) } else { 0 };
        self.header.length() + before + done + self.gathered.len() as u64
    }

    /// Takes bytes of the file, up to the end of a chunk, which is then to be written. What is left in `bytes` is to
    /// be fed again.
    ///
    /// # Errors
    /// [`Fault`] says what is wrong with them; the chunk is wanted anew then.
    pub fn feed(&mut self, bytes: &mut &[u8]) -> Result<Option<Write>, Fault> {
        let Some(chunk) = self.awaited() else {
            return if bytes.is_empty() { Ok(None) } else { Err(Fault::Endless) };
        };
        let missing = (chunk.stored as usize).saturating_sub(self.gathered.len());
        let (taken, rest) = bytes.split_at(missing.min(bytes.len()));
        *bytes = rest;
        self.gathered.extend_from_slice(taken);
        if self.gathered.len() < chunk.stored as usize {
            return Ok(None);
        }
        self.unpack(chunk).map(Some)
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        verify::progress(self.header.facts(), self.part, self.chunk)
    }

    /// What the update is.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The environment of the slot while it is written to.
    pub fn receiving(&self) -> Environment {
        Environment::receiving(self.header.image())
    }

    /// The environment of the slot when everything is there.
    ///
    /// # Errors
    /// [`Unfit`], which [`Installer::new`] would have refused.
    pub fn ready(&self) -> Result<Environment, Unfit> {
        ready(&self.header, &self.kernel)
    }

    fn awaited(&self) -> Option<Chunk> {
        self.header.facts().part(self.part).chunks.get(self.chunk).copied()
    }

    fn advance(&mut self) {
        self.chunk += 1;
        if self.part == Part::Root && self.awaited().is_none() {
            (self.part, self.chunk) = (Part::Boot, 0);
        }
    }

    fn unpack(&mut self, chunk: Chunk) -> Result<Write, Fault> {
        let facts = self.header.facts();
        let (part, index) = (self.part, self.chunk);
        let length = facts.part(part).length(index) as usize;
        let stored = std::mem::take(&mut self.gathered);
        let unpacked = match chunk.encoding {
            Encoding::Raw => Some(stored),
            Encoding::Zstd => unzstd(&stored, length),
        };
        let fault = Fault::Chunk { part, chunk: index };
        let mut bytes = unpacked.filter(|it| it.len() == length).ok_or(fault)?;
        if !facts.is_chunk(part, index, &mut bytes) {
            return Err(fault);
        }
        let offset = facts.part(part).offset(index);
        if part == Part::Boot {
            self.put_environment(offset, &mut bytes);
        }
        self.advance();
        Ok(Write { part, chunk: index, offset, bytes })
    }

    /// Puts the environment where the boot file system has it, so that no chunk brings one of its own.
    fn put_environment(&self, offset: u64, bytes: &mut [u8]) {
        let start = self.header.facts().environment;
        let range = start..start + environment::LENGTH as u64;
        let environment = self.receiving();
        let from = usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX);
        if let Some(place) = header::overlap(offset, bytes, &range)
            && let Some(source) = environment.as_bytes().get(from..)
        {
            place.iter_mut().zip(source).for_each(|(to, from)| *to = *from);
        }
    }
}

/// Checks that an update is for a machine, and tells what it boots there.
fn check(header: &Header, target: &Target) -> Result<environment::Kernel, Refusal> {
    let facts: &Facts = header.facts();
    let running = &target.running;
    if facts.architecture != target.architecture.name() {
        let update = facts.architecture.clone();
        return Err(Refusal::Architecture { update, machine: target.architecture });
    }
    if facts.board != target.board {
        let (update, machine) = (facts.board.clone(), target.board.clone());
        return Err(Refusal::Board { update, machine });
    }
    if facts.minimum > *running {
        let (minimum, running) = (facts.minimum.clone(), running.clone());
        return Err(Refusal::Minimum { minimum, running });
    }
    if facts.version < *running && !target.accepts_older {
        let (update, running) = (facts.version.clone(), running.clone());
        return Err(Refusal::Older { update, running });
    }
    let root = facts.root.size + tail::space(header);
    let boot = facts.boot.size.max(facts.volume);
    for (part, needed, available) in
        [(Part::Root, root, target.root), (Part::Boot, boot, target.boot)]
    {
        if needed > available {
            return Err(Refusal::TooLarge { part, needed, available });
        }
    }
    let kernel = facts.kernel.of(target.slot);
    ready(header, &kernel)?;
    Ok(kernel)
}

fn ready(header: &Header, kernel: &environment::Kernel) -> Result<Environment, Unfit> {
    let record = Trial::new(Phase::Ready, header.image());
    Environment::new(kernel, State::Failed, 0, record)
}

/// Unpacks a chunk, never into more bytes than it may have.
fn unzstd(stored: &[u8], length: usize) -> Option<Vec<u8>> {
    if window(stored)? > u64::from(header::CHUNK) * 2 {
        return None;
    }
    let mut decoder = StreamingDecoder::new(stored).ok()?;
    let mut bytes = vec![0; length];
    decoder.read_exact(&mut bytes).ok()?;
    let has_ended = decoder.read(&mut [0]).ok()? == 0;
    has_ended.then_some(bytes)
}

/// The memory that unpacking a Zstandard frame takes, by the frame's header (RFC 8878, 3.1.1.1).
fn window(frame: &[u8]) -> Option<u64> {
    let frame = frame.strip_prefix(&0xfd2f_b528_u32.to_le_bytes())?;
    let (descriptor, rest) = frame.split_first()?;
    let is_single_segment = descriptor & 0x20 != 0;
    if !is_single_segment {
        let window = rest.first()?;
        let base = 1_u64 << (10 + (window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3))?;
    let size = rest.get(*dictionary..)?;
    match descriptor >> 6 {
        0 => size.first().map(|it| u64::from(*it)),
        1 => size.first_chunk().map(|it| u64::from(u16::from_le_bytes(*it)) + 256),
        2 => size.first_chunk().map(|it| u64::from(u32::from_le_bytes(*it))),
        _ => size.first_chunk().map(|it| u64::from_le_bytes(*it)),
    }
}
