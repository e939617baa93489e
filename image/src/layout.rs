//! Where each partition lies on the disk.

use std::collections::BTreeSet;

use gpt::partition_types::{self, Type};

use crate::architecture::Architecture;
use crate::manifest::{self, Content};

/// Partitions start and end on whole mebibytes: a multiple of every flash erase block and sector size in use.
pub const ALIGNMENT: u64 = 1 << 20;

/// The partitions that every disk has; the kernel and the node find them by these names.
pub const NEEDED: [(&str, Content); 7] = [
    ("esp", Content::Esp),
    ("boot-a", Content::Boot),
    ("boot-b", Content::Boot),
    ("root-a", Content::Root),
    ("root-b", Content::Root),
    ("keep", Content::Keep),
    ("data", Content::Data),
];

/// The partitions of a disk and its size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// In the order they lie on the disk.
    pub partitions: Vec<Partition>,
    /// Bytes of the whole disk, both copies of the partition table included.
    pub disk: u64,
}

/// One partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its number in the table, from 1.
    pub number: u32,
    /// Its name in the table, by which the kernel finds it.
    pub name: String,
    /// What it is for.
    pub content: Content,
    /// Its type, by which tools tell it.
    pub kind: Type,
    /// Its first byte on the disk.
    pub offset: u64,
    /// Its length in bytes.
    pub size: u64,
}

/// Why partitions cannot be laid out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is no such partition.
    #[error("something of a partition {0}, which there is not")]
    Unknown(String),
    /// Two partitions have one name.
    #[error("two partitions named {0}")]
    NameTwice(String),
    /// A partition of no bytes.
    #[error("an empty partition {0}")]
    Empty(String),
    /// A needed partition is missing.
    #[error("no partition {0} that holds {1:?}")]
    Missing(&'static str, Content),
    /// A partition that nothing would use.
    #[error("a partition {0} that has no use: {known}", known = known())]
    Useless(String),
    /// More bytes than a disk can have.
    #[error("a disk larger than can be addressed")]
    TooLarge,
}

impl Layout {
    /// Lays partitions out one after the other.
    ///
    /// # Errors
    /// The [`Fault`] names the partition that cannot be.
    pub fn plan(architecture: Architecture, wanted: &[manifest::Partition]) -> Result<Self, Fault> {
        check_contents(wanted)?;
        let mut names = BTreeSet::new();
        // The first mebibyte holds the table.
        let mut offset = ALIGNMENT;
        let mut partitions = Vec::with_capacity(wanted.len());
        for (number, partition) in (1..).zip(wanted) {
            if !names.insert(&partition.name) {
                return Err(Fault::NameTwice(partition.name.clone()));
            }
            if partition.size.0 == 0 {
                return Err(Fault::Empty(partition.name.clone()));
            }
            let size =
                partition.size.0.checked_next_multiple_of(ALIGNMENT).ok_or(Fault::TooLarge)?;
            partitions.push(Partition {
                number,
                name: partition.name.clone(),
                content: partition.content,
                kind: kind(architecture, partition.content),
                offset,
                size,
            });
            offset = offset.checked_add(size).ok_or(Fault::TooLarge)?;
        }
        // The last mebibyte holds the table's second copy.
        let disk = offset.checked_add(ALIGNMENT).ok_or(Fault::TooLarge)?;
        Ok(Self { partitions, disk })
    }

    /// Finds a partition by its name.
    ///
    /// # Errors
    /// [`Fault::Unknown`] for a name that is not among [`NEEDED`].
    pub fn get(&self, name: &str) -> Result<&Partition, Fault> {
        self.partitions
            .iter()
            .find(|it| it.name == name)
            .ok_or_else(|| Fault::Unknown(name.to_owned()))
    }
}

fn check_contents(wanted: &[manifest::Partition]) -> Result<(), Fault> {
    for (name, content) in NEEDED {
        if !wanted.iter().any(|it| it.name == name && it.content == content) {
            return Err(Fault::Missing(name, content));
        }
    }
    match wanted.iter().find(|it| NEEDED.iter().all(|(name, _)| *name != it.name)) {
        Some(useless) => Err(Fault::Useless(useless.name.clone())),
        None => Ok(()),
    }
}

fn known() -> String {
    NEEDED.map(|(name, _)| name).join(", ")
}

/// The types of the Discoverable Partitions Specification, and for the slots' kernels the one that EFI Boot Guard's own
/// tools look for.
fn kind(architecture: Architecture, content: Content) -> Type {
    match (content, architecture) {
        (Content::Esp, _) => partition_types::EFI,
        (Content::Boot, _) => partition_types::BASIC,
        (Content::Root, Architecture::X86_64) => partition_types::LINUX_ROOT_X64,
        (Content::Root, Architecture::Aarch64) => partition_types::LINUX_ROOT_ARM_64,
        (Content::Root, Architecture::Armv7) => partition_types::LINUX_ROOT_ARM_32,
        (Content::Keep, _) => partition_types::LINUX_RESERVED,
        (Content::Data, _) => partition_types::LINUX_FS,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Size;

    fn partition(name: &str, content: Content, size: u64) -> manifest::Partition {
        manifest::Partition { name: name.to_owned(), content, size: Size(size) }
    }

    fn needed() -> Vec<manifest::Partition> {
        NEEDED.iter().map(|(name, content)| partition(name, *content, 1)).collect()
    }

    fn check(wanted: &[manifest::Partition], expected: &Fault) {
        let planned = Layout::plan(Architecture::X86_64, wanted);

        assert_eq!(planned.as_ref(), Err(expected));
    }

    #[test]
    fn each_needed_partition_is_missed() {
        for (index, (name, content)) in NEEDED.into_iter().enumerate() {
            let mut wanted = needed();
            wanted.remove(index);

            check(&wanted, &Fault::Missing(name, content));
        }
    }

    #[test]
    fn partitions_that_cannot_be_are_named() {
        let with = |partition| [needed(), vec![partition]].concat();
        let sized = |name: &str, size| {
            let mut wanted = needed();
            wanted.iter_mut().find(|it| it.name == name).unwrap().size = Size(size);
            wanted
        };

        check(&with(partition("swap", Content::Data, 1)), &Fault::Useless("swap".to_owned()));
        check(&with(partition("keep", Content::Keep, 1)), &Fault::NameTwice("keep".to_owned()));
        check(&sized("data", 0), &Fault::Empty("data".to_owned()));
        check(&sized("data", u64::MAX), &Fault::TooLarge);
        check(&sized("data", u64::MAX - ALIGNMENT), &Fault::TooLarge);
    }

    proptest! {
        #[test]
        fn partitions_are_aligned_disjoint_and_inside_the_disk(
            sizes in prop::array::uniform7(1_u64..(8 << 30)),
        ) {
            let mut wanted = needed();
            for (partition, size) in wanted.iter_mut().zip(sizes) {
                partition.size = Size(size);
            }

            let layout = Layout::plan(Architecture::X86_64, &wanted).unwrap();

            let mut free = ALIGNMENT;
            for (planned, size) in layout.partitions.iter().zip(&sizes) {
                prop_assert_eq!(planned.offset % ALIGNMENT, 0);
                prop_assert_eq!(planned.size % ALIGNMENT, 0);
                prop_assert!(planned.offset >= free);
                prop_assert!(planned.size >= *size && planned.size - size < ALIGNMENT);
                free = planned.offset + planned.size;
            }
            prop_assert_eq!(layout.partitions.len(), sizes.len());
            prop_assert!(layout.disk >= free + ALIGNMENT);
        }
    }
}
