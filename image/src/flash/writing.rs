//! Writes an image to a medium and reads it back, step by step, so that it can be watched and broken off.

use std::io;
use std::ops::{ControlFlow, Range};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::plan::{DURABLE_EVERY, Plan, STEP, steps};
use crate::block::BlockDevice;
use crate::update::Digest;

/// What an image is written to.
pub trait Medium: BlockDevice {
    /// Makes bytes read as zero.
    ///
    /// # Errors
    /// What the medium reports.
    fn clear(&mut self, offset: u64, length: u64) -> io::Result<()>;
}

/// Who is told how far a flash is, and may break it off.
pub trait Watcher {
    /// Hears of progress; told to break, the flash stops where it is.
    fn advanced(&mut self, stage: Stage, done: u64, total: u64) -> ControlFlow<()>;
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The image is read; the disk is as it was.
    Checking,
    /// The image is written.
    Writing,
    /// What was written is read back.
    Verifying,
}

/// An image, and what one machine's disk has in its place.
#[derive(Debug)]
pub struct Source<'a, Image> {
    /// The image.
    pub image: &'a Image,
    /// What comes elsewhere than in the image, and where; never shown, for it holds secrets.
    pub patch: Option<Patch>,
}

/// Bytes in place of an image's own.
#[derive(Clone, PartialEq, Eq)]
pub struct Patch {
    /// Where they come.
    pub offset: u64,
    /// What comes there.
    pub bytes: Vec<u8>,
}

/// What an image was when it was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// The SHA-256 of the image itself.
    pub image: Digest,
    /// Those of what the disk is to hold, step by step.
    steps: Vec<Digest>,
}

/// Why a flash ended early.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The image cannot be read.
    #[error("the image cannot be read at byte {offset}")]
    Image {
        /// Where.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The disk did not take a write.
    #[error("the disk cannot be written at byte {offset}")]
    Write {
        /// Where.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The disk did not give back what was written.
    #[error("the disk cannot be read back at byte {offset}")]
    ReadBack {
        /// Where.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The disk gave back something else.
    #[error(
        "the disk does not hold at byte {offset} what was written: it is worn out, or not as large as it says"
    )]
    Differs {
        /// Where the differing step starts.
        offset: u64,
    },
    /// Somebody broke it off.
    #[error("interrupted")]
    Interrupted,
}

impl<Image: BlockDevice> Source<'_, Image> {
    /// Reads the whole image and remembers what it is.
    ///
    /// # Errors
    /// [`Failure::Image`] and [`Failure::Interrupted`].
    pub fn fingerprint(&self, watcher: &mut impl Watcher) -> Result<Fingerprint, Failure> {
        let length = self.image.len();
        let mut image = Sha256::new();
        let mut digests = Vec::new();
        let mut buffer = buffer();
        for range in steps(length) {
            let bytes = slice_mut(&mut buffer, &range);
            let fault = |source| Failure::Image { offset: range.start, source };
            self.image.read_at(range.start, bytes).map_err(fault)?;
            image.update(&*bytes);
            self.patch(range.start, bytes);
            digests.push(Digest::of(bytes));
            tell(watcher, Stage::Checking, range.end, length)?;
        }
        Ok(Fingerprint { image: Digest(image.finalize().into()), steps: digests })
    }

    fn read<'b>(&self, range: &Range<u64>, buffer: &'b mut [u8]) -> Result<&'b [u8], Failure> {
        let bytes = slice_mut(buffer, range);
        let fault = |source| Failure::Image { offset: range.start, source };
        self.image.read_at(range.start, bytes).map_err(fault)?;
        self.patch(range.start, bytes);
        Ok(bytes)
    }

    fn patch(&self, start: u64, bytes: &mut [u8]) {
        let Some(patch) = &self.patch else { return };
        let from = patch.offset.max(start);
        let end = patch.offset.saturating_add(patch.bytes.len() as u64);
        let length = end.min(start + bytes.len() as u64).saturating_sub(from);
        let here = within(from - start, length).and_then(|it| bytes.get_mut(it));
        let there = within(from - patch.offset, length).and_then(|it| patch.bytes.get(it));
        if let (Some(here), Some(there)) = (here, there) {
            here.copy_from_slice(there);
        }
    }
}

fn within(from: u64, length: u64) -> Option<Range<usize>> {
    let from = usize::try_from(from).ok()?;
    Some(from..from.checked_add(usize::try_from(length).ok()?)?)
}

/// Carries a plan out, reads everything back from the medium, and writes the partition table only if that is good.
///
/// # Errors
/// [`Failure`]; nothing boots from the medium then.
pub fn write<Image: BlockDevice>(
    plan: &Plan,
    source: &Source<'_, Image>,
    fingerprint: &Fingerprint,
    medium: &mut impl Medium,
    watcher: &mut impl Watcher,
) -> Result<(), Failure> {
    for range in &plan.cleared {
        let fault = |source| Failure::Write { offset: range.start, source };
        medium.clear(range.start, range.end - range.start).map_err(fault)?;
    }
    flush(medium, 0)?;

    let (mut done, mut durable) = (0, 0);
    let total = plan.body.iter().map(|it| it.end - it.start).sum();
    for range in &plan.body {
        put(source, range, medium)?;
        done += range.end - range.start;
        if done - durable >= DURABLE_EVERY {
            flush(medium, range.end)?;
            durable = done;
        }
        tell(watcher, Stage::Writing, done, total)?;
    }
    flush(medium, total)?;

    let mut done = 0;
    let total = source.image.len();
    verify(&plan.body, fingerprint, medium, &mut |step| {
        done += step;
        tell(watcher, Stage::Verifying, done, total)
    })?;
    // A disk with less room than it says writes one place over another.
    for range in &plan.cleared {
        verify_clear(range, medium)?;
    }
    let outcome = write_table(plan, source, fingerprint, medium, &mut |step| {
        done += step;
        // From here on the disk is as good as whole: breaking off would be no use to anybody.
        let _ = watcher.advanced(Stage::Verifying, done, total);
        Ok(())
    });
    if outcome.is_err() {
        // The failure is told whether or not this can be undone.
        for range in &plan.table {
            let _ = medium.clear(range.start, range.end - range.start);
        }
        let _ = medium.flush();
    }
    outcome
}

fn write_table<Image: BlockDevice>(
    plan: &Plan,
    source: &Source<'_, Image>,
    fingerprint: &Fingerprint,
    medium: &mut impl Medium,
    passed: &mut impl FnMut(u64) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for range in &plan.table {
        put(source, range, medium)?;
        flush(medium, range.end)?;
    }
    verify(&plan.table, fingerprint, medium, passed)
}

/// Writes zeroes, for a medium that has no better way to clear.
///
/// # Errors
/// What the medium reports.
pub fn clear_by_writing(medium: &mut impl BlockDevice, offset: u64, length: u64) -> io::Result<()> {
    let zeroes = buffer();
    for range in steps(length) {
        medium.write_at(offset + range.start, slice(&zeroes, &range))?;
    }
    Ok(())
}

fn put<Image: BlockDevice>(
    source: &Source<'_, Image>,
    range: &Range<u64>,
    medium: &mut impl Medium,
) -> Result<(), Failure> {
    let mut buffer = buffer();
    let bytes = source.read(range, &mut buffer)?;
    let written = if is_zero(bytes) {
        medium.clear(range.start, range.end - range.start)
    } else {
        medium.write_at(range.start, bytes)
    };
    written.map_err(|source| Failure::Write { offset: range.start, source })
}

fn verify(
    ranges: &[Range<u64>],
    fingerprint: &Fingerprint,
    medium: &mut impl Medium,
    passed: &mut impl FnMut(u64) -> Result<(), Failure>,
) -> Result<(), Failure> {
    medium.forget().map_err(|source| Failure::ReadBack { offset: 0, source })?;
    let mut buffer = buffer();
    for range in ranges {
        let offset = range.start;
        let bytes = slice_mut(&mut buffer, range);
        medium.read_at(offset, bytes).map_err(|source| Failure::ReadBack { offset, source })?;
        let step = usize::try_from(offset / STEP).unwrap_or(usize::MAX);
        let expected = fingerprint.steps.get(step);
        if expected != Some(&Digest::of(bytes)) {
            return Err(Failure::Differs { offset });
        }
        passed(range.end - range.start)?;
    }
    Ok(())
}

fn verify_clear(range: &Range<u64>, medium: &impl Medium) -> Result<(), Failure> {
    let offset = range.start;
    let mut buffer = buffer();
    let bytes = slice_mut(&mut buffer, range);
    medium.read_at(offset, bytes).map_err(|source| Failure::ReadBack { offset, source })?;
    if is_zero(bytes) { Ok(()) } else { Err(Failure::Differs { offset }) }
}

fn flush(medium: &mut impl Medium, offset: u64) -> Result<(), Failure> {
    medium.flush().map_err(|source| Failure::Write { offset, source })
}

fn tell(watcher: &mut impl Watcher, stage: Stage, done: u64, total: u64) -> Result<(), Failure> {
    match watcher.advanced(stage, done, total) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Failure::Interrupted),
    }
}

/// Zero first, and then each byte as the one before it.
fn is_zero(bytes: &[u8]) -> bool {
    bytes
        .split_first()
        .is_none_or(|(first, rest)| *first == 0 && bytes.get(..rest.len()) == Some(rest))
}

fn buffer() -> Vec<u8> {
    vec![0; usize::try_from(STEP).unwrap_or_default()]
}

fn slice<'a>(buffer: &'a [u8], range: &Range<u64>) -> &'a [u8] {
    let length = usize::try_from(range.end - range.start).unwrap_or_default();
    buffer.get(..length).unwrap_or(buffer)
}

fn slice_mut<'a>(buffer: &'a mut [u8], range: &Range<u64>) -> &'a mut [u8] {
    let length = usize::try_from(range.end - range.start).unwrap_or_default();
    let length = length.min(buffer.len());
    buffer.split_at_mut(length).0
}

impl std::fmt::Debug for Patch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Patch {{ offset: {}, {} bytes }}", self.offset, self.bytes.len())
    }
}

#[cfg(test)]
mod tests;
