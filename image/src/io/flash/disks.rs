//! Looks at this computer's disks and at what it does with them.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use nix::sys::stat::{major, minor};

use super::Unable;
use crate::Size;
use crate::flash::{Attachment, Device, DeviceNumber, Machine, mounts};

/// The kernel counts a device's size in these, whatever its own sectors are.
const SECTOR: u64 = 512;

/// Where the kernel tells what it knows.
#[derive(Debug, Clone, Copy)]
pub struct Kernel<'a> {
    /// Its `/sys`.
    pub sys: &'a Path,
    /// Its `/proc`.
    pub proc: &'a Path,
}

/// Looks at all disks, partitions and volumes.
///
/// # Errors
/// [`Unable::Machine`] when the kernel does not tell.
pub fn observe(kernel: Kernel<'_>) -> Result<Machine, Unable> {
    let mut devices = Vec::new();
    for directory in list(&kernel.sys.join("block"))? {
        let disk = disk(&directory);
        // A CD drive is none that a router boots from.
        if disk.name.starts_with("sr") {
            continue;
        }
        for part in list(&directory)?.into_iter().filter(|it| it.join("partition").exists()) {
            let own = device(&part);
            devices.push(Device {
                disk: Some(disk.name.clone()),
                attachment: disk.attachment,
                sector: disk.sector,
                ..own
            });
        }
        devices.push(disk);
    }
    let mounts = read(&kernel.proc.join("self/mountinfo"))?;
    let swaps = read(&kernel.proc.join("swaps")).unwrap_or_default();
    Ok(Machine {
        devices,
        mounts: mounts::mounts(&mounts)
            .into_iter()
            .flat_map(|it| {
                // Btrfs and its like mount under numbers of their own making.
                let source = it.source.as_deref().and_then(|it| number_of(Path::new(it)));
                let numbers = [Some(it.number), source.filter(|source| *source != it.number)];
                numbers.into_iter().flatten().map(move |number| (number, it.point.clone()))
            })
            .collect(),
        swaps: mounts::swaps(&swaps).iter().filter_map(|it| number_of(Path::new(it))).collect(),
        members: members(kernel.sys),
    })
}

/// The kernel's number of a device node; none for anything else.
pub(super) fn number_of(path: &Path) -> Option<DeviceNumber> {
    let node = fs::metadata(path).ok().filter(|it| it.file_type().is_block_device())?;
    Some(number(node.rdev()))
}

pub(super) fn number(device: u64) -> DeviceNumber {
    let part = |it| u32::try_from(it).unwrap_or(u32::MAX);
    DeviceNumber { major: part(major(device)), minor: part(minor(device)) }
}

fn disk(directory: &Path) -> Device {
    let sector = attribute(directory, "queue/logical_block_size");
    let sector = sector.and_then(|it| it.parse().ok()).unwrap_or(512);
    let words = ["device/vendor", "device/model", "device/name"]
        .into_iter()
        .filter_map(|it| attribute(directory, it))
        // A number is what its driver calls a maker.
        .filter(|it| !it.starts_with("0x"));
    let backing_file = attribute(directory, "loop/backing_file").map(PathBuf::from);
    Device {
        attachment: attachment(directory),
        model: words.collect::<Vec<_>>().join(" "),
        sector,
        backing_file,
        ..device(directory)
    }
}

fn device(directory: &Path) -> Device {
    let flag = |name| attribute(directory, name).is_some_and(|it| it != "0");
    let sectors: u64 =
        attribute(directory, "size").and_then(|it| it.parse().ok()).unwrap_or_default();
    let number = attribute(directory, "dev").and_then(|it| mounts::number(&it));
    let holders = list(&directory.join("holders")).unwrap_or_default();
    Device {
        name: name(directory),
        number: number.unwrap_or(DeviceNumber { major: 0, minor: 0 }),
        size: Size(sectors.saturating_mul(SECTOR)),
        sector: 512,
        disk: None,
        holders: holders.iter().map(|it| name(it)).collect(),
        is_read_only: flag("ro"),
        attachment: Attachment::Volume,
        model: String::new(),
        backing_file: None,
    }
}

fn attachment(directory: &Path) -> Attachment {
    let is = |name: &str, value: &str| attribute(directory, name).as_deref() == Some(value);
    let Ok(hardware) = fs::canonicalize(directory.join("device")) else {
        let is_loop = name(directory).starts_with("loop");
        return if is_loop { Attachment::Loop } else { Attachment::Volume };
    };
    let is_on_usb = hardware.components().any(|it| {
        it.as_os_str()
            .to_str()
            .and_then(|it| it.strip_prefix("usb"))
            .is_some_and(|bus| !bus.is_empty() && bus.bytes().all(|it| it.is_ascii_digit()))
    });
    if is_on_usb {
        Attachment::Usb
    } else if is("device/type", "SD") {
        Attachment::SdCard
    } else if is("removable", "1") {
        Attachment::Removable
    } else {
        Attachment::Fixed
    }
}

fn members(sys: &Path) -> Vec<String> {
    let file_systems = list(&sys.join("fs/btrfs")).unwrap_or_default();
    let devices = file_systems.iter().flat_map(|it| list(&it.join("devices")).unwrap_or_default());
    devices.map(|it| name(&it)).collect()
}

/// The kernel writes a slash in a name as an exclamation mark.
fn name(directory: &Path) -> String {
    directory.file_name().unwrap_or_default().to_string_lossy().replace('!', "/")
}

fn attribute(directory: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(directory.join(name)).ok()?;
    Some(text.trim().to_owned()).filter(|it| !it.is_empty())
}

fn read(path: &Path) -> Result<String, Unable> {
    fs::read_to_string(path).map_err(fault(path))
}

fn list(directory: &Path) -> Result<Vec<PathBuf>, Unable> {
    let entries = fs::read_dir(directory).map_err(fault(directory))?;
    let mut paths: Vec<_> = entries.filter_map(|it| Some(it.ok()?.path())).collect();
    paths.sort();
    Ok(paths)
}

fn fault(path: &Path) -> impl FnOnce(io::Error) -> Unable {
    let path = path.to_owned();
    move |source| Unable::Machine { path, source }
}
