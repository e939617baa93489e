//! A kernel of Debian's and an initramfs that holds all a test of it needs: for kernels that no image has.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::apt::Apt;
use super::{Sources, debian, files, kernel, rootfs};
use crate::cpio::Archive;
use crate::modules::{self, Dependencies};
use crate::{Error, Manifest};

/// What of a package is laid in: programs and what they are linked with.
const LAID_IN: [&str; 8] =
    ["bin", "sbin", "lib", "lib64", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64"];

/// Directories of the C library that only other programs want.
const LEFT_OUT: [&str; 2] = ["gconv", "audit"];

/// What a rig is made of, beside its kernel.
#[derive(Debug)]
pub struct Contents<'a> {
    /// Debian packages whose programs and libraries are laid in.
    pub packages: &'a [&'a str],
    /// Kernel modules, which the init script finds below `/modules` in the order in which they are loaded.
    pub modules: &'a [String],
    /// Modules that take the place of the kernel's own, by name.
    pub replaced: &'a [(&'a str, &'a Path)],
    /// The init script, for busybox's shell.
    pub init: &'a Path,
    /// Programs of ours, each with its path in the machine; the init script runs `test`.
    pub programs: &'a [(&'a str, &'a Path)],
}

/// What a machine is booted from directly.
#[derive(Debug, Clone)]
pub struct Rig {
    /// The kernel.
    pub kernel: PathBuf,
    /// Its initramfs.
    pub initramfs: PathBuf,
    /// The kernel's release.
    pub release: String,
}

/// Gets the kernel that a manifest asks for and tells its release.
///
/// # Errors
/// As [`super::gather`].
pub fn release(manifest: &Manifest, sources: &Sources) -> Result<String, Error> {
    let apt = Apt::open(&sources.cache.join("apt"), manifest.architecture)?;
    Ok(kernel::get(manifest, &apt, sources)?.release)
}

/// Builds a rig with the kernel that a manifest asks for.
///
/// # Errors
/// As [`super::gather`].
pub fn build(
    manifest: &Manifest,
    sources: &Sources,
    contents: &Contents<'_>,
    directory: &Path,
) -> Result<Rig, Error> {
    files::create_dir(directory)?;
    let apt = Apt::open(&sources.cache.join("apt"), manifest.architecture)?;
    let package = kernel::get(manifest, &apt, sources)?;
    let (busybox, applets) = debian::busybox(&apt, &sources.cache)?;
    let mut archive = Archive::default();
    for path in ["dev", "modules", "proc", "sys", "tmp", "busybox"] {
        archive.directory(path);
    }
    archive.character_device("dev/console", 5, 1);
    archive.program("init", &files::read(contents.init)?);
    archive.program("busybox/busybox", &busybox);
    let names: BTreeSet<_> = applets.iter().filter_map(|it| it.rsplit('/').next()).collect();
    for name in names.into_iter().filter(|name| *name != "busybox") {
        archive.symlink(&format!("busybox/{name}"), "busybox");
    }
    let built = package.modules();
    let listed = files::read_text(&built.join("modules.dep"))?;
    let built_in = files::read_text(&built.join("modules.builtin"))?;
    let order = Dependencies::parse(&listed, &built_in).load_order(contents.modules)?;
    for (number, path) in order.iter().enumerate() {
        let ours =
            contents.replaced.iter().find(|(of, _)| modules::name(of) == modules::name(path));
        let module = match ours {
            Some((_, file)) => files::read(file)?,
            None => rootfs::module(&built.join(path))?,
        };
        archive.program(&format!("modules/{number:03}.ko"), &module);
    }
    let mut made = BTreeSet::new();
    for name in contents.packages {
        let root = apt.cached(name, &sources.cache)?;
        for part in LAID_IN {
            lay_in(&mut archive, &mut made, &root, Path::new(part))?;
        }
    }
    for (path, program) in contents.programs {
        archive.program(path, &files::read(program)?);
    }
    let initramfs = directory.join("initramfs.cpio");
    files::write(&initramfs, &archive.finish())?;
    Ok(Rig { kernel: package.direct, initramfs, release: package.release })
}

/// Lays a directory of an unpacked package in under the same path, if it is there.
fn lay_in(
    archive: &mut Archive,
    made: &mut BTreeSet<PathBuf>,
    root: &Path,
    path: &Path,
) -> Result<(), Error> {
    let from = root.join(path);
    let Ok(about) = from.symlink_metadata() else { return Ok(()) };
    let named = path.to_string_lossy();
    if about.is_symlink() {
        let target = from.read_link().map_err(files::fault(&from))?;
        archive.symlink(&named, &target.to_string_lossy());
        return Ok(());
    }
    if about.is_file() {
        archive.program(&named, &files::read(&from)?);
        return Ok(());
    }
    for above in path.ancestors().collect::<Vec<_>>().into_iter().rev() {
        if !above.as_os_str().is_empty() && made.insert(above.to_owned()) {
            archive.directory(&above.to_string_lossy());
        }
    }
    for entry in files::list(&from)? {
        let Some(name) = entry.file_name() else { continue };
        if LEFT_OUT.iter().all(|it| name != *it) {
            lay_in(archive, made, root, &path.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_is_laid_in_with_its_links_and_without_what_nobody_wants() {
        let root = tempfile::tempdir().unwrap();
        let library = root.path().join("usr/lib/x");
        std::fs::create_dir_all(library.join("gconv")).unwrap();
        std::fs::write(library.join("libone.so.1.2"), b"one").unwrap();
        std::fs::write(library.join("gconv/two.so"), b"two").unwrap();
        std::os::unix::fs::symlink("libone.so.1.2", library.join("libone.so.1")).unwrap();
        let mut archive = Archive::default();

        lay_in(&mut archive, &mut BTreeSet::new(), root.path(), Path::new("usr/lib")).unwrap();

        let bytes = archive.finish();
        let text = String::from_utf8_lossy(&bytes);
        let at = |part: &str| text.find(part);
        assert!(at("usr/lib/x\0") < at("usr/lib/x/libone.so.1\0"), "directories come first");
        assert!(at("usr/lib/x/libone.so.1.2").is_some() && at("gconv").is_none());
    }
}
