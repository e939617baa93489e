//! Marks the machine for a factory reset, which the next boot does.

use anyhow::Context as _;
use image::keep::{File, Manner};

use super::disk::Disk;
use super::keep::KeepPartition;
use crate::prepare::restoring::RESET;

/// Marks the machine; from then on its next boot erases what it has learnt and been given since it was provisioned.
///
/// # Errors
/// If there is no keep to put the mark in.
pub fn mark() -> anyhow::Result<()> {
    let keep = Disk::of_root().ok().and_then(|disk| disk.partition("keep"));
    let keep = keep.context(
        "this disk has no keep partition; boot with the kernel parameter mesh-node.factory-reset",
    )?;
    let mut partition = KeepPartition::open(&keep.device)?;
    let mut kept = partition.observe()?.newest().cloned().unwrap_or_default();
    kept.put(RESET, File { mode: 0o600, bytes: Vec::new() })?;
    partition.store(&kept, Manner::Change)?;
    Ok(())
}
