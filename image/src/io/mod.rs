//! Gathers the parts of an image, packs them, and writes a machine's disk.
#![expect(
    clippy::disallowed_methods,
    reason = "files and the host's packing tools are reached from here"
)]

mod apt;
pub mod block_device;
mod debian;
mod disk;
mod files;
pub mod flash;
mod initramfs;
mod kernel;
pub mod power_cut;
mod rootfs;
pub mod slots;
mod squashfs;
mod tool;
mod volumes;

use std::path::{Path, PathBuf};

pub use debian::{Sources, gather};

use disk::Filling;

use crate::{Architecture, Error, Layout, Manifest, Provision, Size};

/// What an image is packed from, wherever it was gathered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The kernel as QEMU starts it quickest, without firmware.
    pub kernel: PathBuf,
    /// The kernel as UEFI firmware starts it.
    pub efi_kernel: PathBuf,
    /// The initramfs, for a kernel that does not reach its root file system by itself.
    pub initramfs: Option<PathBuf>,
    /// The slot chooser, which the firmware starts.
    pub chooser: PathBuf,
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
    /// The machines it runs on.
    pub architecture: Architecture,
    /// The kernel, for machines that are booted without firmware.
    pub kernel: PathBuf,
    /// The initramfs, if the kernel needs one.
    pub initramfs: Option<PathBuf>,
    /// The kernel's command line in the first slot.
    pub command_line: String,
    /// A disk with everything on it, ready to be flashed.
    pub disk: PathBuf,
    /// Where the partitions lie on the disk.
    pub layout: Layout,
    /// What went in and how large each is.
    pub contents: Vec<(String, Size)>,
}

/// Reads a manifest, and the one beside it that it holds the differences from.
///
/// # Errors
/// As [`Manifest::parse`], or [`Error::File`].
pub fn read_manifest(path: &Path) -> Result<Manifest, Error> {
    let text = files::read_text(path)?;
    match Manifest::base(&text)? {
        Some(base) => Manifest::parse_over(&files::read_text(&path.with_file_name(base))?, &text),
        None => Manifest::parse(&text),
    }
}

/// Packs parts into a kernel, an initramfs and a disk in `out_dir`.
///
/// # Errors
/// [`Error::TooLarge`] and [`Error::Volume`] when something outgrew its partition; what the packing tools and the file system report.
pub fn pack(manifest: &Manifest, parts: &Parts, out_dir: &Path) -> Result<Packed, Error> {
    let layout = manifest.layout()?;
    files::create_dir(out_dir)?;
    let mut contents = Vec::new();
    let root = pack_root(manifest, parts, out_dir, &mut contents)?;

    let kernel = out_dir.join("kernel");
    // The same kernel keeps its time, by which the lab remembers what it has found out about it.
    if !files::are_equal(&parts.kernel, &kernel) {
        files::copy(&parts.kernel, &kernel)?;
    }
    let initramfs = parts.initramfs.as_ref().map(|source| (source, out_dir.join("initramfs.cpio")));
    if let Some((source, copy)) = &initramfs {
        files::copy(source, copy)?;
    }

    let volumes = volumes::make(manifest, &layout, parts, &mut contents)?;
    let disk = out_dir.join("disk.img");
    let fillings = [
        ("esp", Filling::Bytes(&volumes.esp)),
        ("boot-a", Filling::Bytes(&volumes.boot_a)),
        ("boot-b", Filling::Bytes(&volumes.boot_b)),
        ("root-a", Filling::File(&root)),
    ];
    disk::write_template(&layout, &fillings, &disk)?;
    contents.push(("disk.img".to_owned(), files::size(&disk)?));
    Ok(Packed {
        architecture: manifest.architecture,
        kernel,
        initramfs: initramfs.map(|(_, copy)| copy),
        command_line: volumes.command_line,
        disk,
        layout,
        contents,
    })
}

fn pack_root(
    manifest: &Manifest,
    parts: &Parts,
    out_dir: &Path,
    contents: &mut Vec<(String, Size)>,
) -> Result<PathBuf, Error> {
    let root = out_dir.join("root.squashfs");
    match &parts.root {
        RootSource::Tree(tree) => {
            contents.extend(rootfs::contents(manifest, tree)?);
            squashfs::pack(&manifest.root, tree, &root)?;
        }
        RootSource::Squashfs(packed) => files::copy(packed, &root)?,
    }
    contents.push(("root.squashfs".to_owned(), files::size(&root)?));
    Ok(root)
}

/// Writes the disk of one machine to the file `disk`: the packed image, and a data file system with the machine's own files.
///
/// # Errors
/// What the packing tools and the file system report.
pub fn provision_disk(packed: &Packed, provision: &Provision, disk: &Path) -> Result<(), Error> {
    files::copy_sparse(&packed.disk, disk)?;
    disk::write_data(packed.layout.get("data")?, &provision.entries(), disk)
}
