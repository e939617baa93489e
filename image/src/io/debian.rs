//! Gathers an image's parts from a Debian host: its kernel packages, its busybox, and what was built here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Parts, RootSource, files, initramfs, kernel, rootfs};
use crate::{Error, Manifest};

/// Where the parts that are not Debian's lie.
#[derive(Debug, Clone)]
pub struct Sources {
    /// Files laid over the base system.
    pub overlay: PathBuf,
    /// The initramfs's init script.
    pub initramfs_init: PathBuf,
    /// The built programs, under their names in the manifest.
    pub programs: BTreeMap<String, PathBuf>,
    /// Where unpacked kernels are kept.
    pub kernels: PathBuf,
}

/// Gathers the parts of an image in `work_dir`. The kernel is downloaded when it is not there yet.
///
/// # Errors
/// [`Error::NoKernelPackage`], [`Error::NoStaticBusybox`] and [`Error::NoSuchProgram`] say what to bring; what the tools and the file system report.
pub fn gather(manifest: &Manifest, sources: &Sources, work_dir: &Path) -> Result<Parts, Error> {
    files::create_dir(work_dir)?;
    let package = kernel::get(&manifest.kernel, &sources.kernels)?;

    let tree = work_dir.join("root");
    rootfs::assemble(manifest, &package, &sources.overlay, &sources.programs, &tree)?;

    let initramfs = work_dir.join("initramfs.cpio");
    files::write(&initramfs, &initramfs::build(manifest, &package, &sources.initramfs_init)?)?;

    Ok(Parts { kernel: package.vmlinux, initramfs: Some(initramfs), root: RootSource::Tree(tree) })
}
