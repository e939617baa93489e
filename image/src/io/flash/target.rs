//! What an image is written to: a disk, or a file that QEMU takes for one.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{
    FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use nix::fcntl::{FallocateFlags, FcntlArg, OFlag, fallocate, fcntl};
use nix::libc;

use super::{Unable, disks};
use crate::Size;
use crate::block::BlockDevice;
use crate::flash::{DeviceNumber, Disk, Machine, Medium, Refusal, refusals};
use crate::io::block_device::FileDevice;

/// What somebody wants to be written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) path: &'a Path,
    pub(super) image_path: &'a Path,
    pub(super) image: Size,
    pub(super) size: Option<Size>,
    pub(super) may_be_fixed: bool,
}

/// What is to be written, found fit for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Disk { path: PathBuf, disk: Disk },
    File { path: PathBuf, size: Size, exists: bool },
}

/// A disk or file that nobody else writes meanwhile.
#[derive(Debug)]
pub(super) struct Open {
    device: FileDevice,
    clearing: FallocateFlags,
}

impl Target {
    pub(super) fn find(wanted: &Wanted<'_>, machine: &Machine) -> Result<Self, Vec<Refusal>> {
        let path = wanted.path.to_owned();
        let node = match fs::metadata(&path) {
            Ok(node) => node,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return new_file(wanted),
            Err(_) => return Err(vec![Refusal::NotPermitted { path }]),
        };
        let kind = node.file_type();
        if kind.is_block_device() {
            let found = machine.device(disks::number(node.rdev()));
            let device = found.ok_or_else(|| vec![Refusal::NoDisk { path: path.clone() }])?;
            let disk = machine.disk(device);
            let mut refusals = refusals(&disk, wanted.image, wanted.may_be_fixed);
            if wanted.size.is_some() {
                refusals.push(Refusal::HasSize { path: path.clone(), size: device.size });
            }
            return if refusals.is_empty() { Ok(Self::Disk { path, disk }) } else { Err(refusals) };
        }
        if kind.is_file() {
            return old_file(wanted, &node, machine);
        }
        Err(vec![Refusal::NoDisk { path }])
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Disk { path, .. } | Self::File { path, .. } => path,
        }
    }

    /// Opens it so that nobody else writes it: the kernel refuses a disk that is mounted or held, in whatever name space.
    pub(super) fn open(&self) -> Result<Open, Unable> {
        let open = match self {
            Self::Disk { path, disk } => Open::disk(path, disk.device.number),
            Self::File { path, size, exists } => Open::file(path, *size, *exists),
        };
        open.map_err(|source| {
            let path = self.path().to_owned();
            let refusal = match source.raw_os_error() {
                Some(libc::EBUSY) => Refusal::Busy { path },
                Some(libc::EROFS) => Refusal::ReadOnly { disk: path.display().to_string() },
                Some(libc::EACCES | libc::EPERM) => Refusal::NotPermitted { path },
                Some(libc::ENXIO | libc::ENOMEDIUM | libc::ENODEV) => Refusal::Missing { path },
                _ => return Unable::Target { path, source },
            };
            Unable::Refused(vec![refusal])
        })
    }
}

fn new_file(wanted: &Wanted<'_>) -> Result<Target, Vec<Refusal>> {
    let path = wanted.path.to_owned();
    match wanted.size {
        // A slip of the finger under /dev would fill the memory.
        Some(size) if !path.starts_with("/dev") => fits(wanted, path, size, false),
        _ => Err(vec![Refusal::Missing { path }]),
    }
}

fn old_file(
    wanted: &Wanted<'_>,
    node: &fs::Metadata,
    machine: &Machine,
) -> Result<Target, Vec<Refusal>> {
    let path = wanted.path.to_owned();
    let is_image = fs::metadata(wanted.image_path)
        .is_ok_and(|it| (it.dev(), it.ino()) == (node.dev(), node.ino()));
    if is_image {
        return Err(vec![Refusal::Itself { path }]);
    }
    let whole = fs::canonicalize(&path).ok();
    let looped =
        machine.devices.iter().find(|it| it.backing_file.is_some() && it.backing_file == whole);
    if let Some(device) = looped {
        return Err(vec![Refusal::Looped { path, device: device.name.clone() }]);
    }
    let size = Size(node.len());
    match wanted.size {
        Some(said) if said < size => Err(vec![Refusal::HasSize { path, size }]),
        said => fits(wanted, path, said.unwrap_or(size), true),
    }
}

fn fits(
    wanted: &Wanted<'_>,
    path: PathBuf,
    size: Size,
    exists: bool,
) -> Result<Target, Vec<Refusal>> {
    if size < wanted.image {
        let disk = path.display().to_string();
        return Err(vec![Refusal::TooSmall { disk, available: size, needed: wanted.image }]);
    }
    Ok(Target::File { path, size, exists })
}

impl Open {
    fn disk(path: &Path, number: DeviceNumber) -> io::Result<Self> {
        let file =
            File::options().read(true).write(true).custom_flags(OFlag::O_EXCL.bits()).open(path)?;
        // Between the look and now another stick may have got the name.
        if disks::number(file.metadata()?.rdev()) != number {
            return Err(io::Error::from_raw_os_error(libc::ENODEV));
        }
        let clearing = FallocateFlags::FALLOC_FL_ZERO_RANGE;
        let clearing = clearing | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        Ok(Self { device: FileDevice::whole(file)?, clearing })
    }

    fn file(path: &Path, size: Size, exists: bool) -> io::Result<Self> {
        let mut options = File::options();
        let file = options.read(true).write(true).create_new(!exists).mode(0o600).open(path)?;
        lock(&file)?;
        // Before a secret is in it. Of one that is there, only the mode is another.
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.set_len(size.0)?;
        let clearing = FallocateFlags::FALLOC_FL_PUNCH_HOLE;
        let clearing = clearing | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        Ok(Self { device: FileDevice::whole(file)?, clearing })
    }
}

/// The kind of lock by which QEMU holds its disks.
fn lock(file: &File) -> io::Result<()> {
    let kind = libc::c_short::try_from(libc::F_WRLCK).unwrap_or_default();
    let whole = libc::flock { l_type: kind, l_whence: 0, l_start: 0, l_len: 0, l_pid: 0 };
    match fcntl(file, FcntlArg::F_OFD_SETLK(&whole)) {
        Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EACCES) => {
            Err(io::Error::from_raw_os_error(libc::EBUSY))
        }
        // Not every file system has locks.
        Ok(_) | Err(_) => Ok(()),
    }
}

impl BlockDevice for Open {
    fn len(&self) -> u64 {
        self.device.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.device.read_at(offset, buffer)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.device.write_at(offset, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.device.flush()
    }

    fn forget(&mut self) -> io::Result<()> {
        self.device.forget()
    }
}

impl Medium for Open {
    /// The kernel clears quicker than we write, where it can.
    fn clear(&mut self, offset: u64, length: u64) -> io::Result<()> {
        if let (Ok(start), Ok(count)) = (i64::try_from(offset), i64::try_from(length))
            && offset <= self.device.len()
            && fallocate(self.device.file(), self.clearing, start, count).is_ok()
        {
            return Ok(());
        }
        crate::flash::writing::clear_by_writing(self, offset, length)
    }
}
