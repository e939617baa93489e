//! Gathers an image's parts on a Debian host: Debian's packages for the image's architecture, and what was built here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::apt::Apt;
use super::kernel::{self, Package};
use super::{Parts, RootSource, files, initramfs, rootfs, tool};
use crate::manifest::Boot;
use crate::{Architecture, Error, Manifest};

const BOOT_GUARD: &str = "efibootguard";
const BUSYBOX: &str = "busybox-static";
const BUSYBOX_PROGRAMS: [&str; 2] = ["usr/bin/busybox", "bin/busybox"];
const E2FSCK: &str = "e2fsck-static";
const E2FSCK_PROGRAMS: [&str; 2] = ["usr/sbin/e2fsck.static", "sbin/e2fsck.static"];

/// Where the parts that are not Debian's lie.
#[derive(Debug, Clone)]
pub struct Sources {
    /// Files laid over the base system.
    pub overlay: PathBuf,
    /// The initramfs's init script.
    pub initramfs_init: PathBuf,
    /// The built programs, under their names in the manifest.
    pub programs: BTreeMap<String, PathBuf>,
    /// The kernel that was compiled for this image, laid out as Debian's packages are, where the manifest wants one.
    pub own_kernel: Option<PathBuf>,
    /// Where unpacked packages are kept, and what apt needs to get them.
    pub cache: PathBuf,
}

/// What is taken from Debian's packages.
#[derive(Debug)]
pub(super) struct Packages {
    /// The kernel.
    pub(super) kernel: Package,
    /// The base system's program.
    pub(super) busybox: Vec<u8>,
    /// The names that the base system's program goes by.
    pub(super) applets: Vec<String>,
    /// The checker of the data file system.
    pub(super) e2fsck: Vec<u8>,
}

/// Gathers the parts of an image in `work_dir`. Packages are downloaded when they are not there yet.
///
/// # Errors
/// [`Error::NoKernelPackage`], [`Error::NoPackage`] and [`Error::NoSuchProgram`] say what to bring; what the tools and the file system report.
pub fn gather(manifest: &Manifest, sources: &Sources, work_dir: &Path) -> Result<Parts, Error> {
    files::create_dir(work_dir)?;
    let apt = Apt::open(&sources.cache.join("apt"), manifest.architecture)?;
    let packages = packages(manifest, &apt, sources)?;

    let tree = work_dir.join("root");
    rootfs::assemble(manifest, &packages, sources, &tree)?;

    let archive = initramfs::build(manifest, &packages, &sources.initramfs_init)?;
    let initramfs = archive.is_some().then(|| work_dir.join("initramfs.cpio"));
    if let (Some(path), Some(archive)) = (&initramfs, archive) {
        files::write(path, &archive)?;
    }

    Ok(Parts {
        kernel: packages.kernel.direct,
        efi_kernel: packages.kernel.efi,
        initramfs,
        chooser: chooser(manifest, &apt, &sources.cache)?,
        root: RootSource::Tree(tree),
    })
}

fn packages(manifest: &Manifest, apt: &Apt, sources: &Sources) -> Result<Packages, Error> {
    let cache = &sources.cache;
    let (busybox, applets) = busybox(apt, cache)?;
    Ok(Packages {
        kernel: kernel::get(manifest, apt, sources)?,
        busybox,
        applets,
        e2fsck: files::read(&program(&apt.cached(E2FSCK, cache)?, E2FSCK_PROGRAMS)?)?,
    })
}

/// Gets the base system's program, and the names that it goes by.
pub(super) fn busybox(apt: &Apt, cache: &Path) -> Result<(Vec<u8>, Vec<String>), Error> {
    let native = Architecture::of_host().ok_or(Error::HostArchitecture)?;
    let native = Apt::open(&cache.join("apt"), native)?;
    let busybox = |apt: &Apt| program(&apt.cached(BUSYBOX, cache)?, BUSYBOX_PROGRAMS);
    // Debian configures it alike for every architecture, and only the host's own can be asked.
    let list = tool::command(&busybox(&native)?.to_string_lossy());
    let list = tool::run({ list }.arg("--list-full"))?;
    let applets = String::from_utf8_lossy(&list).lines().map(str::to_owned).collect();
    Ok((files::read(&busybox(apt)?)?, applets))
}

/// Finds a program of an unpacked package: Debian moves them from `/` to `/usr`.
fn program<const N: usize>(package: &Path, paths: [&str; N]) -> Result<PathBuf, Error> {
    let found = paths.iter().map(|it| package.join(it)).find(|it| files::exists(it));
    found.ok_or_else(|| Error::KernelPackage { path: package.to_owned(), what: paths.join(" or ") })
}

fn chooser(manifest: &Manifest, apt: &Apt, cache: &Path) -> Result<PathBuf, Error> {
    let Boot::EfiBootGuard { version, .. } = &manifest.boot;
    let version = apt.version_of(BOOT_GUARD, version)?;
    let root = apt.cached(&format!("{BOOT_GUARD}={version}"), cache)?;
    for directory in files::list(&root.join("usr/lib"))? {
        let directory = directory.join(BOOT_GUARD);
        if files::exists(&directory) {
            return files::find(&directory, BOOT_GUARD);
        }
    }
    Err(Error::KernelPackage { path: root, what: BOOT_GUARD.to_owned() })
}
