//! Lets the last partition grow to the end of its disk, in writes that leave a valid table wherever they are cut.
//!
//! The new entries go to a place that the old header does not name, and one sector, the primary header, takes them
//! into use. Linux does not look at the backup unless it is told to, so that the primary must never be half written.

use std::ops::Range;

use image::slot::checksum;

const SECTOR: usize = 512;

/// The header (UEFI 2.10 section 5.3.2), and what of it is covered by its checksum.
const SIGNATURE: &[u8; 8] = b"EFI PART";
const HEADER: usize = 92;

const HEADER_CHECKSUM: Range<usize> = 16..20;
const OWN_PLACE: Range<usize> = 24..32;
const OTHER_PLACE: Range<usize> = 32..40;
const FIRST_USABLE: Range<usize> = 40..48;
const LAST_USABLE: Range<usize> = 48..56;
const ENTRIES_PLACE: Range<usize> = 72..80;
const ENTRY_COUNT: Range<usize> = 80..84;
const ENTRY_SIZE: Range<usize> = 84..88;
const ENTRIES_CHECKSUM: Range<usize> = 88..92;

/// An entry, and where its fields are.
const ENTRY: usize = 128;
const FIRST: Range<usize> = 32..40;
const LAST: Range<usize> = 40..48;
const NAME: Range<usize> = 56..128;

/// The two places that entries can have: 128 of them take 32 sectors.
const PLACES: [u64; 2] = [2, 34];
const ENTRIES: usize = 128;
const ENTRIES_SECTORS: u64 = 32;

/// Partitions end on whole mebibytes.
const ALIGNMENT: u64 = 2048;

/// How much of the disk's start [`plan`] has to see, in bytes.
pub const HEAD: usize = 128 * SECTOR;

/// Bytes for a place on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// From the start of the disk.
    pub offset: u64,
    /// What comes there.
    pub bytes: Vec<u8>,
}

/// A larger partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Growth {
    /// What to write, in this order, each durable before the next.
    pub writes: Vec<Write>,
    /// The partition's number, from 1.
    pub number: u32,
    /// Where it begins, in bytes.
    pub start: u64,
    /// Its new length in bytes.
    pub length: u64,
}

/// Why a partition does not grow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is no table, or none that is whole.
    #[error("no valid partition table, by its {0}")]
    NoTable(&'static str),
    /// No partition has the name.
    #[error("no partition named {0}")]
    NoPartition(String),
    /// Another partition lies behind it.
    #[error("a partition behind {0}")]
    InTheWay(String),
    /// The entries have nowhere to go.
    #[error("no room for a second copy of the partitions' entries")]
    NoRoom,
}

/// Plans the growth of the partition with this name on a disk of so many bytes; nothing if it fills it already.
///
/// # Errors
/// The [`Fault`] that keeps it from growing; nothing is to be written then.
pub fn plan(head: &[u8], disk: u64, name: &str) -> Result<Option<Growth>, Fault> {
    let sectors = disk / SECTOR as u64;
    let table = Table::read(head)?;
    let (index, first, last) = table.find(name)?;
    let last_usable = sectors.saturating_sub(ENTRIES_SECTORS + 2);
    let new_last = ((last_usable + 1) / ALIGNMENT * ALIGNMENT).saturating_sub(1);
    if new_last <= last {
        return Ok(None);
    }
    let mut entries = table.entries.to_vec();
    put(&mut entries, index * ENTRY, LAST, &new_last.to_le_bytes());
    let place = table.free_place()?;
    let backup_place = sectors - 1 - ENTRIES_SECTORS;
    let header = |own: u64, other: u64, place: u64| {
        let mut header = table.header.to_vec();
        put(&mut header, 0, OWN_PLACE, &own.to_le_bytes());
        put(&mut header, 0, OTHER_PLACE, &other.to_le_bytes());
        put(&mut header, 0, ENTRIES_PLACE, &place.to_le_bytes());
        put(&mut header, 0, FIRST_USABLE, &table.first_usable().to_le_bytes());
        put(&mut header, 0, LAST_USABLE, &last_usable.to_le_bytes());
        put(&mut header, 0, ENTRIES_CHECKSUM, &checksum::of(&entries).to_le_bytes());
        put(&mut header, 0, HEADER_CHECKSUM, &[0; 4]);
        let own_checksum = checksum::of(header.get(..HEADER).unwrap_or_default());
        put(&mut header, 0, HEADER_CHECKSUM, &own_checksum.to_le_bytes());
        header
    };
    let at = |sector: u64, bytes| Write { offset: sector * SECTOR as u64, bytes };
    let last_sector = sectors - 1;
    Ok(Some(Growth {
        writes: vec![
            at(backup_place, entries.clone()),
            at(last_sector, header(last_sector, 1, backup_place)),
            at(place, entries.clone()),
            at(1, header(1, last_sector, place)),
        ],
        number: u32::try_from(index + 1).unwrap_or_default(),
        start: first * SECTOR as u64,
        length: (new_last + 1 - first) * SECTOR as u64,
    }))
}

/// The primary table as it was read.
struct Table<'a> {
    header: &'a [u8],
    entries: &'a [u8],
}

impl<'a> Table<'a> {
    fn read(head: &'a [u8]) -> Result<Self, Fault> {
        let header = head.get(SECTOR..2 * SECTOR).ok_or(Fault::NoTable("length"))?;
        if !header.starts_with(SIGNATURE) {
            return Err(Fault::NoTable("signature"));
        }
        let mut checked = header.get(..HEADER).unwrap_or_default().to_vec();
        put(&mut checked, 0, HEADER_CHECKSUM, &[0; 4]);
        if checksum::of(&checked) != short(header, HEADER_CHECKSUM) {
            return Err(Fault::NoTable("checksum"));
        }
        let counts = (short(header, ENTRY_COUNT), short(header, ENTRY_SIZE));
        if counts != (128, 128) {
            return Err(Fault::NoTable("entries' size"));
        }
        let place = usize::try_from(long(header, ENTRIES_PLACE)).unwrap_or(usize::MAX);
        let start = place.checked_mul(SECTOR).filter(|start| *start >= 2 * SECTOR);
        let entries = start.and_then(|start| head.get(start..)?.get(..ENTRIES * ENTRY));
        let entries = entries.ok_or(Fault::NoTable("entries' place"))?;
        if checksum::of(entries) != short(header, ENTRIES_CHECKSUM) {
            return Err(Fault::NoTable("entries' checksum"));
        }
        Ok(Self { header, entries })
    }

    /// Finds the partition: its index, its first and its last sector.
    fn find(&self, name: &str) -> Result<(usize, u64, u64), Fault> {
        let named = self.used().find(|(_, entry)| is_named(entry, name));
        let (index, entry) = named.ok_or_else(|| Fault::NoPartition(name.to_owned()))?;
        let (first, last) = (long(entry, FIRST), long(entry, LAST));
        if first > last {
            return Err(Fault::NoTable("entries"));
        }
        if self.used().any(|(other, entry)| other != index && long(entry, LAST) > first) {
            return Err(Fault::InTheWay(name.to_owned()));
        }
        Ok((index, first, last))
    }

    /// The entries of partitions, with their indices; an unused one has no type.
    fn used(&self) -> impl Iterator<Item = (usize, &'a [u8])> {
        let entries = self.entries.chunks_exact(ENTRY).enumerate();
        entries.filter(|(_, entry)| entry.iter().take(16).any(|byte| *byte != 0))
    }

    fn free_place(&self) -> Result<u64, Fault> {
        let taken = long(self.header, ENTRIES_PLACE);
        let free = PLACES.into_iter().find(|place| place.abs_diff(taken) >= ENTRIES_SECTORS);
        let first = self.used().map(|(_, entry)| long(entry, FIRST)).min().unwrap_or(u64::MAX);
        free.filter(|place| place + ENTRIES_SECTORS <= first).ok_or(Fault::NoRoom)
    }

    /// The first sector that a partition may have: behind both places for entries.
    fn first_usable(&self) -> u64 {
        long(self.header, FIRST_USABLE).max(PLACES[1] + ENTRIES_SECTORS)
    }
}

fn is_named(entry: &[u8], name: &str) -> bool {
    let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let field = entry.get(NAME).unwrap_or_default();
    field.strip_prefix(units.as_slice()).is_some_and(|rest| rest.iter().all(|byte| *byte == 0))
}

fn long(bytes: &[u8], field: Range<usize>) -> u64 {
    let field = bytes.get(field).and_then(|field| field.first_chunk());
    u64::from_le_bytes(field.copied().unwrap_or_default())
}

fn short(bytes: &[u8], field: Range<usize>) -> u32 {
    let field = bytes.get(field).and_then(|field| field.first_chunk());
    u32::from_le_bytes(field.copied().unwrap_or_default())
}

fn put(bytes: &mut [u8], base: usize, field: Range<usize>, value: &[u8]) {
    let place = bytes.get_mut(base..).and_then(|rest| rest.get_mut(field));
    if let Some(place) = place.filter(|place| place.len() == value.len()) {
        place.copy_from_slice(value);
    }
}

#[cfg(test)]
mod tests;
