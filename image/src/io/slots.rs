//! The slots of a disk: of the one that this machine runs from, or of an image in a file.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::block_device::{Access, FileDevice};
use crate::block::BlockDevice as _;
use crate::keep::{self, Keep, Manner};
use crate::slot::state::{Plan, Seen, Unreadable};
use crate::slot::{Environment, Slot, environment, place};
use crate::update::install::{self, Install};
use crate::update::verify::Verification;
use crate::update::{Devices, Header, Target, tail};

/// The partitions of a disk with two slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots {
    running: Slot,
    partitions: BTreeMap<String, Partition>,
}

/// Where a partition is to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Partition {
    path: PathBuf,
    /// Its first byte and its length, where the path is a whole disk.
    part: Option<(u64, u64)>,
}

/// Why slots cannot be found, read or written.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The root file system lies on no block device.
    #[error("the root file system lies on no partition")]
    NoRoot,
    /// The root file system lies on a partition that is no slot's.
    #[error("the root file system lies on the partition {0:?}, which is no slot's")]
    NoSlot(String),
    /// The disk has no such partition.
    #[error("the disk has no partition {0:?}")]
    NoPartition(String),
    /// The disk has no partition table that makes sense.
    #[error("{path}: no partition table")]
    Table {
        /// The disk.
        path: PathBuf,
        /// What its reader said.
        source: gpt::GptError,
    },
    /// Something could not be read or written.
    #[error("{path}")]
    File {
        /// What.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A slot's environment is not where it could be written.
    #[error("slot {slot} has no environment that can be written")]
    Place {
        /// Whose.
        slot: Slot,
        /// Why not.
        source: place::Fault,
    },
    /// A slot was not written.
    #[error(transparent)]
    Install(#[from] install::Error),
    /// A slot does not tell what is on it.
    #[error(transparent)]
    Tail(#[from] tail::Fault),
    /// What is to be kept cannot be kept.
    #[error(transparent)]
    Keep(#[from] keep::Unfit),
}

impl Slots {
    /// Finds the slots of the disk that this machine's root file system is on.
    ///
    /// # Errors
    /// [`Fault::NoRoot`] and [`Fault::NoSlot`] where it runs from something else.
    pub fn find() -> Result<Self, Fault> {
        let mounts = read_to_string(Path::new("/proc/self/mountinfo"))?;
        let device = root_device(&mounts).ok_or(Fault::NoRoot)?;
        Self::find_by(Path::new("/sys"), Path::new("/dev"), device)
    }

    /// Finds the slots of the disk that a block device is on, such as `254:4`.
    ///
    /// # Errors
    /// [`Fault::NoRoot`] and [`Fault::NoSlot`] where the device is no slot's root.
    pub fn find_by(sys: &Path, dev: &Path, device: &str) -> Result<Self, Fault> {
        let path = sys.join("dev/block").join(device);
        let root = fs::canonicalize(&path).map_err(|_| Fault::NoRoot)?;
        let name = entry(&root, "PARTNAME")?.ok_or(Fault::NoRoot)?;
        let running = slot_of(&name)?;
        let disk = root.parent().ok_or(Fault::NoRoot)?;
        let mut partitions = BTreeMap::new();
        for directory in fs::read_dir(disk).map_err(fault(disk))? {
            let directory = directory.map_err(fault(disk))?.path();
            if !directory.join("partition").exists() {
                continue;
            }
            let names = (entry(&directory, "PARTNAME")?, entry(&directory, "DEVNAME")?);
            if let (Some(name), Some(node)) = names {
                partitions.insert(name, Partition { path: dev.join(node), part: None });
            }
        }
        Self { running, partitions }.check()
    }

    /// Finds the slots of a disk image, as if one of them were running.
    ///
    /// # Errors
    /// [`Fault::Table`] for something that is no such image.
    pub fn of_image(path: &Path, running: Slot) -> Result<Self, Fault> {
        let table = gpt::GptConfig::new().writable(false).open(path);
        let table = table.map_err(|source| Fault::Table { path: path.to_owned(), source })?;
        let partitions = table.partitions().values().filter_map(|it| {
            let start = it.first_lba.checked_mul(512)?;
            let end = it.last_lba.checked_add(1)?.checked_mul(512)?;
            let part = Some((start, end.checked_sub(start)?));
            Some((it.name.clone(), Partition { path: path.to_owned(), part }))
        });
        Self { running, partitions: partitions.collect() }.check()
    }

    /// The slot whose root file system is in use.
    pub const fn running(&self) -> Slot {
        self.running
    }

    /// The device node of a partition, or the image that it is in.
    pub fn path(&self, partition: &str) -> Option<&Path> {
        self.partitions.get(partition).map(|it| it.path.as_path())
    }

    /// Where on the disk a partition lies, in bytes; of a device node the whole.
    ///
    /// # Errors
    /// [`Fault::NoPartition`], or what the system reports.
    pub fn range(&self, partition: &str) -> Result<Range<u64>, Fault> {
        let found = self.partitions.get(partition);
        let found = found.ok_or_else(|| Fault::NoPartition(partition.to_owned()))?;
        match found.part {
            Some((start, length)) => Ok(start..start + length),
            None => Ok(0..self.open(partition, Access::Read)?.len()),
        }
    }

    /// Opens a partition by its name in the partition table, such as `keep`.
    ///
    /// # Errors
    /// [`Fault::NoPartition`], or what the system reports.
    pub fn open(&self, partition: &str, access: Access) -> Result<FileDevice, Fault> {
        let found = self.partitions.get(partition);
        let found = found.ok_or_else(|| Fault::NoPartition(partition.to_owned()))?;
        let device = FileDevice::open(&found.path, access).map_err(fault(&found.path))?;
        match found.part {
            Some((start, length)) => device.part(start, length).map_err(fault(&found.path)),
            None => Ok(device),
        }
    }

    /// Opens both partitions of a slot.
    ///
    /// # Errors
    /// [`Fault::NoPartition`], or what the system reports.
    pub fn devices(&self, slot: Slot, access: Access) -> Result<Devices<FileDevice>, Fault> {
        let boot = self.open(&format!("boot-{slot}"), access)?;
        Ok(Devices { boot, root: self.open(&format!("root-{slot}"), access)? })
    }

    /// Looks at both slots' environments.
    pub fn observe(&self) -> Seen {
        Seen { running: self.running, a: self.environment(Slot::A), b: self.environment(Slot::B) }
    }

    fn environment(&self, slot: Slot) -> Result<Environment, Unreadable> {
        Ok(Environment::parse(&self.environment_bytes(slot)?)?)
    }

    /// Reads the bytes of a slot's environment, whatever they make.
    ///
    /// # Errors
    /// [`Unreadable`] where they cannot be found.
    pub fn environment_bytes(&self, slot: Slot) -> Result<Vec<u8>, Unreadable> {
        let boot = self.open(&format!("boot-{slot}"), Access::Read).map_err(|it| match it {
            Fault::File { source, .. } => Unreadable::Device(source.kind()),
            _ => Unreadable::Device(io::ErrorKind::NotFound),
        })?;
        let place = place::find(&boot)?;
        let mut bytes = vec![0; environment::LENGTH];
        let read = boot.read_at(place.file, &mut bytes);
        read.map_err(|it| Unreadable::Device(it.kind()))?;
        Ok(bytes)
    }

    /// Carries out a plan's writes. What comes after them is the caller's.
    ///
    /// # Errors
    /// [`Fault::Place`], or what the system reports; the writes before stand.
    pub fn apply(&self, plan: &Plan) -> Result<(), Fault> {
        if plan.writes.is_empty() {
            return Ok(());
        }
        let name = format!("boot-{}", plan.slot);
        let mut boot = self.open(&name, Access::Write)?;
        let applied = plan.apply(&mut boot);
        applied.map_err(|source| Fault::Place { slot: plan.slot, source })
    }

    /// Begins to install an update on the target's slot, or goes on with it.
    ///
    /// # Errors
    /// [`Fault::Install`] says why not.
    pub fn install(&self, header: Header, target: &Target) -> Result<Install<FileDevice>, Fault> {
        let devices = self.devices(target.slot, Access::Write)?;
        Ok(Install::begin(devices, header, target)?)
    }

    /// Begins to check a slot against what was installed on it; every step reads a chunk of the devices.
    ///
    /// # Errors
    /// [`Fault::Tail`] where the slot does not tell.
    pub fn verify(&self, slot: Slot) -> Result<(Verification, Devices<FileDevice>), Fault> {
        let mut devices = self.devices(slot, Access::Read)?;
        let forgotten = devices.root.forget().and_then(|()| devices.boot.forget());
        forgotten.map_err(|it| Fault::Tail(it.into()))?;
        Ok((Verification::of(&devices, slot)?, devices))
    }

    /// Reads what is kept.
    ///
    /// # Errors
    /// [`Fault::NoPartition`], or what the system reports.
    pub fn kept(&self) -> Result<keep::Seen, Fault> {
        let partition = self.open("keep", Access::Read)?;
        keep::observe(&partition).map_err(|source| self.fault("keep", source))
    }

    /// Keeps something else.
    ///
    /// # Errors
    /// [`Fault::Keep`], or what the system reports.
    pub fn keep(&self, keep: &Keep, manner: Manner) -> Result<(), Fault> {
        let mut partition = self.open("keep", Access::Write)?;
        let seen = keep::observe(&partition).map_err(|source| self.fault("keep", source))?;
        let writes = keep::plan(&seen, keep, manner)?;
        keep::apply(&mut partition, &writes).map_err(|source| self.fault("keep", source))
    }

    fn fault(&self, partition: &str, source: io::Error) -> Fault {
        let path = self.path(partition).unwrap_or(Path::new(partition)).to_owned();
        Fault::File { path, source }
    }

    fn check(self) -> Result<Self, Fault> {
        match ["boot-a", "boot-b", "root-a", "root-b"]
            .into_iter()
            .find(|it| !self.partitions.contains_key(*it))
        {
            Some(missing) => Err(Fault::NoPartition(missing.to_owned())),
            None => Ok(self),
        }
    }
}

/// The number of the device that is mounted as the root file system.
fn root_device(mounts: &str) -> Option<&str> {
    let mut device = None;
    for line in mounts.lines() {
        let mut fields = line.split(' ').skip(2);
        if let (Some(number), _, Some("/")) = (fields.next(), fields.next(), fields.next()) {
            device = Some(number);
        }
    }
    device
}

fn slot_of(partition: &str) -> Result<Slot, Fault> {
    let slot = partition.strip_prefix("root-").and_then(|it| it.parse().ok());
    slot.ok_or_else(|| Fault::NoSlot(partition.to_owned()))
}

/// A value of what the kernel says about a device.
fn entry(device: &Path, key: &str) -> Result<Option<String>, Fault> {
    let text = read_to_string(&device.join("uevent"))?;
    let value = text.lines().find_map(|it| it.strip_prefix(key)?.strip_prefix('='));
    Ok(value.map(str::to_owned))
}

fn read_to_string(path: &Path) -> Result<String, Fault> {
    fs::read_to_string(path).map_err(fault(path))
}

fn fault(path: &Path) -> impl FnOnce(io::Error) -> Fault {
    let path = path.to_owned();
    move |source| Fault::File { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 7] = ["esp", "boot-a", "boot-b", "root-a", "root-b", "keep", "data"];

    /// The files by which the kernel describes a disk.
    fn sys(names: &[&str]) -> tempfile::TempDir {
        let sys = tempfile::tempdir().unwrap();
        let disk = sys.path().join("devices/virtio/block/vda");
        fs::create_dir_all(sys.path().join("dev/block")).unwrap();
        fs::create_dir_all(disk.join("queue")).unwrap();
        for (number, name) in (1..).zip(names) {
            let directory = disk.join(format!("vda{number}"));
            fs::create_dir(&directory).unwrap();
            fs::write(directory.join("partition"), format!("{number}\n")).unwrap();
            let text = format!("MAJOR=254\nDEVNAME=vda{number}\nPARTN={number}\nPARTNAME={name}\n");
            fs::write(directory.join("uevent"), text).unwrap();
            let link = sys.path().join(format!("dev/block/254:{number}"));
            std::os::unix::fs::symlink(&directory, link).unwrap();
        }
        sys
    }

    #[test]
    fn slots_are_found_by_the_root_file_system() {
        let sys = sys(&NAMES);
        let found = |device| Slots::find_by(sys.path(), Path::new("/dev"), device);

        let slots = found("254:5").unwrap();

        assert_eq!(slots.running(), Slot::B);
        assert_eq!(slots.path("boot-a"), Some(Path::new("/dev/vda2")));
        assert_eq!(slots.path("data"), Some(Path::new("/dev/vda7")));
        assert_eq!(found("254:4").unwrap().running(), Slot::A);
    }

    #[test]
    fn disks_without_slots_are_told_apart() {
        let whole = sys(&NAMES);
        let half = sys(&["root-a", "data"]);
        let found = |sys: &tempfile::TempDir, device| {
            Slots::find_by(sys.path(), Path::new("/dev"), device).unwrap_err().to_string()
        };

        assert_eq!(found(&whole, "0:2"), "the root file system lies on no partition");
        assert_eq!(
            found(&whole, "254:7"),
            "the root file system lies on the partition \"data\", which is no slot's"
        );
        assert_eq!(found(&half, "254:1"), "the disk has no partition \"boot-a\"");
    }

    #[test]
    fn root_device_is_the_last_that_was_mounted_there() {
        let mounts = "1 1 0:2 / / rw - rootfs rootfs rw\n\
                      22 1 254:4 / / ro,relatime - squashfs /dev/root ro\n\
                      23 22 254:7 / /data rw - ext4 /dev/vda7 rw\n";

        assert_eq!(root_device(mounts), Some("254:4"));
        assert_eq!(root_device("nonsense\n\n"), None);
    }
}
