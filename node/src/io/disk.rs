//! The disk that this system runs from, and its partitions by name.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::sys::stat::{major, minor};

/// What sysfs counts lengths in, whatever the medium has.
const SECTOR: u64 = 512;

/// The disk that the root file system is on; another disk may have partitions of the same names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Its node in `/dev`.
    pub device: PathBuf,
    /// Its directory in sysfs, where its partitions are.
    directory: PathBuf,
}

/// A partition of the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Its node in `/dev`.
    pub device: PathBuf,
    /// Its number in the table, from 1.
    pub number: u32,
    /// Its length in bytes.
    pub length: u64,
    /// It takes no writes.
    pub is_read_only: bool,
}

impl Disk {
    /// Finds the disk of the root file system.
    ///
    /// # Errors
    /// What sysfs answers where the root is on no partition of a disk.
    pub fn of_root() -> io::Result<Self> {
        let device = fs::metadata("/")?.dev();
        let link = format!("/sys/dev/block/{}:{}", major(device), minor(device));
        Self::around(&fs::canonicalize(link)?)
    }

    fn around(partition: &Path) -> io::Result<Self> {
        if !partition.join("partition").exists() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the root is on no partition"));
        }
        let directory = partition.parent().ok_or(io::ErrorKind::NotFound)?.to_owned();
        let name = directory.file_name().ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { device: Path::new("/dev").join(name), directory })
    }

    /// Finds a partition by its name in the table.
    pub fn partition(&self, name: &str) -> Option<Partition> {
        let wanted = format!("PARTNAME={name}");
        let entries = fs::read_dir(&self.directory).ok()?.flatten();
        let found = entries.map(|entry| entry.path()).find(|path| {
            let uevent = fs::read_to_string(path.join("uevent")).unwrap_or_default();
            uevent.lines().any(|line| line == wanted)
        })?;
        Some(Partition {
            device: Path::new("/dev").join(found.file_name()?),
            number: number(&found.join("partition"))?.try_into().ok()?,
            length: number(&found.join("size"))?.checked_mul(SECTOR)?,
            is_read_only: number(&found.join("ro")) == Some(1),
        })
    }
}

fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sysfs(root: &Path) -> PathBuf {
        let disk = root.join("vda");
        for (partition, name, number, size) in [
            ("vda1", "esp", "1", "2048"),
            ("vda2", "root-a", "2", "4096"),
            ("vda7", "data", "7", "8"),
        ] {
            let directory = disk.join(partition);
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("uevent"), format!("MAJOR=254\nPARTNAME={name}\n")).unwrap();
            fs::write(directory.join("partition"), format!("{number}\n")).unwrap();
            fs::write(directory.join("size"), format!("{size}\n")).unwrap();
            fs::write(directory.join("ro"), "0\n").unwrap();
        }
        disk
    }

    #[test]
    fn partitions_are_found_by_name_on_the_disk_of_the_root() {
        let root = tempfile::tempdir().unwrap();
        let disk = Disk::around(&sysfs(root.path()).join("vda2")).unwrap();

        assert_eq!(disk.device, Path::new("/dev/vda"));
        assert_eq!(
            disk.partition("data"),
            Some(Partition {
                device: "/dev/vda7".into(),
                number: 7,
                length: 4096,
                is_read_only: false
            })
        );
        assert_eq!(disk.partition("dat"), None);
    }

    #[test]
    fn a_root_on_no_partition_has_no_disk() {
        let root = tempfile::tempdir().unwrap();

        assert!(Disk::around(&sysfs(root.path())).is_err());
    }
}
