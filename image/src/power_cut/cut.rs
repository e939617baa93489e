//! Every cut of a recording, and the disk at each.

use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use super::disk::PAGE;
use super::{Dice, Event, Image};
use crate::block::BlockDevice;

const SECTOR: usize = 512;

/// How many places a single write is torn at, beyond its first and last change: a large write has thousands.
const TEARS: usize = 8;

/// How many arbitrary choices of unflushed sectors are tried at each write.
const ORDERS: usize = 6;

/// What was done to a disk.
#[derive(Debug)]
pub struct Recording<B> {
    /// What it held before.
    pub start: Image<B>,
    /// What was done.
    pub events: Vec<Event>,
}

/// A moment at which the power is cut, and what becomes of what was not flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// After so many events.
    pub after: usize,
    /// What is on the medium.
    pub kind: Kind,
}

/// What is on the medium at a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Everything that was written.
    Through,
    /// Only what was flushed.
    Dropped,
    /// Everything, but of the last write only the first bytes.
    Torn(usize),
    /// Everything, but a flash page around the last write, by its number on the disk, is erased.
    Erased(u64),
    /// What was flushed, and of the rest an arbitrary choice of sectors.
    Reordered(u64),
}

impl<B: BlockDevice> Recording<B> {
    /// Names every cut.
    pub fn cuts(&self, seed: u64) -> Vec<Cut> {
        let mut dice = Dice::new(seed);
        let mut now = self.start.clone();
        let mut cuts = Vec::from([Cut { after: 0, kind: Kind::Through }]);
        for (after, event) in (1..).zip(&self.events) {
            let mut add = |kind| cuts.push(Cut { after, kind });
            add(Kind::Through);
            let Event::Write(offset, bytes) = event else { continue };
            add(Kind::Dropped);
            let changed = changed_sectors(&now, *offset, bytes);
            tears(&changed, bytes.len(), &mut dice).into_iter().map(Kind::Torn).for_each(&mut add);
            for sector in [changed.first(), changed.last()].into_iter().flatten() {
                add(Kind::Erased((offset + (sector * SECTOR) as u64) / PAGE as u64));
            }
            for _ in 0..ORDERS {
                add(Kind::Reordered(dice.roll()));
            }
            // A medium that cannot be read is found out by whoever looks at the cut.
            let _ = now.write_at(*offset, bytes);
        }
        cuts
    }

    /// The disk at a cut.
    ///
    /// # Errors
    /// What the base reports.
    pub fn at(&self, cut: Cut) -> std::io::Result<Image<B>> {
        let mut image = self.start.clone();
        let mut pending: Vec<(u64, &Rc<[u8]>)> = Vec::new();
        for event in self.events.iter().take(cut.after) {
            match event {
                Event::Write(offset, bytes) => pending.push((*offset, bytes)),
                Event::Flush(range) => {
                    for (offset, bytes) in pending.extract_if(.., |it| range.contains(&it.0)) {
                        image.write_at(offset, bytes)?;
                    }
                }
            }
        }
        let last = if matches!(cut.kind, Kind::Torn(_)) { pending.pop() } else { None };
        match cut.kind {
            Kind::Dropped => pending.clear(),
            Kind::Reordered(seed) => {
                let mut dice = Dice::new(seed);
                for (offset, bytes) in pending.drain(..) {
                    for (number, sector) in bytes.chunks(SECTOR).enumerate().filter(|_| dice.flip())
                    {
                        image.write_at(offset + (number * SECTOR) as u64, sector)?;
                    }
                }
            }
            Kind::Through | Kind::Torn(_) | Kind::Erased(_) => {}
        }
        for (offset, bytes) in pending {
            image.write_at(offset, bytes)?;
        }
        match (cut.kind, last) {
            (Kind::Torn(length), Some((offset, bytes))) => {
                image.write_at(offset, bytes.get(..length).unwrap_or(bytes))?;
            }
            (Kind::Erased(page), _) => {
                let offset = page * PAGE as u64;
                let rest = usize::try_from(image.len().saturating_sub(offset)).unwrap_or(PAGE);
                image.write_at(offset, [0xff; PAGE].get(..rest).unwrap_or(&[0xff; PAGE]))?;
            }
            _ => {}
        }
        Ok(image)
    }

    /// Whether anything was written to a range.
    pub fn touches(&self, range: &Range<u64>) -> bool {
        self.events.iter().any(|event| match event {
            Event::Write(offset, bytes) => {
                *offset < range.end && range.start < offset + bytes.len() as u64
            }
            Event::Flush(_) => false,
        })
    }
}

/// The sectors of a write that change what is there.
fn changed_sectors<B: BlockDevice>(image: &Image<B>, offset: u64, bytes: &[u8]) -> Vec<usize> {
    let mut old = vec![0; bytes.len()];
    if image.read_at(offset, &mut old).is_err() {
        return Vec::new();
    }
    let sectors = old.chunks(SECTOR).zip(bytes.chunks(SECTOR)).enumerate();
    sectors.filter(|(_, (old, new))| old != new).map(|(number, _)| number).collect()
}

/// The lengths that a torn write may have: up to a changed sector, behind it, and at places within it.
fn tears(changed: &[usize], length: usize, dice: &mut Dice) -> Vec<usize> {
    let mut picked: Vec<usize> =
        [changed.first(), changed.last()].into_iter().flatten().copied().collect();
    for _ in 0..TEARS.min(changed.len()) {
        picked.extend(changed.get(dice.below(changed.len())));
    }
    let within = |sector: usize, dice: &mut Dice| {
        let start = sector * SECTOR;
        [
            start,
            start + 1 + dice.below(SECTOR - 1),
            start + SECTOR - 1 - dice.below(36),
            start + SECTOR,
        ]
    };
    let mut lengths: Vec<usize> = picked.into_iter().flat_map(|it| within(it, dice)).collect();
    lengths.retain(|it| *it < length);
    lengths.sort_unstable();
    lengths.dedup();
    lengths
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after event {}, ", self.after)?;
        match self.kind {
            Kind::Through => f.write_str("all written"),
            Kind::Dropped => f.write_str("all unflushed lost"),
            Kind::Torn(length) => write!(f, "the last write torn behind {length} bytes"),
            Kind::Erased(page) => write!(f, "flash page {page} erased"),
            Kind::Reordered(seed) => write!(f, "unflushed sectors by lot {seed:x}"),
        }
    }
}
