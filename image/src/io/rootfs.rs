//! Assembles the root file system of an image around the kernel and Debian's busybox.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::debian::{Packages, Sources};
use super::kernel::{self, Package};
use super::{data, files, tool};
use crate::bzimage::Compression;
use crate::modules::Dependencies;
use crate::{Error, Manifest};

/// Directories that no file brings with it; all but `root` are mounted over.
const DIRECTORIES: [&str; 7] = ["data", "dev", "proc", "root", "run", "sys", "tmp"];

/// The kernel's own lists, which depmod needs beside the modules.
const MODULE_LISTS: [&str; 3] = ["modules.builtin", "modules.builtin.modinfo", "modules.order"];

/// What busybox's modprobe reads; depmod writes more, for kmod's.
const MODPROBE_READS: [&str; 4] =
    ["modules.alias", "modules.builtin", "modules.dep", "modules.symbols"];

pub(super) fn assemble(
    manifest: &Manifest,
    packages: &Packages,
    sources: &Sources,
    tree: &Path,
) -> Result<(), Error> {
    files::renew_dir(tree)?;
    files::set_mode(tree, 0o755)?;
    for directory in DIRECTORIES {
        create_dir(&tree.join(directory))?;
    }
    install_busybox(packages, tree)?;
    install(&packages.e2fsck, &tree.join("sbin/e2fsck"), 0o755)?;
    install(&[], &tree.join(data::TEMPLATE), 0o644)?;
    data::make(&tree.join(data::TEMPLATE))?;
    install_modules(manifest, &packages.kernel, tree)?;
    copy_tree(&sources.overlay, tree)?;
    for (name, path) in &manifest.programs {
        let program = sources
            .programs
            .get(name)
            .ok_or_else(|| Error::NoSuchProgram { name: name.clone() })?;
        install(&files::read(program)?, &inside(tree, path), 0o755)?;
    }
    Ok(())
}

/// Reads a kernel module, unpacked: squashfs packs better than each module can alone.
pub(super) fn module(path: &Path) -> Result<Vec<u8>, Error> {
    match path.extension().and_then(|it| it.to_str()) {
        Some("xz") => kernel::decompress(Compression::Xz, path),
        Some("zst") => kernel::decompress(Compression::Zstd, path),
        Some("gz") => kernel::decompress(Compression::Gzip, path),
        _ => files::read(path),
    }
}

fn install_busybox(packages: &Packages, tree: &Path) -> Result<(), Error> {
    let program = tree.join("bin/busybox");
    install(&packages.busybox, &program, 0o755)?;
    for applet in &packages.applets {
        let link = inside(tree, applet);
        if link == program {
            continue;
        }
        if let Some(directory) = link.parent() {
            create_dir(directory)?;
        }
        symlink("/bin/busybox", &link).map_err(files::fault(&link))?;
    }
    Ok(())
}

fn install_modules(manifest: &Manifest, package: &Package, tree: &Path) -> Result<(), Error> {
    let source = package.modules();
    let modules_dep = files::read_text(&source.join("modules.dep"))?;
    let built_in = files::read_text(&source.join("modules.builtin"))?;
    let wanted = [&manifest.modules.initramfs, &manifest.modules.load, &manifest.modules.carry]
        .map(Vec::as_slice)
        .concat();
    let dependencies = Dependencies::parse(&modules_dep, &built_in);
    let load: String =
        dependencies.loadable(&manifest.modules.load).iter().map(|it| format!("{it}\n")).collect();
    install(load.as_bytes(), &tree.join("etc/modules"), 0o644)?;
    let order = dependencies.load_order(&wanted)?;
    if order.is_empty() {
        return Ok(());
    }

    let destination = tree.join("lib/modules").join(&package.release);
    create_dir(&destination)?;
    for path in order {
        let unpacked = path.split_once(".ko").map_or(path, |(stem, _)| stem).to_owned() + ".ko";
        install(&module(&source.join(path))?, &destination.join(unpacked), 0o644)?;
    }
    for list in MODULE_LISTS {
        let from = source.join(list);
        if files::exists(&from) {
            install(&files::read(&from)?, &destination.join(list), 0o644)?;
        }
    }
    tool::run(tool::command("depmod").arg("--basedir").arg(tree).arg(&package.release))?;
    for list in files::list(&destination)? {
        if list.is_file() && !MODPROBE_READS.iter().any(|it| list.ends_with(it)) {
            files::remove(&list)?;
        }
    }
    Ok(())
}

/// Copies the overlay; only whether its owner may run a file is taken from its permissions, the rest is the checkout's umask.
fn copy_tree(from: &Path, to: &Path) -> Result<(), Error> {
    create_dir(to)?;
    for path in files::list(from)? {
        let Some(name) = path.file_name() else { continue };
        let copy = to.join(name);
        let metadata = fs::symlink_metadata(&path).map_err(files::fault(&path))?;
        if metadata.is_dir() {
            copy_tree(&path, &copy)?;
        } else if metadata.is_symlink() {
            let target = fs::read_link(&path).map_err(files::fault(&path))?;
            symlink(target, &copy).map_err(files::fault(&copy))?;
        } else {
            let runs = metadata.permissions().mode() & 0o100 != 0;
            install(&files::read(&path)?, &copy, if runs { 0o755 } else { 0o644 })?;
        }
    }
    Ok(())
}

/// Writes a file in place of any applet's link of its name.
fn install(content: &[u8], path: &Path, mode: u32) -> Result<(), Error> {
    if let Some(directory) = path.parent() {
        create_dir(directory)?;
    }
    if fs::symlink_metadata(path).is_ok() {
        files::remove(path)?;
    }
    files::write_new(path, content, mode)
}

fn create_dir(path: &Path) -> Result<(), Error> {
    if !files::exists(path) {
        if let Some(parent) = path.parent() {
            create_dir(parent)?;
        }
        files::create_dir(path)?;
        files::set_mode(path, 0o755)?;
    }
    Ok(())
}

pub(super) fn inside(tree: &Path, path: &str) -> PathBuf {
    tree.join(path.trim_start_matches('/'))
}
