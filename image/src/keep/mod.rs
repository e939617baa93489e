//! What outlives a lost data file system: a few files of the node, in two copies on a partition of their own.
//!
//! A change goes to the older copy, so that a power cut leaves the newer one; a secret is wiped by writing both anew.

use std::collections::BTreeMap;
use std::io;

use sha2::{Digest as _, Sha256};

use crate::block::BlockDevice;

/// The least size of the partition: both copies.
pub const LENGTH: u64 = 2 * COPY as u64;

/// Bytes of one copy.
const COPY: usize = 512 << 10;

const MAGIC: [u8; 8] = *b"MESHKEEP";

/// What a router adds in its life to what it was provisioned with, all in all: the agent's key, SVID and bundle, what is
/// remembered and trusted of updates, and the few hundred bytes that its configuration grows by.
const ADDED: usize = 192 << 10;

/// Magic, generation, length and SHA-256.
const HEAD: usize = 8 + 8 + 4 + 32;

const SECTOR: usize = 512;

/// A wipe's first write is newer than what it leaves behind for its second by this much, a change by one: so far apart,
/// the copies tell of a wipe that was cut off.
const WIPE_STEP: u64 = 3;

/// What a router can be provisioned with: it keeps that as it is now, and as a factory reset goes back to it.
const PROVISIONED: usize = (COPY - ADDED) / 2;

/// The most files that fit, and the longest name: bounds on what a damaged medium can make us do.
const FILES: usize = 1024;
const LONGEST_PATH: usize = 255;

/// Files, by their paths below the data file system's root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keep {
    files: BTreeMap<String, File>,
}

/// A kept file.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// Its permissions.
    pub mode: u32,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Why files cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The path leads elsewhere, or nowhere.
    #[error("{0:?} is no path of a file that can be kept")]
    Path(String),
    /// There are too many files.
    #[error("more than {FILES} files to be kept")]
    Files,
    /// They are too large.
    #[error("{needed} bytes to be kept where {COPY} fit")]
    Size {
        /// Bytes that they take.
        needed: usize,
    },
    /// They fit, but not twice and beside what the router adds.
    #[error(
        "{needed} bytes to be provisioned where {} fit: the router keeps them twice, and its identity beside them",
        PROVISIONED
    )]
    Provisioned {
        /// Bytes that they take, once.
        needed: usize,
    },
}

/// Why a copy is not to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing was ever kept in it.
    #[error("no copy")]
    Missing,
    /// It was cut off or has rotted.
    #[error("a damaged copy")]
    Damaged,
    /// It is whole, but not written by us.
    #[error("a copy that makes no sense")]
    Malformed,
}

/// Both copies as they were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    copies: [Result<Copy, Fault>; 2],
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Copy {
    generation: u64,
    keep: Keep,
}

/// What becomes of the copy that is not the newest.
#[derive(Debug, Clone, PartialEq, Eq, std::marker::Copy)]
pub enum Manner {
    /// It is what a power cut leaves.
    Change,
    /// It is written anew as well: nothing of what was kept before is left.
    Wipe,
}

/// Bytes to be written; each is to be durable before the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// From the start of the partition.
    pub offset: u64,
    /// What comes there.
    pub bytes: Vec<u8>,
}

impl Keep {
    /// Keeps a file, in place of the one that was kept under its path.
    ///
    /// # Errors
    /// [`Unfit::Path`] for a path that is absolute, empty or leads upwards.
    pub fn put(&mut self, path: &str, file: File) -> Result<(), Unfit> {
        if !is_path(path) {
            return Err(Unfit::Path(path.to_owned()));
        }
        self.files.insert(path.to_owned(), File { mode: file.mode & 0o7777, ..file });
        Ok(())
    }

    /// Keeps a file no longer. Only [`Manner::Wipe`] takes it off the medium.
    pub fn remove(&mut self, path: &str) -> Option<File> {
        self.files.remove(path)
    }

    /// A kept file.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.get(path)
    }

    /// All kept files, by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &File)> {
        self.files.iter().map(|(path, file)| (path.as_str(), file))
    }

    /// Checks that a router which is provisioned with these files can keep them for its life.
    ///
    /// # Errors
    /// [`Unfit`] says why not.
    pub fn check_provisioned(&self) -> Result<(), Unfit> {
        let needed = self.encode(0)?.len();
        if needed > PROVISIONED { Err(Unfit::Provisioned { needed }) } else { Ok(()) }
    }

    fn encode(&self, generation: u64) -> Result<Vec<u8>, Unfit> {
        if self.files.len() > FILES {
            return Err(Unfit::Files);
        }
        let mut body = Vec::new();
        for (path, file) in &self.files {
            body.extend(length(path.len())?);
            body.extend(path.as_bytes());
            body.extend(file.mode.to_le_bytes());
            body.extend(length(file.bytes.len())?);
            body.extend(&file.bytes);
        }
        let head = [&MAGIC[..], &generation.to_le_bytes(), &length(body.len())?].concat();
        let digest = Sha256::new().chain_update(&head).chain_update(&body).finalize();
        let mut copy = [&head[..], &digest, &body].concat();
        if copy.len() > COPY {
            return Err(Unfit::Size { needed: copy.len() });
        }
        copy.resize(copy.len().next_multiple_of(SECTOR), 0);
        Ok(copy)
    }

    fn decode(mut body: &[u8]) -> Option<Self> {
        let mut keep = Self::default();
        while !body.is_empty() && keep.files.len() <= FILES {
            let path = std::str::from_utf8(block(&mut body)?).ok()?;
            let mode = u32::from_le_bytes(take(&mut body)?);
            let bytes = block(&mut body)?.to_vec();
            keep.put(path, File { mode, bytes }).ok()?;
        }
        body.is_empty().then_some(keep)
    }
}

impl Copy {
    fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let (head, mut rest) = bytes.split_at_checked(HEAD).ok_or(Fault::Missing)?;
        let (head, digest) = head.split_at(HEAD - 32);
        let mut fields = head.strip_prefix(&MAGIC).ok_or(Fault::Missing)?;
        let generation = take(&mut fields).map(u64::from_le_bytes).ok_or(Fault::Missing)?;
        let length = take(&mut fields).map(u32::from_le_bytes).ok_or(Fault::Missing)?;
        let body = rest.split_off(..length as usize).ok_or(Fault::Damaged)?;
        let computed = Sha256::new().chain_update(head).chain_update(body).finalize();
        if computed[..] != *digest {
            return Err(Fault::Damaged);
        }
        let keep = Keep::decode(body).ok_or(Fault::Malformed)?;
        Ok(Self { generation, keep })
    }
}

impl Seen {
    /// Reads a partition's bytes.
    pub fn parse(partition: &[u8]) -> Self {
        let (first, second) = partition.split_at(partition.len().min(COPY));
        Self { copies: [first, second].map(Copy::decode) }
    }

    /// What is kept: the newest copy that is whole.
    pub fn newest(&self) -> Option<&Keep> {
        self.newest_copy().map(|(_, copy)| &copy.keep)
    }

    /// What is wrong with the copies, the first one first.
    pub fn faults(&self) -> [Option<Fault>; 2] {
        self.copies.each_ref().map(|it| it.as_ref().err().copied())
    }

    /// Tells whether the copy beside what is kept may hold what was to be wiped: a wipe was cut off between its writes
    /// or in the second one. A copy that is damaged for another reason is no loss to be written anew either.
    pub fn is_wipe_unfinished(&self) -> bool {
        let Some((newest, copy)) = self.newest_copy() else { return false };
        match self.copies.get(1 - newest.min(1)) {
            Some(Ok(other)) => copy.generation.wrapping_sub(other.generation) >= WIPE_STEP,
            _ => true,
        }
    }

    fn newest_copy(&self) -> Option<(usize, &Copy)> {
        let whole =
            self.copies.iter().enumerate().filter_map(|(at, it)| Some((at, it.as_ref().ok()?)));
        whole.max_by_key(|(_, copy)| copy.generation)
    }
}

/// Looks at both copies.
///
/// # Errors
/// What the medium reports.
pub fn observe(partition: &impl BlockDevice) -> io::Result<Seen> {
    let mut bytes = vec![0; 2 * COPY];
    partition.read_at(0, &mut bytes)?;
    Ok(Seen::parse(&bytes))
}

/// Plans how to keep files.
///
/// # Errors
/// [`Unfit`] says why they cannot be kept.
pub fn plan(seen: &Seen, keep: &Keep, manner: Manner) -> Result<Vec<Write>, Unfit> {
    let (newest, generation) =
        seen.newest_copy().map_or((1, 0), |(newest, copy)| (newest, copy.generation));
    let older = 1 - newest.min(1);
    let write = |copy, generation| {
        let mut bytes = keep.encode(generation)?;
        if manner == Manner::Wipe {
            bytes.resize(COPY, 0);
        }
        Ok(Write { offset: (copy * COPY) as u64, bytes })
    };
    Ok(match manner {
        Manner::Change => Vec::from([write(older, generation.wrapping_add(1))?]),
        Manner::Wipe => {
            let first = generation.wrapping_add(WIPE_STEP);
            Vec::from([write(older, first)?, write(1 - older, first.wrapping_add(1))?])
        }
    })
}

/// Carries out a plan.
///
/// # Errors
/// What the medium reports.
pub fn apply(partition: &mut impl BlockDevice, writes: &[Write]) -> io::Result<()> {
    for write in writes {
        partition.write_at(write.offset, &write.bytes)?;
        partition.flush()?;
    }
    Ok(())
}

fn is_path(path: &str) -> bool {
    path.len() <= LONGEST_PATH
        && !path.contains('\0')
        && path.split('/').all(|it| !matches!(it, "" | "." | ".."))
}

fn length(length: usize) -> Result<[u8; 4], Unfit> {
    u32::try_from(length).map(u32::to_le_bytes).map_err(|_| Unfit::Size { needed: length })
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    bytes.split_off(..N)?.try_into().ok()
}

fn block<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u32::from_le_bytes(take(bytes)?);
    bytes.split_off(..length as usize)
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The bytes may be a secret.
        write!(f, "File {{ mode: {:o}, {} bytes }}", self.mode, self.bytes.len())
    }
}

#[cfg(test)]
mod tests;
