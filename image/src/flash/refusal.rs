//! Which disks may be written, and which not, by name.

use std::path::PathBuf;

use serde::{Serialize, Serializer};

use super::disk::{Attachment, Disk, Use};
use crate::Size;

/// Bytes of the sectors by which an image's partition table counts.
const SECTOR: u32 = 512;

/// Why a disk is not written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "refusal", rename_all = "kebab-case")]
pub enum Refusal {
    /// The running system stands on it.
    #[error("{disk} is a disk of this computer's own system ({what})")]
    System {
        /// The disk.
        disk: String,
        /// What the system has on it.
        what: String,
    },
    /// It is mounted.
    #[error("{device} is mounted at {point}")]
    Mounted {
        /// The partition, the disk, or what lies upon them.
        device: String,
        /// Where.
        point: String,
    },
    /// It is a member of a mounted file system.
    #[error("{device} is a member of a mounted file system")]
    Member {
        /// The partition or the disk.
        device: String,
    },
    /// A RAID array or a volume lies upon it.
    #[error("{by} lies upon {device}")]
    Held {
        /// The partition or the disk.
        device: String,
        /// The array or volume.
        by: String,
    },
    /// Somebody else has it open for themselves alone.
    #[error("{path} is in use")]
    Busy {
        /// The device or file.
        path: PathBuf,
    },
    /// It refuses writes.
    #[error("{disk} is write-protected")]
    ReadOnly {
        /// The disk.
        disk: String,
    },
    /// There is nothing in the drive.
    #[error("there is no medium in {disk}")]
    NoMedium {
        /// The disk.
        disk: String,
    },
    /// It is smaller than the image.
    #[error("{disk} has {available}, the image needs {needed}")]
    TooSmall {
        /// The disk.
        disk: String,
        /// Its size.
        #[serde(serialize_with = "bytes")]
        available: Size,
        /// The image's size.
        #[serde(serialize_with = "bytes")]
        needed: Size,
    },
    /// Its sectors are not those of the image's partition table, so that nothing would find it there.
    #[error("{disk} has sectors of {sector} bytes, the image is for {SECTOR}")]
    Sectors {
        /// The disk.
        disk: String,
        /// Bytes of its sectors.
        sector: u32,
    },
    /// It is built in, and nobody said that this is meant.
    #[error("{disk} is not removable ({attachment})")]
    Fixed {
        /// The disk.
        disk: String,
        /// What it is attached by.
        attachment: Attachment,
    },
    /// It is a volume upon others.
    #[error("{disk} is no disk by itself")]
    Volume {
        /// Its name.
        disk: String,
    },
    /// It is a part of a disk.
    #[error("{partition} is a partition")]
    Partition {
        /// Its name.
        partition: String,
        /// The disk that it is on.
        disk: String,
    },
    /// There is no such device or file.
    #[error("there is no {path}")]
    Missing {
        /// What was asked for.
        path: PathBuf,
    },
    /// It is neither a disk nor a file.
    #[error("{path} is neither a disk nor a file")]
    NoDisk {
        /// What was asked for.
        path: PathBuf,
    },
    /// The image is to be written to itself.
    #[error("{path} is the image itself")]
    Itself {
        /// What was asked for.
        path: PathBuf,
    },
    /// A file shows as a disk.
    #[error("{path} is in use as {device}")]
    Looped {
        /// The file.
        path: PathBuf,
        /// The disk that it shows as.
        device: String,
    },
    /// A size was said for what has one that cannot be made so.
    #[error("{path} has {size} already")]
    HasSize {
        /// The device or file.
        path: PathBuf,
        /// Its size.
        #[serde(serialize_with = "bytes")]
        size: Size,
    },
    /// The system does not let this user.
    #[error("{path} may not be written by this user")]
    NotPermitted {
        /// The device or file.
        path: PathBuf,
    },
    /// Nobody is there to be asked.
    #[error("there is no terminal to ask whether everything on {disk} may be lost")]
    NobodyToAsk {
        /// The disk or file.
        disk: String,
    },
    /// The name that was typed is another.
    #[error("{disk} was not confirmed")]
    NotConfirmed {
        /// The disk or file.
        disk: String,
    },
}

impl Refusal {
    /// Says what a person can do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::System { .. }
            | Self::Volume { .. }
            | Self::NoDisk { .. }
            | Self::Sectors { .. } => {
                "choose another; `mesh-image list` shows the disks".to_owned()
            }
            Self::Mounted { point, .. } => format!("umount {}", quoted(point)),
            Self::Member { .. } => "unmount that file system".to_owned(),
            Self::Held { by, .. } => {
                format!("take {by} down (mdadm --stop, vgchange -an or cryptsetup close)")
            }
            Self::Busy { .. } => {
                "end what uses it: a machine that runs from it, or another flash".to_owned()
            }
            Self::ReadOnly { .. } => "move the card's lock, or take another".to_owned(),
            Self::NoMedium { .. } => "put a card in".to_owned(),
            Self::TooSmall { needed, .. } => {
                format!("take one of at least {needed}; a file grows with --size")
            }
            Self::Fixed { .. } => "if this is the one you mean, add --fixed-disk".to_owned(),
            Self::Partition { disk, .. } => format!("name the whole disk: /dev/{disk}"),
            Self::Missing { path } if path.starts_with("/dev") => {
                "plug it in; `mesh-image list` shows the disks".to_owned()
            }
            Self::Missing { .. } => "to make a file of that name, add --size 1GiB".to_owned(),
            Self::Itself { .. } => "write to another file, or copy the image".to_owned(),
            Self::Looped { device, .. } => format!("losetup -d /dev/{device}"),
            Self::HasSize { .. } => "leave --size away".to_owned(),
            Self::NotPermitted { .. } => "run it with sudo".to_owned(),
            Self::NobodyToAsk { .. } => "add --yes if it may".to_owned(),
            Self::NotConfirmed { .. } => "nothing was written; start again to go on".to_owned(),
        }
    }
}

/// Says what stands against writing an image of this size to a disk: all of it, the worst first.
pub fn refusals(disk: &Disk, image: Size, may_be_fixed: bool) -> Vec<Refusal> {
    let device = &disk.device;
    let name = || device.name.clone();
    if let Some(disk) = &device.disk {
        return vec![Refusal::Partition { partition: name(), disk: disk.clone() }];
    }
    let mut refusals = in_use(disk);
    match device.attachment {
        Attachment::Volume => return vec![Refusal::Volume { disk: name() }],
        attachment if !attachment.is_removable() && !may_be_fixed && refusals.is_empty() => {
            refusals.push(Refusal::Fixed { disk: name(), attachment });
        }
        _ => {}
    }
    if device.size.0 == 0 {
        refusals.push(Refusal::NoMedium { disk: name() });
        return refusals;
    }
    if device.is_read_only {
        refusals.push(Refusal::ReadOnly { disk: name() });
    }
    if device.sector != SECTOR {
        refusals.push(Refusal::Sectors { disk: name(), sector: device.sector });
    }
    if device.size < image {
        let (available, needed) = (device.size, image);
        refusals.push(Refusal::TooSmall { disk: name(), available, needed });
    }
    refusals
}

/// A system's disk is that and nothing else: its mounts are not for taking away.
fn in_use(disk: &Disk) -> Vec<Refusal> {
    let system: Vec<_> = disk.uses.iter().filter(|it| it.is_system()).map(shown).collect();
    if !system.is_empty() {
        return vec![Refusal::System { disk: disk.device.name.clone(), what: system.join(", ") }];
    }
    disk.uses.iter().cloned().map(Refusal::from).collect()
}

fn shown(use_of_disk: &Use) -> String {
    match use_of_disk {
        Use::Mounted { device, point } => format!("{device} at {point}"),
        Use::Swap { device } => format!("{device} as swap"),
        Use::Member { device } | Use::Held { device, .. } => device.clone(),
    }
}

fn bytes<S: Serializer>(size: &Size, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(size.0)
}

/// As a shell takes it.
fn quoted(point: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "/._-+:".contains(it);
    if point.chars().all(is_plain) {
        point.to_owned()
    } else {
        format!("'{}'", point.replace('\'', "'\\''"))
    }
}

impl From<Use> for Refusal {
    fn from(use_of_disk: Use) -> Self {
        match use_of_disk {
            Use::Mounted { device, point } => Self::Mounted { device, point },
            Use::Member { device } => Self::Member { device },
            Use::Held { device, by } => Self::Held { device, by },
            Use::Swap { device } => {
                Self::System { disk: device.clone(), what: format!("{device} as swap") }
            }
        }
    }
}

#[cfg(test)]
mod tests;
