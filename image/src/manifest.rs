//! What an image holds, as one readable TOML file per image says it.

use std::collections::BTreeMap;

use serde::Deserialize;

pub use crate::architecture::Architecture;
use crate::layout::Layout;
use crate::{Error, Size};

/// What an image holds. Unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The machines it runs on.
    pub architecture: Architecture,
    /// The board it is for, such as `generic-x86_64`: an update for another is refused.
    pub board: String,
    /// How a machine gets from its firmware to the kernel.
    pub boot: Boot,
    /// Where its kernel comes from.
    pub kernel: Kernel,
    /// Which kernel modules it carries.
    pub modules: Modules,
    /// How its root file system is packed.
    pub root: Root,
    /// The disk's partitions, in the order they lie on it.
    #[serde(rename = "partition")]
    pub partitions: Vec<Partition>,
    /// Our programs: the name each is built under, and its path on the device.
    pub programs: BTreeMap<String, String>,
}

/// How a machine gets from its firmware to the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "method", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Boot {
    /// UEFI firmware starts EFI Boot Guard, which chooses a slot and starts its kernel.
    EfiBootGuard {
        /// The release, such as `0.22`: what a slot's environment means is fixed by it.
        version: String,
        /// The kernel's command line; `{slot}` stands for `a` or `b`.
        command_line: String,
        /// Seconds of the watchdog that the chooser arms. Without a watchdog it knows, it boots with 0 alone.
        watchdog: u16,
    },
}

/// Where a kernel comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "source", rename_all = "lowercase", deny_unknown_fields)]
pub enum Kernel {
    /// Debian's kernel package, downloaded and unpacked, never installed.
    Debian {
        /// Packages that depend on a kernel; the first that apt knows with the right series is taken.
        packages: Vec<String>,
        /// The series the kernel must be of, such as `6.12`.
        series: String,
    },
}

/// The kernel modules on an image, without what they depend on, which comes along.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Modules {
    /// Loaded in this order by the initramfs: what it takes to reach the root file system.
    pub initramfs: Vec<String>,
    /// Loaded in this order at boot.
    pub load: Vec<String>,
    /// Carried for whoever asks for them later.
    #[serde(default)]
    pub carry: Vec<String>,
}

/// How the root file system is packed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// The compressor.
    pub compression: Compression,
    /// The compressor's level.
    pub level: u8,
}

/// A squashfs compressor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Zstandard: quick to unpack on a router.
    Zstd,
}

/// One partition as the manifest asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// Its name in the partition table.
    pub name: String,
    /// What is in it.
    pub content: Content,
    /// Its size, rounded up to whole mebibytes.
    pub size: Size,
}

/// What a partition is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// What the firmware starts: the slot chooser.
    Esp,
    /// A slot's kernel and the chooser's word on it.
    Boot,
    /// A slot's read-only root file system.
    Root,
    /// A few files that outlive the data file system.
    Keep,
    /// The one writable file system: identity, configuration, evidence.
    Data,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`Error::Manifest`] with line and column for anything unknown or ill-typed, [`Error::Layout`] for partitions that cannot be laid out.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let manifest: Self = toml::from_str(text).map_err(|source| Error::Manifest { source })?;
        manifest.layout()?;
        Ok(manifest)
    }

    /// Lays the partitions out on a disk.
    ///
    /// # Errors
    /// [`Error::Layout`] says which partition cannot be.
    pub fn layout(&self) -> Result<Layout, Error> {
        Ok(Layout::plan(self.architecture, &self.partitions)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../x86_64.toml");

    fn check_refused(from: &str, to: &str, expected: &str) {
        assert!(SHIPPED.contains(from), "the shipped manifest has {from:?}");
        let error = Manifest::parse(&SHIPPED.replacen(from, to, 1)).unwrap_err();

        let told = match &error {
            Error::Manifest { source } => source.to_string(),
            other => other.to_string(),
        };

        assert!(told.contains(expected), "{told}");
    }

    #[test]
    fn shipped_manifest_has_two_slots_and_one_place_for_data() {
        let manifest = Manifest::parse(SHIPPED).unwrap();

        let names: Vec<_> = manifest.partitions.iter().map(|it| it.name.as_str()).collect();

        assert_eq!(names, ["esp", "boot-a", "boot-b", "root-a", "root-b", "keep", "data"]);
    }

    #[test]
    fn unknown_keys_are_refused_with_their_line() {
        check_refused("[modules]", "[modules]\nlaod = []", "unknown field `laod`");
        check_refused("[kernel]", "[kernel]\nurl = \"x\"", "unknown field `url`");
        check_refused("[root]", "[root]\nblock = 1", "TOML parse error at line");
    }

    #[test]
    fn values_that_do_not_exist_are_refused() {
        check_refused("\"x86_64\"", "\"m68k\"", "unknown variant `m68k`");
        check_refused("\"zstd\"", "\"lzma\"", "unknown variant `lzma`");
        check_refused("content = \"data\"", "content = \"swap\"", "unknown variant `swap`");
        check_refused("size = \"64 MiB\"", "size = \"64\"", "KiB, MiB or GiB");
    }

    #[test]
    fn partitions_that_cannot_be_are_refused() {
        check_refused("name = \"data\"", "name = \"swap\"", "no partition data that holds Data");
        check_refused(
            "content = \"data\"",
            "content = \"root\"",
            "no partition data that holds Data",
        );
    }
}
