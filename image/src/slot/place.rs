//! Finds the environment's file in a FAT file system, so that it can be written in place, sector by sector.

use std::io;
use std::ops::Range;

use super::environment::{FILE, LENGTH};
use crate::block::BlockDevice;

/// The most entries that a root directory is looked through for.
const ENTRIES: u64 = 2048;

const ENTRY: usize = 32;

const FILE_ENTRY: &[u8; 11] = b"BGENV   DAT";
const LABEL_ENTRY: &[u8; 11] = b"EFILABEL   ";

/// The longest label that the chooser reads, in bytes.
const LABEL: u32 = 62;

/// Where the file lies, in bytes from the start of the partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The first byte of the file; the others follow.
    pub file: u64,
    /// What changes in the file system when firmware writes to the file, the file itself first.
    pub mutable: Vec<Range<u64>>,
    /// The file by which the chooser tells the slots' volumes apart, where there is one.
    pub label: Option<Range<u64>>,
    /// The bytes that the file system reckons with, whatever the partition has.
    pub volume: u64,
}

/// Why the file cannot be written in place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The partition cannot be read.
    #[error("a partition that cannot be read ({0})")]
    Device(io::ErrorKind),
    /// It holds no FAT file system that makes sense.
    #[error("no FAT file system, by its {0}")]
    NoFat(&'static str),
    /// The root directory has no such file.
    #[error("no {FILE} in the root directory")]
    NoFile,
    /// The file has another length.
    #[error("a {FILE} of {0} bytes")]
    Length(u32),
    /// The volume's label is too long for the chooser.
    #[error("a label of {0} bytes, and {LABEL} are read")]
    Label(u32),
    /// The file lies in pieces.
    #[error("a {FILE} in pieces")]
    Fragmented,
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Device(error.kind())
    }
}

/// Finds the file in a partition.
///
/// # Errors
/// [`Fault`] says why it cannot be written in place.
pub fn find(partition: &impl BlockDevice) -> Result<Place, Fault> {
    let fat = Fat::read(partition)?;
    let (entry_offset, entry) = fat.entry(partition, FILE_ENTRY)?;
    let length = u32::from_le_bytes(field(&entry, 28));
    if length as usize != LENGTH {
        return Err(Fault::Length(length));
    }
    let first = fat.first(&entry);
    let clusters = u64::from(length).div_ceil(fat.cluster);
    let mut cluster = first;
    for _ in 1..clusters {
        let next = fat.next(partition, cluster)?;
        if next != cluster.wrapping_add(1) {
            return Err(Fault::Fragmented);
        }
        cluster = next;
    }
    let file = fat.offset(first)?;
    fat.offset(cluster)?;
    let mut mutable: Vec<_> = std::iter::once(file..file + u64::from(length)).collect();
    // Attributes, times of creation, access and change; firmware writes these together with the file.
    mutable
        .extend([11..12, 13..20, 22..26].map(|it| entry_offset + it.start..entry_offset + it.end));
    mutable.extend(fat.marks());
    let label = match fat.entry(partition, LABEL_ENTRY) {
        Ok((_, entry)) => Some(fat.label(&entry)?),
        Err(Fault::NoFile) => None,
        Err(fault) => return Err(fault),
    };
    Ok(Place { file, mutable, label, volume: fat.total })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Fat12,
    Fat16,
    Fat32,
}

/// Where the parts of the file system lie, all within the partition.
#[derive(Debug)]
struct Fat {
    kind: Kind,
    /// Bytes of a cluster.
    cluster: u64,
    clusters: u64,
    tables: u64,
    table: u64,
    table_count: u64,
    /// The root directory before the clusters, of FAT12 and FAT16.
    root: Range<u64>,
    root_cluster: u32,
    info: Option<u64>,
    total: u64,
}

impl Fat {
    fn read(partition: &impl BlockDevice) -> Result<Self, Fault> {
        let mut boot = [0; 512];
        partition.read_at(0, &mut boot)?;
        let word = |at| u64::from(u16::from_le_bytes(field(&boot, at)));
        let long = |at| u64::from(u32::from_le_bytes(field(&boot, at)));
        let [per_cluster] = field(&boot, 13).map(u64::from);
        let [table_count] = field(&boot, 16).map(u64::from);
        let sector = word(11);
        let total = if word(19) == 0 { long(32) } else { word(19) } * sector;
        let table = if word(22) == 0 { long(36) } else { word(22) } * sector;

        check(field(&boot, 510) == [0x55, 0xaa], "signature")?;
        check([512, 1024, 2048, 4096].contains(&sector), "sector size")?;
        check(per_cluster.is_power_of_two(), "cluster size")?;
        check((1..=2).contains(&table_count), "number of tables")?;
        check(word(14) > 0, "reserved sectors")?;
        check(table > 0, "table size")?;
        check(total <= partition.len(), "size")?;

        let tables = word(14) * sector;
        let root = tables + table * table_count;
        let data = root + (word(17) * ENTRY as u64).next_multiple_of(sector);
        check(data < total, "size")?;
        let cluster = per_cluster * sector;
        let clusters = (total - data) / cluster;
        let kind = match clusters {
            _ if word(22) == 0 => Kind::Fat32,
            0..4085 => Kind::Fat12,
            4085..65_525 => Kind::Fat16,
            _ => Kind::Fat32,
        };
        let root_cluster =
            if kind == Kind::Fat32 { u32::from_le_bytes(field(&boot, 44)) } else { 0 };
        let info = (kind == Kind::Fat32).then(|| word(48) * sector).filter(|it| *it < tables);
        let root = root..data;
        Ok(Self {
            kind,
            cluster,
            clusters,
            tables,
            table,
            table_count,
            root,
            root_cluster,
            info,
            total,
        })
    }

    /// Finds the directory entry and its offset.
    fn entry(
        &self,
        partition: &impl BlockDevice,
        name: &[u8; 11],
    ) -> Result<(u64, [u8; ENTRY]), Fault> {
        let mut looked_at = 0;
        let mut part = self.root.clone();
        let mut cluster = self.root_cluster;
        if part.is_empty() {
            part = self.range(cluster)?;
        }
        loop {
            for offset in part.step_by(ENTRY) {
                let mut entry = [0; ENTRY];
                partition.read_at(offset, &mut entry)?;
                looked_at += 1;
                let [first, ..] = entry;
                if first == 0 || looked_at > ENTRIES {
                    return Err(Fault::NoFile);
                }
                // Neither a volume's label, nor a directory, nor a piece of a long name.
                let is_file = field(&entry, 11).map(|it: u8| it & 0x18) == [0];
                if is_file && entry.starts_with(name) {
                    return Ok((offset, entry));
                }
            }
            if cluster == 0 {
                return Err(Fault::NoFile);
            }
            cluster = self.next(partition, cluster)?;
            part = self.range(cluster).map_err(|_| Fault::NoFile)?;
        }
    }

    /// The first cluster of a file.
    fn first(&self, entry: &[u8; ENTRY]) -> u32 {
        let high = if self.kind == Kind::Fat32 { u16::from_le_bytes(field(entry, 20)) } else { 0 };
        (u32::from(high) << 16) | u32::from(u16::from_le_bytes(field(entry, 26)))
    }

    fn label(&self, entry: &[u8; ENTRY]) -> Result<Range<u64>, Fault> {
        let length = u32::from_le_bytes(field(entry, 28));
        if length > LABEL {
            return Err(Fault::Label(length));
        }
        self.offset(self.first(entry)).map(|it| it..it + u64::from(length))
    }

    fn offset(&self, cluster: u32) -> Result<u64, Fault> {
        let index = u64::from(cluster).checked_sub(2).filter(|it| *it < self.clusters);
        index.map(|it| self.root.end + it * self.cluster).ok_or(Fault::Fragmented)
    }

    fn range(&self, cluster: u32) -> Result<Range<u64>, Fault> {
        self.offset(cluster).map(|it| it..it + self.cluster)
    }

    /// The cluster that the table has behind this one.
    fn next(&self, partition: &impl BlockDevice, cluster: u32) -> Result<u32, Fault> {
        let cluster = u64::from(cluster);
        let (offset, length) = match self.kind {
            Kind::Fat12 => (cluster + cluster / 2, 2),
            Kind::Fat16 => (cluster * 2, 2),
            Kind::Fat32 => (cluster * 4, 4),
        };
        check(offset + length <= self.table, "table size")?;
        let mut entry = [0; 4];
        let (bytes, _) = entry.split_at_mut(if length == 4 { 4 } else { 2 });
        partition.read_at(self.tables + offset, bytes)?;
        let entry = u32::from_le_bytes(entry);
        Ok(match self.kind {
            Kind::Fat12 if cluster % 2 == 1 => entry >> 4,
            Kind::Fat12 => entry & 0xfff,
            Kind::Fat16 => entry,
            Kind::Fat32 => entry & 0x0fff_ffff,
        })
    }

    /// Where the file system says that it was written to, and how much of it is free.
    fn marks(&self) -> Vec<Range<u64>> {
        let mark = match self.kind {
            Kind::Fat12 => 0..0,
            Kind::Fat16 => 2..4,
            Kind::Fat32 => 4..8,
        };
        let mark = |copy| {
            let table = self.tables + copy * self.table;
            table + mark.start..table + mark.end
        };
        let mut marks: Vec<_> =
            (0..self.table_count).map(mark).filter(|it| !it.is_empty()).collect();
        marks.extend(self.info.map(|it| it + 488..it + 496));
        marks
    }
}

fn check(is_right: bool, what: &'static str) -> Result<(), Fault> {
    if is_right { Ok(()) } else { Err(Fault::NoFat(what)) }
}

fn field<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    let bytes = bytes.get(offset..).and_then(|it| it.first_chunk());
    bytes.copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests;
