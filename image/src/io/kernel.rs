//! The kernel: Debian's, downloaded by name and unpacked beside everything else, never installed; or one of our own, laid out alike.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::apt::Apt;
use super::debian::Sources;
use super::{files, tool};
use crate::bzimage::{self, Compression};
use crate::manifest::{Kernel, KernelSource};
use crate::{Architecture, Error, Manifest};

/// An unpacked kernel package.
#[derive(Debug)]
pub(super) struct Package {
    /// Where its root is.
    pub(super) root: PathBuf,
    /// The kernel's release, as `uname -r` will tell it.
    pub(super) release: String,
    /// The kernel as UEFI firmware starts it.
    pub(super) efi: PathBuf,
    /// The kernel as QEMU starts it quickest.
    pub(super) direct: PathBuf,
}

impl Package {
    /// Where its modules are.
    pub(super) fn modules(&self) -> PathBuf {
        self.root.join("lib/modules").join(&self.release)
    }
}

/// Gets the kernel that the manifest asks for, from the cache if it is there.
pub(super) fn get(manifest: &Manifest, apt: &Apt, sources: &Sources) -> Result<Package, Error> {
    let Kernel { source, series, packages } = &manifest.kernel;
    let (name, root) = match source {
        KernelSource::Debian => {
            let name = find(packages, series, apt)?;
            let root = sources.cache.join(format!("{name}_{}", manifest.architecture.debian()));
            (Some(name), root)
        }
        KernelSource::Own => (None, sources.own_kernel.clone().ok_or(Error::NoOwnKernel)?),
    };
    let complete = root.join("complete");
    if !files::exists(&complete) {
        if let Some(name) = name {
            apt.unpack(&name, &root)?;
        }
        list_modules(&root)?;
        if manifest.architecture == Architecture::X86_64 {
            unpack_vmlinux(&root)?;
        }
        files::write(&complete, b"")?;
    }
    let release = release(&root)?;
    let efi = files::find(&root.join("boot"), "vmlinuz-")?;
    let unpacked = root.join("vmlinux");
    let direct = if files::exists(&unpacked) { unpacked } else { efi.clone() };
    Ok(Package { root, release, efi, direct })
}

fn find(packages: &[String], series: &str, apt: &Apt) -> Result<String, Error> {
    for package in packages {
        if let Some(shown) = apt.show(package)?
            && let Some(kernel) = dependency(&shown, series)
        {
            return Ok(kernel.to_owned());
        }
    }
    Err(Error::NoKernelPackage { packages: packages.to_vec(), series: series.to_owned() })
}

/// The kernel of this series that a package depends on, in what apt shows of the package.
fn dependency<'a>(shown: &'a str, series: &str) -> Option<&'a str> {
    let prefix = format!("linux-image-{series}.");
    shown
        .lines()
        .filter_map(|it| it.strip_prefix("Depends:"))
        .flat_map(|it| it.split([',', ' ']))
        .find(|it| it.starts_with(&prefix))
}

/// Writes the lists that installing the package would have written.
fn list_modules(root: &Path) -> Result<(), Error> {
    if !files::exists(&root.join("lib")) {
        std::os::unix::fs::symlink("usr/lib", root.join("lib")).map_err(files::fault(root))?;
    }
    tool::run(tool::command("depmod").arg("--basedir").arg(root).arg(release(root)?)).map(drop)
}

fn release(root: &Path) -> Result<String, Error> {
    let modules = files::list(&root.join("lib/modules"))?;
    modules
        .first()
        .and_then(|it| it.file_name())
        .map(|it| it.to_string_lossy().into_owned())
        .ok_or_else(|| Error::KernelPackage { path: root.to_owned(), what: "modules".to_owned() })
}

fn unpack_vmlinux(root: &Path) -> Result<(), Error> {
    let image = files::read(&files::find(&root.join("boot"), "vmlinuz-")?)?;
    let payload = bzimage::payload(&image)?;
    let compressed = root.join("vmlinux.compressed");
    files::write(&compressed, payload.bytes)?;
    let unpacked = decompress(payload.compression, &compressed)?;
    files::remove(&compressed)?;
    if unpacked.len() != payload.unpacked as usize {
        return Err(bzimage::Fault::Truncated.into());
    }
    files::write(&root.join("vmlinux"), &unpacked)
}

/// Unpacks a compressed file.
pub(super) fn decompress(compression: Compression, file: &Path) -> Result<Vec<u8>, Error> {
    let tool = match compression {
        Compression::Gzip => "gzip",
        Compression::Xz => "xz",
        Compression::Zstd => "zstd",
    };
    let input = File::open(file).map_err(files::fault(file))?;
    tool::run(tool::command(tool).args(["-d", "-c"]).stdin(input))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_of_the_wanted_series_is_taken_from_the_dependencies() {
        let shown =
            |depends: &str| format!("Package: linux-image-amd64\nDepends: {depends}\nSize: 1\n");
        let cases = [
            ("linux-image-6.12.117+deb12-amd64", Some("linux-image-6.12.117+deb12-amd64")),
            (
                "linux-image-6.12.48+deb13-amd64 (= 6.12.48-1)",
                Some("linux-image-6.12.48+deb13-amd64"),
            ),
            ("kmod, linux-image-6.12.1-amd64", Some("linux-image-6.12.1-amd64")),
            (
                "linux-image-6.1.0-47-amd64\n\nDepends: linux-image-6.12.9-amd64",
                Some("linux-image-6.12.9-amd64"),
            ),
            ("linux-image-6.1.0-47-amd64", None),
            ("", None),
        ];

        for (depends, expected) in cases {
            assert_eq!(dependency(&shown(depends), "6.12"), expected, "{depends}");
        }
    }
}
