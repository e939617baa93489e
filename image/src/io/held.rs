//! The slots in one hand: whoever looks at them and then writes by what was seen holds them until it is written.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::slots::{Fault, Slots};

/// The right to write environments, across threads and processes; it ends with the value.
#[derive(Debug)]
pub struct Held {
    /// The same partition for everybody, locked.
    _partition: File,
}

/// Slot A's, whichever slot is written to.
const PARTITION: &str = "boot-a";

impl Held {
    /// Waits until nobody else holds the slots.
    ///
    /// # Errors
    /// What the system reports.
    pub fn wait_for(slots: &Slots) -> Result<Self, Fault> {
        let (path, partition) = open(slots)?;
        match partition.lock() {
            Ok(()) => Ok(Self { _partition: partition }),
            Err(source) => Err(Fault::File { path: path.to_owned(), source }),
        }
    }

    /// Holds the slots, unless somebody else does.
    ///
    /// # Errors
    /// What the system reports.
    pub fn at_once(slots: &Slots) -> Result<Option<Self>, Fault> {
        let (path, partition) = open(slots)?;
        match partition.try_lock() {
            Ok(()) => Ok(Some(Self { _partition: partition })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(Fault::File { path: path.to_owned(), source }),
        }
    }
}

fn open(slots: &Slots) -> Result<(&Path, File), Fault> {
    let missing = || Fault::NoPartition(PARTITION.to_owned());
    let path = slots.path(PARTITION).ok_or_else(missing)?;
    let opened = File::open(path);
    let partition = opened.map_err(|source| Fault::File { path: path.to_owned(), source })?;
    Ok((path, partition))
}
