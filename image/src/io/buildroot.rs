//! Takes an image's parts out of the folder that Buildroot leaves its images in.

use std::path::{Path, PathBuf};

use super::{Parts, RootSource, files, tool};
use crate::{Architecture, Error, Manifest};

const SQUASHFS: &str = "rootfs.squashfs";
const ARCHIVE: &str = "rootfs.tar";

/// Finds the parts in Buildroot's `images` folder: the kernel, the slot chooser, and the root file system as a squashfs or, in want of
/// one, as an archive, which is unpacked in `work_dir`.
///
/// # Errors
/// [`Error::Buildroot`] names what is missing; what the tools and the file system report.
pub fn parts(manifest: &Manifest, images: &Path, work_dir: &Path) -> Result<Parts, Error> {
    let (kernel, chooser) = match manifest.architecture {
        Architecture::X86_64 => ("bzImage", "efibootguardx64.efi"),
        Architecture::Aarch64 => ("Image", "efibootguardaa64.efi"),
        Architecture::Armv7 => ("zImage", "efibootguardarm.efi"),
    };
    let kernel = file(images, kernel)?;
    let root = match (file(images, SQUASHFS), file(images, ARCHIVE)) {
        (Ok(squashfs), _) => RootSource::Squashfs(squashfs),
        (Err(_), Ok(archive)) => RootSource::Tree(unpack(&archive, &work_dir.join("root"))?),
        (Err(_), Err(error)) => return Err(error),
    };
    Ok(Parts {
        efi_kernel: kernel.clone(),
        kernel,
        // Buildroot's kernel has built in what reaches the root file system.
        initramfs: None,
        chooser: file(images, chooser)?,
        root,
    })
}

fn file(images: &Path, name: &str) -> Result<PathBuf, Error> {
    let path = images.join(name);
    if files::exists(&path) {
        Ok(path)
    } else {
        Err(Error::Buildroot { images: images.to_owned(), missing: name.to_owned() })
    }
}

/// Unpacks what needs no privilege: devices are the kernel's to make.
fn unpack(archive: &Path, tree: &Path) -> Result<PathBuf, Error> {
    files::renew_dir(tree)?;
    tool::run(
        tool::command("tar")
            .args(["--extract", "--no-same-owner", "--preserve-permissions", "--exclude=./dev/*"])
            .arg("--directory")
            .args([tree, Path::new("--file"), archive]),
    )?;
    Ok(tree.to_owned())
}
