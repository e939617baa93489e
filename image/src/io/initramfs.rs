//! Builds the initramfs that takes Debian's kernel, whose disk drivers are modules, to its root file system.

use std::path::Path;

use super::debian::Packages;
use super::{files, rootfs};
use crate::cpio::Archive;
use crate::modules::Dependencies;
use crate::{Error, Manifest};

/// The applets that its init script runs.
const APPLETS: [&str; 6] = ["grep", "insmod", "mount", "sh", "sleep", "switch_root"];

pub(super) fn build(
    manifest: &Manifest,
    packages: &Packages,
    init: &Path,
) -> Result<Vec<u8>, Error> {
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
    let source = packages.kernel.modules();
    let modules_dep = files::read_text(&source.join("modules.dep"))?;
    let built_in = files::read_text(&source.join("modules.builtin"))?;
    let dependencies = Dependencies::parse(&modules_dep, &built_in);
    // Numbered, so that the shell's sorted pattern loads them in order.
    for (number, path) in dependencies.load_order(&manifest.modules.initramfs)?.iter().enumerate() {
        archive.program(&format!("modules/{number:03}.ko"), &rootfs::module(&source.join(path))?);
    }
    Ok(archive.finish())
}
