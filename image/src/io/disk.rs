//! Writes disks: the partition table and what is in the partitions.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use gpt::disk::LogicalBlockSize;
use gpt::mbr::ProtectiveMBR;
use gpt::{GptConfig, GptError};
use uuid::Uuid;

use super::files;
use crate::Error;
use crate::layout::{Layout, Partition};

const SECTOR: u64 = 512;

/// What identifies the disk, and with a partition's number in the last byte the partition. The same on every disk: machines
/// are told apart by their identity, and disks by the machine they are in.
const IDENTITY: u128 = 0x6d65_7368_6e6f_4465_8000_0000_0000_0000;

/// What lies in a partition; the rest of it is zero.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filling<'a> {
    /// The partition's name.
    pub(super) partition: &'a str,
    /// Where in the partition it begins.
    pub(super) offset: u64,
    /// What comes there.
    pub(super) bytes: &'a [u8],
}

/// Writes a disk with its partition table and what is in its partitions.
pub(super) fn write_template(
    layout: &Layout,
    fillings: &[Filling<'_>],
    disk: &Path,
) -> Result<(), Error> {
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(disk)
        .map_err(files::fault(disk))?;
    file.set_len(layout.disk).map_err(files::fault(disk))?;
    write_table(layout, &mut file)
        .map_err(|source| Error::PartitionTable { path: disk.to_owned(), source })?;
    fillings.iter().try_for_each(|it| fill(layout.get(it.partition)?, it, &mut file, disk))
}

fn write_table(layout: &Layout, disk: &mut File) -> Result<(), GptError> {
    let sectors = u32::try_from(layout.disk / SECTOR - 1).unwrap_or(u32::MAX);
    disk.write_all(&ProtectiveMBR::with_lb_size(sectors).to_bytes())?;
    let mut table = GptConfig::new()
        .writable(true)
        .logical_block_size(LogicalBlockSize::Lb512)
        .create_from_device(disk, Some(Uuid::from_u128(IDENTITY)))?;
    let partitions = layout.partitions.iter().map(|partition| {
        let entry = gpt::partition::Partition {
            part_type_guid: partition.kind.clone(),
            part_guid: Uuid::from_u128(IDENTITY | u128::from(partition.number)),
            first_lba: partition.offset / SECTOR,
            last_lba: (partition.offset + partition.size) / SECTOR - 1,
            flags: 0,
            name: partition.name.clone(),
        };
        (partition.number, entry)
    });
    table.update_partitions(partitions.collect())?;
    table.write().map(drop)
}

fn fill(
    partition: &Partition,
    filling: &Filling<'_>,
    disk: &mut File,
    disk_path: &Path,
) -> Result<(), Error> {
    let needed = filling.offset + filling.bytes.len() as u64;
    if needed > partition.size {
        let (partition, available) = (partition.name.clone(), partition.size);
        return Err(Error::TooLarge { partition, needed, available });
    }
    let offset = partition.offset + filling.offset;
    files::write_sparse(&mut io::Cursor::new(filling.bytes), disk, offset, disk_path)
}

/// Writes over what lies in a partition of a disk.
pub(super) fn overwrite(layout: &Layout, filling: &Filling<'_>, disk: &Path) -> Result<(), Error> {
    let partition = layout.get(filling.partition)?;
    let file = File::options().write(true).open(disk).map_err(files::fault(disk))?;
    let offset = partition.offset + filling.offset;
    file.write_all_at(filling.bytes, offset).map_err(files::fault(disk))
}
