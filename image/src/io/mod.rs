//! Gathers the parts of an image, packs them, and writes a machine's disk.
#![expect(
    clippy::disallowed_methods,
    reason = "files and the host's packing tools are reached from here"
)]

mod apt;
pub mod block_device;
pub mod buildroot;
mod contents;
mod data;
mod debian;
mod disk;
mod files;
pub mod flash;
pub mod held;
mod initramfs;
mod kernel;
pub mod power_cut;
pub mod rig;
mod rootfs;
pub mod slots;
mod squashfs;
mod tool;
mod update_file;
mod volumes;

use std::path::{Path, PathBuf};

pub use contents::{Contents, Weight};
pub use debian::{Sources, gather};

use disk::Filling;
use semver::Version;
use volumes::Boots;

use crate::keep::{self, Manner, Seen};
use crate::manifest::Boot;
use crate::slot::Slot;
use crate::update::{Header, tail};
use crate::{Architecture, Error, Layout, Manifest, Provision};

/// The names of what is packed.
const KERNEL: &str = "kernel";
const INITRAMFS: &str = "initramfs.cpio";
const DISK: &str = "disk.img";
const CONTENTS: &str = "contents.json";

/// What all images have, an architecture's, a variant's: more differences than that nobody can follow, and a circle has no end.
const LAYERS: usize = 3;

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

/// What an image says of its age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its version.
    pub version: Version,
    /// When it was built, in seconds since 1970.
    pub built: u64,
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
    /// The kernel's command line in the first slot, for machines that are booted without firmware.
    pub command_line: String,
    /// A disk with everything on it, ready to be flashed.
    pub disk: PathBuf,
    /// The same as an update of a router that has another version.
    pub update: PathBuf,
    /// Where the partitions lie on the disk.
    pub layout: Layout,
    /// What went in and how large each is.
    pub contents: Contents,
}

/// Reads a manifest, and those beside it that it holds the differences from.
///
/// # Errors
/// As [`Manifest::parse`], [`Error::File`], or [`Error::Bases`].
pub fn read_manifest(path: &Path) -> Result<Manifest, Error> {
    let mut layers = vec![files::read_text(path)?];
    while let Some(base) = layers.last().map(|it| Manifest::base(it)).transpose()?.flatten() {
        if layers.len() == LAYERS {
            return Err(Error::Bases { path: path.to_owned(), most: LAYERS });
        }
        layers.push(files::read_text(&path.with_file_name(base))?);
    }
    match layers.as_slice() {
        [alone] => Manifest::parse(alone),
        _ => Manifest::parse_layers(layers.iter().rev().map(String::as_str)),
    }
}

/// Packs parts into a kernel, an initramfs, a disk, an update file and a list of all that in `out_dir`.
///
/// # Errors
/// [`Error::TooLarge`] and [`Error::Volume`] when something outgrew its partition; what the packing tools and the file system report.
pub fn pack(
    manifest: &Manifest,
    release: &Release,
    parts: &Parts,
    out_dir: &Path,
) -> Result<Packed, Error> {
    let layout = manifest.layout()?;
    files::create_dir(out_dir)?;
    let out = |name: &str| out_dir.join(name);
    let (kernel, disk, root_file) = (out(KERNEL), out(DISK), out("root.squashfs"));
    pack_root(manifest, parts, &root_file)?;
    // The same kernel keeps its time, by which the lab remembers what it has found out about it.
    if !files::are_equal(&parts.kernel, &kernel) {
        files::copy(&parts.kernel, &kernel)?;
    }
    match &parts.initramfs {
        Some(initramfs) => files::copy(initramfs, &out(INITRAMFS))?,
        None if files::exists(&out(INITRAMFS)) => files::remove(&out(INITRAMFS))?,
        None => {}
    }

    let (boots, root) = (Boots::read(parts)?, files::read(&root_file)?);
    let update = out(&update_name(manifest));
    let header = {
        let volume = volumes::unconfirmed(&layout, &boots)?;
        update_file::write(manifest, release, &boots.kernel(), &volume, &root, &update)?
    };
    write_disk(manifest, &layout, &boots, &root, &header, &disk)?;

    let made = [root_file.as_path(), &update, &disk];
    let contents = contents::weigh(manifest, release, parts, &boots, made)?;
    files::write(&out(CONTENTS), contents.json().as_bytes())?;
    packed(manifest, out_dir)
}

/// Finds what [`pack`] left in `out_dir`.
///
/// # Errors
/// When it left nothing there.
pub fn packed(manifest: &Manifest, out_dir: &Path) -> Result<Packed, Error> {
    let path = out_dir.join(CONTENTS);
    let contents = serde_json::from_str(&files::read_text(&path)?)
        .map_err(|source| Error::Contents { path, source })?;
    let Boot::EfiBootGuard { command_line, .. } = &manifest.boot;
    Ok(Packed {
        architecture: manifest.architecture,
        kernel: out_dir.join(KERNEL),
        initramfs: Some(out_dir.join(INITRAMFS)).filter(|it| files::exists(it)),
        command_line: Slot::A.fill(command_line),
        disk: out_dir.join(DISK),
        update: out_dir.join(update_name(manifest)),
        layout: manifest.layout()?,
        contents,
    })
}

fn update_name(manifest: &Manifest) -> String {
    format!("mesh-node-{}.update", manifest.architecture)
}

fn pack_root(manifest: &Manifest, parts: &Parts, root: &Path) -> Result<(), Error> {
    match &parts.root {
        RootSource::Tree(tree) => squashfs::pack(&manifest.root, tree, root),
        RootSource::Squashfs(packed) => files::copy(packed, root),
    }
}

fn write_disk(
    manifest: &Manifest,
    layout: &Layout,
    boots: &Boots,
    root: &[u8],
    header: &Header,
    disk: &Path,
) -> Result<(), Error> {
    let volumes = volumes::make(manifest, layout, boots, header.image())?;
    let staging = tempfile::NamedTempFile::new().map_err(files::fault(disk))?;
    data::make(staging.path())?;
    let data = files::read(staging.path())?;
    let partition = layout.get("root-a")?;
    let (tail_offset, tail) = tail::write(header, partition.size)
        .filter(|(offset, _)| root.len() as u64 <= *offset)
        .ok_or_else(|| Error::TooLarge {
            partition: partition.name.clone(),
            needed: root.len() as u64 + tail::space(header),
            available: partition.size,
        })?;
    let whole = |partition, bytes| Filling { partition, offset: 0, bytes };
    let fillings = [
        whole("esp", &volumes.esp),
        whole("boot-a", &volumes.boot_a),
        whole("boot-b", &volumes.boot_b),
        whole("root-a", root),
        Filling { partition: "root-a", offset: tail_offset, bytes: &tail },
        whole("data", &data),
    ];
    disk::write_template(layout, &fillings, disk)
}

/// Writes the disk of one machine to the file `disk`: the packed image, with the machine's own files in the keep, which its first boot takes
/// them from.
///
/// # Errors
/// What the file system reports, or [`Error::Keep`].
pub fn provision_disk(packed: &Packed, provision: &Provision, disk: &Path) -> Result<(), Error> {
    files::copy_sparse(&packed.disk, disk)?;
    for write in keep::plan(&Seen::parse(&[]), &provision.keep()?, Manner::Wipe)? {
        let keep::Write { offset, bytes } = &write;
        disk::overwrite(
            &packed.layout,
            &Filling { partition: "keep", offset: *offset, bytes },
            disk,
        )?;
    }
    Ok(())
}
