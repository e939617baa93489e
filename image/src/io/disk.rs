//! Writes disks: the partition table, a root file system, a machine's data.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use gpt::disk::LogicalBlockSize;
use gpt::mbr::ProtectiveMBR;
use gpt::{GptConfig, GptError};

use super::{files, tool};
use crate::Error;
use crate::layout::{Layout, Partition};
use crate::provision::{Entry, EntryContent};

const SECTOR: u64 = 512;

/// Writes a disk with its partition table and the root file system in the first partition for one.
pub(super) fn write_template(layout: &Layout, root: &Path, disk: &Path) -> Result<(), Error> {
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
    match layout.roots().next() {
        Some(partition) => write_root(partition, root, &mut file, disk),
        None => Err(crate::layout::Fault::Missing("root").into()),
    }
}

fn write_table(layout: &Layout, disk: &mut File) -> Result<(), GptError> {
    let sectors = u32::try_from(layout.disk / SECTOR - 1).unwrap_or(u32::MAX);
    disk.write_all(&ProtectiveMBR::with_lb_size(sectors).to_bytes())?;
    let mut table = GptConfig::new()
        .writable(true)
        .logical_block_size(LogicalBlockSize::Lb512)
        .create_from_device(disk, None)?;
    for partition in &layout.partitions {
        table.add_partition_at(
            &partition.name,
            partition.number,
            partition.offset / SECTOR,
            partition.size / SECTOR,
            partition.kind.clone(),
            0,
        )?;
    }
    table.write().map(drop)
}

fn write_root(
    partition: &Partition,
    root: &Path,
    disk: &mut File,
    disk_path: &Path,
) -> Result<(), Error> {
    let needed = files::size(root)?.0;
    if needed > partition.size {
        return Err(Error::RootTooLarge { needed, available: partition.size });
    }
    let mut source = File::open(root).map_err(files::fault(root))?;
    disk.seek(SeekFrom::Start(partition.offset)).map_err(files::fault(disk_path))?;
    io::copy(&mut source, disk).map(drop).map_err(files::fault(disk_path))
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
