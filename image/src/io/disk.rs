//! Writes disks: the partition table, a root file system, a machine's data.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use gpt::disk::LogicalBlockSize;
use gpt::mbr::ProtectiveMBR;
use gpt::{GptConfig, GptError};
use uuid::Uuid;

use super::{files, tool};
use crate::Error;
use crate::layout::{Layout, Partition};
use crate::provision::{Entry, EntryContent};

const SECTOR: u64 = 512;

/// What identifies the disk, and with a partition's number in the last byte the partition. The same on every disk: machines
/// are told apart by their identity, and disks by the machine they are in.
const IDENTITY: u128 = 0x6d65_7368_6e6f_4465_8000_0000_0000_0000;

/// What a partition starts with; the rest of it is zero.
#[derive(Debug, Clone, Copy)]
pub(super) enum Filling<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// This file's.
    File(&'a Path),
}

/// Writes a disk with its partition table and what is in its partitions.
pub(super) fn write_template(
    layout: &Layout,
    fillings: &[(&str, Filling<'_>)],
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
    for (name, filling) in fillings {
        write_partition(layout.get(name)?, *filling, &mut file, disk)?;
    }
    Ok(())
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

fn write_partition(
    partition: &Partition,
    filling: Filling<'_>,
    disk: &mut File,
    disk_path: &Path,
) -> Result<(), Error> {
    let needed = match filling {
        Filling::Bytes(bytes) => bytes.len() as u64,
        Filling::File(path) => files::size(path)?.0,
    };
    if needed > partition.size {
        let partition = partition.clone();
        let (partition, available) = (partition.name, partition.size);
        return Err(Error::TooLarge { partition, needed, available });
    }
    match filling {
        Filling::Bytes(bytes) => {
            files::write_sparse(&mut io::Cursor::new(bytes), disk, partition.offset, disk_path)
        }
        Filling::File(path) => {
            let mut source = File::open(path).map_err(files::fault(path))?;
            files::write_sparse(&mut source, disk, partition.offset, disk_path)
        }
    }
}

/// Makes the data file system in place, holding the entries, all of them root's.
pub(super) fn write_data(data: &Partition, entries: &[Entry], disk: &Path) -> Result<(), Error> {
    let staging = tempfile::tempdir().map_err(files::fault(&std::env::temp_dir()))?;
    let tree = staging.path().join("data");
    files::create_dir(&tree)?;
    files::set_mode(&tree, 0o755)?;
    for entry in entries {
        let path = tree.join(entry.path);
        match &entry.content {
            EntryContent::Directory => {
                files::create_dir(&path)?;
                files::set_mode(&path, entry.mode)?;
            }
            EntryContent::File(content) => files::write_new(&path, content, entry.mode)?,
        }
    }
    let extended = format!("offset={},root_owner=0:0,lazy_itable_init=0", data.offset);
    tool::run(
        tool::command("mke2fs")
            .args(["-q", "-F", "-t", "ext4", "-m", "0", "-L", "data"])
            .args(["-E", &extended, "-d"])
            .args([&tree, disk])
            .arg(format!("{}k", data.size >> 10)),
    )?;
    own_by_root(data, entries, disk, staging.path())
}

/// mke2fs keeps the owner of each file it copies, which is whoever runs this.
fn own_by_root(
    data: &Partition,
    entries: &[Entry],
    disk: &Path,
    staging: &Path,
) -> Result<(), Error> {
    let script: String =
        entries.iter().map(|it| format!("sif /{0} uid 0\nsif /{0} gid 0\n", it.path)).collect();
    let script_path = staging.join("owners");
    files::write(&script_path, script.as_bytes())?;
    let mut file_system = disk.as_os_str().to_owned();
    file_system.push(format!("?offset={}", data.offset));
    tool::run(tool::command("debugfs").args(["-w", "-f"]).arg(&script_path).arg(file_system))
        .map(drop)
}
