//! Builds the initramfs that takes a kernel whose disk drivers are modules, such as Debian's, to its root file system.

use std::path::Path;

use super::debian::Packages;
use super::{files, rootfs};
use crate::cpio::Archive;
use crate::modules::Dependencies;
use crate::{Error, Manifest};

/// The applets that its init script runs.
const APPLETS: [&str; 6] = ["grep", "insmod", "mount", "sh", "sleep", "switch_root"];

/// Builds it, unless the kernel has everything built in.
pub(super) fn build(
    manifest: &Manifest,
    packages: &Packages,
    init: &Path,
) -> Result<Option<Vec<u8>>, Error> {
    let source = packages.kernel.modules();
    let modules_dep = files::read_text(&source.join("modules.dep"))?;
    let built_in = files::read_text(&source.join("modules.builtin"))?;
    let dependencies = Dependencies::parse(&modules_dep, &built_in);
    let modules = dependencies.load_order(&manifest.modules.initramfs)?;
    if modules.is_empty() {
        return Ok(None);
    }

    let mut archive = Archive::default();
    for directory in ["bin", "dev", "modules", "proc", "root", "sys"] {
        archive.directory(directory);
    }
    archive.character_device("dev/console", 5, 1);
    archive.program("init", &files::read(init)?);
    archive.program("bin/busybox", &packages.busybox);
    for applet in APPLETS {
        archive.symlink(&format!("bin/{applet}"), "busybox");
    }
    // Numbered, so that the shell's sorted pattern loads them in order.
    for (number, path) in modules.iter().enumerate() {
        archive.program(&format!("modules/{number:03}.ko"), &rootfs::module(&source.join(path))?);
    }
    Ok(Some(archive.finish()))
}
