//! Where each partition lies on the disk.

use std::collections::BTreeSet;

use gpt::partition_types::{self, Type};

use crate::manifest::{self, Architecture, Content};

/// Partitions start and end on whole mebibytes: a multiple of every flash erase block and sector size in use.
pub const ALIGNMENT: u64 = 1 << 20;

/// The length of a name in a partition table's entry, in UTF-16 units.
const NAME_UNITS: usize = 36;

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
    /// The table has no room for the name, or it is empty.
    #[error("a partition named {0:?}: 1 to 36 characters fit")]
    Name(String),
    /// Two partitions have one name.
    #[error("two partitions named {0}")]
    NameTwice(String),
    /// A partition of no bytes.
    #[error("an empty partition {0}")]
    Empty(String),
    /// A needed partition is missing.
    #[error("no {0} partition")]
    Missing(&'static str),
    /// Two data partitions: nobody could say which to write.
    #[error("more than one data partition")]
    TwoData,
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
            check_name(&partition.name)?;
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

    /// Finds the one writable partition.
    pub fn data(&self) -> Option<&Partition> {
        self.partitions.iter().find(|it| it.content == Content::Data)
    }

    /// Lists the partitions that can hold a root file system.
    pub fn roots(&self) -> impl Iterator<Item = &Partition> {
        self.partitions.iter().filter(|it| it.content == Content::Root)
    }
}

fn check_contents(wanted: &[manifest::Partition]) -> Result<(), Fault> {
    let count = |content| wanted.iter().filter(|it| it.content == content).count();
    if count(Content::Root) == 0 {
        return Err(Fault::Missing("root"));
    }
    match count(Content::Data) {
        0 => Err(Fault::Missing("data")),
        1 => Ok(()),
        _ => Err(Fault::TwoData),
    }
}

fn check_name(name: &str) -> Result<(), Fault> {
    match name.encode_utf16().count() {
        1..=NAME_UNITS => Ok(()),
        _ => Err(Fault::Name(name.to_owned())),
    }
}

/// The types of the Discoverable Partitions Specification.
fn kind(architecture: Architecture, content: Content) -> Type {
    match (content, architecture) {
        (Content::Root, Architecture::X86_64) => partition_types::LINUX_ROOT_X64,
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

    fn check(wanted: &[manifest::Partition], expected: &Fault) {
        let planned = Layout::plan(Architecture::X86_64, wanted);

        assert_eq!(planned.as_ref(), Err(expected));
    }

    #[test]
    fn partitions_that_cannot_be_are_named() {
        use Content::{Data, Root};
        let root = || partition("root-a", Root, 1);
        let data = || partition("data", Data, 1);
        let long = "x".repeat(37);

        check(&[data()], &Fault::Missing("root"));
        check(&[root()], &Fault::Missing("data"));
        check(&[root(), data(), partition("d", Data, 1)], &Fault::TwoData);
        check(&[root(), partition("root-a", Data, 1)], &Fault::NameTwice("root-a".to_owned()));
        check(&[root(), partition("data", Data, 0)], &Fault::Empty("data".to_owned()));
        check(&[partition(&long, Root, 1), data()], &Fault::Name(long.clone()));
        check(&[partition("", Root, 1), data()], &Fault::Name(String::new()));
        check(&[root(), partition("data", Data, u64::MAX)], &Fault::TooLarge);
        check(&[root(), partition("data", Data, u64::MAX - ALIGNMENT)], &Fault::TooLarge);
    }

    proptest! {
        #[test]
        fn partitions_are_aligned_disjoint_and_inside_the_disk(
            sizes in prop::collection::vec(1_u64..(8 << 30), 2..12),
        ) {
            let wanted: Vec<_> = sizes
                .iter()
                .enumerate()
                .map(|(index, size)| {
                    let content = if index == 0 { Content::Data } else { Content::Root };
                    partition(&format!("p{index}"), content, *size)
                })
                .collect();

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
