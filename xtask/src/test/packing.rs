//! What the packer has to be: the same image from the same parts, whoever gathered them.

use std::fs;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use image::Architecture;
use image::io::{Contents, Packed};

use crate::binaries::{self, Profile};
use crate::image::Kernel;
use crate::{image as images, tools, workspace};

/// Gathers and packs once more beside an image, and takes its parts as Buildroot would leave them.
pub(super) fn check() -> Result<()> {
    let manifest = images::manifest(Architecture::X86_64, Kernel::Debian)?;
    let first = images::directory(manifest.architecture, Kernel::Debian);
    let first = image::io::packed(&manifest, &first).context("no image was built")?;

    let directory = workspace::target("image-again").join(manifest.architecture.name());
    let parts = images::parts(&manifest, Profile::Release, &directory)?;
    let again = images::pack(&manifest, &parts, &directory)?;
    ensure!(
        first.contents == again.contents,
        "packing again gave something else: {:?}, and before {:?}",
        again.contents.files,
        first.contents.files
    );

    let folder = directory.join("buildroot");
    fs::create_dir_all(&folder)?;
    fs::copy(&parts.efi_kernel, folder.join("bzImage"))?;
    fs::copy(&parts.chooser, folder.join("efibootguardx64.efi"))?;
    fs::copy(directory.join("root.squashfs"), folder.join("rootfs.squashfs"))?;
    check_buildroot(&first, &folder)
}

fn check_buildroot(image: &Packed, folder: &std::path::Path) -> Result<()> {
    let program = binaries::mesh_image()?;
    let output = tools::command(&program.to_string_lossy())
        .args(["pack", "--json", "--manifest"])
        .arg(workspace::root().join("image/x86_64.toml"))
        .arg("--buildroot")
        .arg(folder)
        .arg("--out")
        .arg(folder.join("mesh-node"))
        .stdout(Stdio::piped())
        .output()
        .context("mesh-image cannot be started")?;
    ensure!(output.status.success(), "mesh-image failed ({})", output.status);
    let packed: Contents = serde_json::from_slice(&output.stdout)?;
    let root = |contents: &Contents| {
        contents.files.iter().find(|it| it.name == "root.squashfs").map(|it| it.sha256)
    };
    ensure!(root(&packed) == root(&image.contents), "mesh-image packed another root file system");
    Ok(())
}
