//! Gathers the parts of an image, packs them, and writes a machine's disk.
#![expect(
    clippy::disallowed_methods,
    reason = "files and the host's packing tools are reached from here"
)]

pub mod block_device;
mod debian;
mod disk;
mod files;
mod initramfs;
mod kernel;
mod rootfs;
mod squashfs;
mod tool;

use std::path::{Path, PathBuf};

pub use debian::{Sources, gather};

use crate::{Error, Layout, Manifest, Provision, Size};

/// What an image is packed from, wherever it was gathered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The kernel, in the form the machine boots it.
    pub kernel: PathBuf,
    /// The initramfs, for a kernel that does not reach its root file system by itself.
    pub initramfs: Option<PathBuf>,
    /// The root file system.
    pub root: RootSource,
}

/// A root file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootSource {
    /// A directory tree; its owner becomes root.
    Tree(PathBuf),
    /// A squashfs, taken as it is.
    Squashfs(PathBuf),
}

/// A packed image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// The kernel.
    pub kernel: PathBuf,
    /// The initramfs, if the kernel needs one.
    pub initramfs: Option<PathBuf>,
    /// A disk with everything on it but a data file system.
    pub disk: PathBuf,
    /// Where the partitions lie on the disk.
    pub layout: Layout,
    /// What went in and how large each is.
    pub contents: Vec<(String, Size)>,
}

/// Whether this host has a busybox that an image can use.
pub fn has_static_busybox() -> bool {
    rootfs::busybox().is_ok()
}

/// Packs parts into a kernel, an initramfs and a disk in `out_dir`.
///
/// # Errors
/// [`Error::RootTooLarge`] when the root file system outgrew its partition; what the packing tools and the file system report.
pub fn pack(manifest: &Manifest, parts: &Parts, out_dir: &Path) -> Result<Packed, Error> {
    let layout = manifest.layout()?;
    files::create_dir(out_dir)?;
    let root = out_dir.join("root.squashfs");
    let mut contents = Vec::new();
    match &parts.root {
        RootSource::Tree(tree) => {
            contents.extend(rootfs::contents(manifest, tree)?);
            squashfs::pack(&manifest.root, tree, &root)?;
        }
        RootSource::Squashfs(packed) => files::copy(packed, &root)?,
    }
    contents.push(("root.squashfs".to_owned(), files::size(&root)?));

    let kernel = out_dir.join("kernel");
    // The same kernel keeps its time, by which the lab remembers what it has found out about it.
    if !files::are_equal(&parts.kernel, &kernel) {
        files::copy(&parts.kernel, &kernel)?;
    }
    contents.push(("kernel".to_owned(), files::size(&kernel)?));

    let initramfs = parts.initramfs.as_ref().map(|source| (source, out_dir.join("initramfs.cpio")));
    if let Some((source, copy)) = &initramfs {
        files::copy(source, copy)?;
        contents.push(("initramfs.cpio".to_owned(), files::size(copy)?));
    }

    let disk = out_dir.join("disk.img");
    disk::write_template(&layout, &root, &disk)?;
    contents.push(("disk.img".to_owned(), files::size(&disk)?));
    Ok(Packed { kernel, initramfs: initramfs.map(|(_, copy)| copy), disk, layout, contents })
}

/// Writes the disk of one machine to the file `disk`: the packed image, and a data file system with the machine's own files.
///
/// # Errors
/// What the packing tools and the file system report.
pub fn provision_disk(packed: &Packed, provision: &Provision, disk: &Path) -> Result<(), Error> {
    files::copy_sparse(&packed.disk, disk)?;
    match packed.layout.data() {
        Some(data) => disk::write_data(data, &provision.entries(), disk),
        None => Err(crate::layout::Fault::Missing("data").into()),
    }
}
