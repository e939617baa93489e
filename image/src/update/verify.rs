//! Checks what lies on a slot against the header it was written from, chunk by chunk.

use std::io;

use super::header::{Facts, Header, Part};
use super::{Devices, tail};
use crate::block::BlockDevice;
use crate::slot::Slot;

/// A check of a slot, which can rest after each chunk.
#[derive(Debug, Clone)]
pub struct Verification {
    header: Header,
    slot: Slot,
    part: Part,
    chunk: usize,
    buffer: Vec<u8>,
}

/// What the next chunk came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// It is what was installed.
    Whole(Progress),
    /// It is not: the slot has rotted.
    Rotten(Rot),
    /// There was none left.
    Done,
}

/// How far something has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes done, unpacked.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
}

/// A chunk that is not what was installed; the number behind the last chunk's stands for the label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("chunk {chunk} of the {part:?} file system is not what was installed")]
pub struct Rot {
    /// Where it lies.
    pub part: Part,
    /// Its number, from 0.
    pub chunk: usize,
}

impl Verification {
    /// Begins to check a slot by the header that it holds itself.
    ///
    /// # Errors
    /// [`tail::Fault`] where it holds none.
    pub fn of<D: BlockDevice>(devices: &Devices<D>, slot: Slot) -> Result<Self, tail::Fault> {
        Ok(Self::new(tail::read(&devices.root)?, slot))
    }

    /// Begins to check a slot by a header.
    pub const fn new(header: Header, slot: Slot) -> Self {
        Self { header, slot, part: Part::Root, chunk: 0, buffer: Vec::new() }
    }

    /// The header that it checks by.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Checks one chunk.
    ///
    /// # Errors
    /// What the medium reports, which is as good as rot.
    pub fn step<D: BlockDevice>(&mut self, devices: &Devices<D>) -> io::Result<Checked> {
        let facts = self.header.facts();
        if self.part == Part::Root && self.chunk == facts.root.chunks.len() {
            (self.part, self.chunk) = (Part::Boot, 0);
        }
        let (part, chunk) = (self.part, self.chunk);
        if chunk == facts.part(part).chunks.len() {
            let is_labelled = is_labelled(facts, &devices.boot, self.slot)?;
            let rot = Checked::Rotten(Rot { part, chunk });
            return Ok(if is_labelled { Checked::Done } else { rot });
        }
        if !holds(facts, devices, part, chunk, &mut self.buffer)? {
            return Ok(Checked::Rotten(Rot { part, chunk }));
        }
        self.chunk += 1;
        Ok(Checked::Whole(progress(facts, part, self.chunk)))
    }

    /// Checks all that is left.
    ///
    /// # Errors
    /// What the medium reports.
    pub fn run<D: BlockDevice>(mut self, devices: &Devices<D>) -> io::Result<Result<(), Rot>> {
        loop {
            match self.step(devices)? {
                Checked::Whole(_) => {}
                Checked::Rotten(rot) => return Ok(Err(rot)),
                Checked::Done => return Ok(Ok(())),
            }
        }
    }
}

/// Whether a slot holds a chunk, read into a buffer that keeps its room.
pub(super) fn holds<D: BlockDevice>(
    facts: &Facts,
    devices: &Devices<D>,
    part: Part,
    chunk: usize,
    buffer: &mut Vec<u8>,
) -> io::Result<bool> {
    let chunks = facts.part(part);
    buffer.resize(chunks.length(chunk) as usize, 0);
    devices.part(part).read_at(chunks.offset(chunk), buffer)?;
    Ok(facts.is_chunk(part, chunk, buffer))
}

/// Whether a slot's boot file system says that it is this slot's.
fn is_labelled(facts: &Facts, boot: &impl BlockDevice, slot: Slot) -> io::Result<bool> {
    let Some(label) = &facts.label else { return Ok(true) };
    let expected = label.of(slot);
    let mut found = vec![0; expected.len()];
    boot.read_at(label.offset, &mut found)?;
    Ok(found == expected)
}

/// How far it is when so many chunks of a part are done.
pub(super) fn progress(facts: &Facts, part: Part, chunks: usize) -> Progress {
    let before = if part == Part::Boot { facts.root.size } else { 0 };
    let facts_of = facts.part(part);
    let done = before + facts_of.offset(chunks).min(facts_of.size);
    Progress { done, total: facts.root.size + facts.boot.size }
}
