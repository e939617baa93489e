//! What is known of a disk before it is written.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::Size;

/// Where a mount makes a disk the system's own: these, and what is below them.
const SYSTEM: [&str; 6] = ["/boot", "/etc", "/home", "/nix", "/usr", "/var"];

/// The kernel's number of a block device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceNumber {
    /// Of its driver.
    pub major: u32,
    /// Among the driver's devices.
    pub minor: u32,
}

/// A block device as the kernel tells of it: a disk, a partition, or a volume upon others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its name, such as `sda1`.
    pub name: String,
    /// Its number.
    pub number: DeviceNumber,
    /// Its size.
    pub size: Size,
    /// Bytes of its sectors.
    pub sector: u32,
    /// The disk that it is a partition of.
    pub disk: Option<String>,
    /// What lies upon it: RAID arrays, LVM and encrypted volumes.
    pub holders: Vec<String>,
    /// Whether it refuses writes.
    pub is_read_only: bool,
    /// What it is attached by.
    pub attachment: Attachment,
    /// What its maker calls it; empty if nobody knows.
    pub model: String,
    /// The file that it shows as a disk.
    pub backing_file: Option<PathBuf>,
}

/// How a disk is attached, which tells whether a person would pull it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attachment {
    /// Its medium comes out, says the kernel.
    Removable,
    /// It is on USB, whatever the kernel says of its medium.
    Usb,
    /// It is an SD card in a slot.
    SdCard,
    /// It is built in.
    Fixed,
    /// A file or another machine stands behind it.
    Loop,
    /// It is no disk: a volume upon other devices, or memory.
    Volume,
}

/// What the machine does with its block devices.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Machine {
    /// All of them.
    pub devices: Vec<Device>,
    /// What is mounted, and where.
    pub mounts: Vec<(DeviceNumber, String)>,
    /// What memory is swapped to.
    pub swaps: Vec<DeviceNumber>,
    /// Members of file systems that are mounted and have several devices, by name.
    pub members: Vec<String>,
}

/// A disk and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// The device.
    pub device: Device,
    /// What it is used for, its partitions and what lies upon them included.
    pub uses: Vec<Use>,
}

/// What a device is used for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// It is mounted.
    Mounted {
        /// The device's name.
        device: String,
        /// Where.
        point: String,
    },
    /// Memory is swapped to it.
    Swap {
        /// The device's name.
        device: String,
    },
    /// It belongs to a mounted file system that has several devices.
    Member {
        /// The device's name.
        device: String,
    },
    /// A RAID array or a volume lies upon it.
    Held {
        /// The device's name.
        device: String,
        /// What lies upon it.
        by: String,
    },
}

impl Machine {
    /// Lists the disks, with what each is used for.
    pub fn disks(&self) -> Vec<Disk> {
        let disks = self.devices.iter().filter(|it| it.disk.is_none());
        disks.map(|it| self.disk(it)).collect()
    }

    /// Says what a device is used for, its partitions and what lies upon them included.
    pub fn disk(&self, device: &Device) -> Disk {
        Disk { device: device.clone(), uses: self.uses(device) }
    }

    /// Finds a device by its number.
    pub fn device(&self, number: DeviceNumber) -> Option<&Device> {
        self.devices.iter().find(|it| it.number == number)
    }

    fn uses(&self, disk: &Device) -> Vec<Use> {
        let mut uses = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut waiting = vec![disk.name.as_str()];
        while let Some(name) = waiting.pop() {
            // A holder of two partitions is met twice.
            if !seen.insert(name) {
                continue;
            }
            if self.members.iter().any(|it| it == name) {
                uses.insert(Use::Member { device: name.to_owned() });
            }
            waiting.extend(self.parts(name));
            if let Some(device) = self.devices.iter().find(|it| it.name == name) {
                uses.extend(self.own_uses(device));
                waiting.extend(device.holders.iter().map(String::as_str));
            }
        }
        uses.into_iter().collect()
    }

    fn parts(&self, name: &str) -> impl Iterator<Item = &str> {
        let parts = self.devices.iter().filter(move |it| it.disk.as_deref() == Some(name));
        parts.map(|it| it.name.as_str())
    }

    fn own_uses(&self, device: &Device) -> Vec<Use> {
        let name = &device.name;
        let mounts = self.mounts.iter().filter(|(number, _)| *number == device.number);
        let mounted =
            mounts.map(|(_, point)| Use::Mounted { device: name.clone(), point: point.clone() });
        let swaps = self.swaps.iter().filter(|it| **it == device.number);
        let held = device.holders.iter().cloned();
        mounted
            .chain(swaps.map(|_| Use::Swap { device: name.clone() }))
            .chain(held.map(|by| Use::Held { device: name.clone(), by }))
            .collect()
    }
}

impl Use {
    /// Whether the running system stands on it.
    pub fn is_system(&self) -> bool {
        match self {
            Self::Mounted { point, .. } => {
                SYSTEM.iter().any(|it| {
                    point
                        .strip_prefix(it)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                }) || point == "/"
            }
            Self::Swap { .. } => true,
            Self::Member { .. } | Self::Held { .. } => false,
        }
    }
}

impl Attachment {
    /// Whether a person can take the disk elsewhere.
    pub const fn is_removable(self) -> bool {
        matches!(self, Self::Removable | Self::Usb | Self::SdCard)
    }
}

impl fmt::Display for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Removable => "removable",
            Self::Usb => "USB",
            Self::SdCard => "SD card",
            Self::Fixed => "built in",
            Self::Loop => "file as disk",
            Self::Volume => "volume",
        })
    }
}
