//! What an image holds, as one readable TOML file per image says it.

use std::collections::BTreeMap;

use semver::Version;
use serde::Deserialize;
use toml::{Table, Value};

pub use crate::architecture::Architecture;
use crate::layout::Layout;
use crate::{Error, Size};

/// The key that names the manifest which this one differs from.
const BASE: &str = "base";

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
    /// What an update with it says of itself.
    pub update: Update,
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
        /// Seconds of the watchdog that the chooser arms for a slot on trial, where it has a watchdog that it knows.
        watchdog: u16,
    },
}

/// Where a kernel comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// Who compiles it.
    pub source: KernelSource,
    /// The series it must be of, such as `6.12`.
    pub series: String,
    /// Debian's packages that depend on a kernel; the first that apt knows with the right series is taken.
    pub packages: Vec<String>,
}

/// Who compiles a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KernelSource {
    /// Debian: its package is downloaded and unpacked, never installed.
    Debian,
    /// Whoever packs the image, from Debian's sources: everything it needs is built in.
    Own,
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

/// What an update says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Update {
    /// The version that a node must at least have to take it.
    pub minimum: Version,
    /// How the node keeps its data: a node that keeps them in a newer way still reads this one.
    pub schema: u32,
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
    /// Reads a manifest that stands alone.
    ///
    /// # Errors
    /// [`Error::Manifest`] with line and column for anything unknown or ill-typed, [`Error::Layout`] for partitions that cannot be laid out.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::checked(toml::from_str(text))
    }

    /// Reads a manifest whose layers each hold only what differs from those before. A key takes the place of an earlier one of that
    /// name; only tables are merged.
    ///
    /// # Errors
    /// As [`Manifest::parse`], with the key in place of line and column.
    pub fn parse_layers<'a>(layers: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let mut whole = Table::new();
        for text in layers {
            let mut differences: Table =
                toml::from_str(text).map_err(|source| Error::Manifest { source })?;
            differences.remove(BASE);
            merge(&mut whole, differences);
        }
        Self::checked(whole.try_into())
    }

    /// The file that a manifest holds the differences from, if it says so.
    ///
    /// # Errors
    /// [`Error::Manifest`] for anything but TOML.
    pub fn base(text: &str) -> Result<Option<String>, Error> {
        let table: Table = toml::from_str(text).map_err(|source| Error::Manifest { source })?;
        Ok(table.get(BASE).and_then(|it| it.as_str()).map(str::to_owned))
    }

    fn checked(read: Result<Self, toml::de::Error>) -> Result<Self, Error> {
        let manifest = read.map_err(|source| Error::Manifest { source })?;
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

fn merge(whole: &mut Table, differences: Table) {
    for (key, value) in differences {
        match (whole.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(value)) => merge(inner, value),
            (_, value) => {
                whole.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = include_str!("../common.toml");
    const X86_64: &str = include_str!("../x86_64.toml");
    const AARCH64: &str = include_str!("../aarch64.toml");
    const ARMV7: &str = include_str!("../armv7.toml");
    const OWN_KERNEL: &str = include_str!("../x86_64-own-kernel.toml");

    /// Puts a mistake into one of the shipped files.
    fn check_refused(from: &str, to: &str, expected: &str) {
        assert!(BASE.contains(from) || X86_64.contains(from), "a shipped file has {from:?}");
        let [base, own] = [BASE, X86_64].map(|it| it.replacen(from, to, 1));

        let error = Manifest::parse_layers([base.as_str(), &own]).unwrap_err();

        let told = match &error {
            Error::Manifest { source } => source.to_string(),
            other => other.to_string(),
        };
        assert!(told.contains(expected), "{told}");
    }

    #[test]
    fn shipped_manifests_are_of_their_architecture_and_have_two_slots() {
        for (text, architecture) in [X86_64, AARCH64, ARMV7].into_iter().zip(Architecture::ALL) {
            let manifest = Manifest::parse_layers([BASE, text]).unwrap();

            let names: Vec<_> = manifest.partitions.iter().map(|it| it.name.as_str()).collect();
            assert_eq!(names, ["esp", "boot-a", "boot-b", "root-a", "root-b", "keep", "data"]);
            assert_eq!(manifest.architecture, architecture);
            assert_eq!(manifest.board, format!("generic-{architecture}"));
            assert_eq!(Manifest::base(text).unwrap().as_deref(), Some("common.toml"));
        }
    }

    #[test]
    fn an_own_kernel_is_the_only_difference_to_its_base() {
        let mut expected = Manifest::parse_layers([BASE, X86_64]).unwrap();
        assert_eq!(expected.kernel.source, KernelSource::Debian);
        expected.kernel.source = KernelSource::Own;

        let manifest = Manifest::parse_layers([BASE, X86_64, OWN_KERNEL]).unwrap();

        assert_eq!(manifest, expected);
        assert_eq!(Manifest::base(OWN_KERNEL).unwrap().as_deref(), Some("x86_64.toml"));
    }

    #[test]
    fn tables_are_merged_and_all_else_is_replaced() {
        let mut whole: Table = toml::from_str("a = 1\nb = [1, 2]\n[c]\nd = 1\ne = 1").unwrap();

        merge(&mut whole, toml::from_str("b = [3]\n[c]\ne = 2\n[f]\ng = 1").unwrap());

        let expected = toml::from_str("a = 1\nb = [3]\n[c]\nd = 1\ne = 2\n[f]\ng = 1").unwrap();
        assert_eq!(whole, expected);
    }

    #[test]
    fn unknown_keys_are_refused_by_name() {
        check_refused("[modules]", "[modules]\nlaod = []", "unknown field `laod`");
        check_refused("[kernel]", "[kernel]\nurl = \"x\"", "unknown field `url`");
        check_refused("[root]", "[root]\nblock = 1", "unknown field `block`");
    }

    #[test]
    fn a_manifest_alone_is_refused_with_its_line() {
        let error = Manifest::parse(X86_64).unwrap_err();

        assert!(
            matches!(error, Error::Manifest { source } if source.to_string().contains("at line"))
        );
    }

    #[test]
    fn values_that_do_not_exist_are_refused() {
        check_refused(
            "architecture = \"x86_64\"",
            "architecture = \"m68k\"",
            "unknown variant `m68k`",
        );
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
