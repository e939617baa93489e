//! The image that is flashed: where it is, and whether it is one, and whole.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use gpt::partition_types::{self, Type};
use gpt::{GptConfig, GptDisk};

use super::Unable;
use crate::block::BlockDevice as _;
use crate::flash::{Patch, Provisioning, checksum};
use crate::io::block_device::{Access, FileDevice};
use crate::keep::{self, Manner, Seen};
use crate::layout::NEEDED;
use crate::update::Digest;
use crate::{Architecture, Size, block};

/// Where `./x image` puts its images, below the folder of each architecture.
const PACKED: &str = "target/image";
const IMAGE: &str = "disk.img";
const SECTOR: u64 = 512;

/// An image that can be flashed.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) path: PathBuf,
    pub(super) device: FileDevice,
    pub(super) architecture: Option<Architecture>,
    /// What it should be, and the file that says so.
    pub(super) expected: Option<(Digest, PathBuf)>,
    keep: (u64, u64),
}

impl Image {
    pub(super) fn open(path: &Path) -> Result<Self, Unable> {
        let fault = |source| Unable::Image { path: path.to_owned(), source };
        let device = FileDevice::open(path, Access::Read).map_err(fault)?;
        let no_image = |reason: String| Unable::NoImage { path: path.to_owned(), reason };
        let file = File::open(path).map_err(fault)?;
        let table = GptConfig::new()
            .writable(false)
            .open_from_device(file)
            .map_err(|error| no_image(format!("it has no partition table: {error}")))?;
        let partition = |name: &str| find(&table, name);
        if let Some((missing, _)) = NEEDED.iter().find(|(name, _)| partition(name).is_none()) {
            return Err(no_image(format!("it has no partition {missing}")));
        }
        let kind = partition("root-a").map(|it| &it.part_type_guid);
        let keep = partition("keep").map_or((0, 0), |it| {
            (it.first_lba * SECTOR, (it.last_lba + 1).saturating_sub(it.first_lba) * SECTOR)
        });
        let end = keep.0.checked_add(keep.1);
        if keep.1 < keep::LENGTH || end.is_none_or(|it| it > device.len()) {
            return Err(no_image("its partition keep is too small".to_owned()));
        }
        let architecture = kind.and_then(architecture);
        Ok(Self { path: path.to_owned(), device, architecture, expected: expected(path), keep })
    }

    pub(super) fn size(&self) -> Size {
        Size(self.device.len())
    }

    /// What the disk has in the image's place: the router's own files, in both copies of the keep, so that neither is
    /// lost to one bad sector. Both are written anew when the node wipes a secret.
    pub(super) fn patch(&self, provisioning: &Provisioning) -> Result<Patch, keep::Unfit> {
        let (offset, length) = self.keep;
        let length = usize::try_from(length).unwrap_or_default();
        let mut partition = block::Memory(vec![0; length]);
        let writes = keep::plan(&Seen::parse(&[]), &provisioning.keep()?, Manner::Wipe)?;
        // In memory, and of a size that was looked at.
        let _ = keep::apply(&mut partition, &writes);
        Ok(Patch { offset, bytes: partition.0 })
    }
}

/// Finds the image that was packed last, if there is one alone.
pub(super) fn packed() -> Result<PathBuf, Unable> {
    let path = |it: Architecture| Path::new(PACKED).join(it.name()).join(IMAGE);
    let mut found: Vec<_> =
        Architecture::ALL.into_iter().map(path).filter(|it| it.exists()).collect();
    match (found.pop(), found.is_empty()) {
        (Some(image), true) => Ok(image),
        (Some(image), false) => Err(Unable::SeveralImages([found, vec![image]].concat())),
        (None, _) => Err(Unable::NothingPacked),
    }
}

fn find<'a>(table: &'a GptDisk<File>, name: &str) -> Option<&'a gpt::partition::Partition> {
    table.partitions().values().find(|it| it.name == name)
}

fn architecture(kind: &Type) -> Option<Architecture> {
    let known = [
        (partition_types::LINUX_ROOT_X64, Architecture::X86_64),
        (partition_types::LINUX_ROOT_ARM_64, Architecture::Aarch64),
        (partition_types::LINUX_ROOT_ARM_32, Architecture::Armv7),
    ];
    known.into_iter().find(|(it, _)| it.guid == kind.guid).map(|(_, architecture)| architecture)
}

fn expected(image: &Path) -> Option<(Digest, PathBuf)> {
    let name = image.file_name()?.to_string_lossy();
    let sums = image.with_file_name(format!("{name}.sha256"));
    let contents = image.with_file_name("contents.json");
    let read = |path: &Path| fs::read_to_string(path).ok();
    let from_sums = read(&sums).and_then(|it| checksum::of_sums(&it, &name)).map(|it| (it, sums));
    from_sums.or_else(|| {
        let digest = checksum::of_contents(&read(&contents)?, &name)?;
        Some((digest, contents))
    })
}
