//! The end of a root partition: the header of what was written to the slot, so that it can be checked by itself.

use std::io;

use super::Digest;
use super::header::{self, Header};
use crate::block::BlockDevice;

const MAGIC: [u8; 8] = *b"MESHTAIL";

/// Both header and trailer begin on such a boundary: a flash page.
const PAGE: u64 = 4096;

/// Why a root partition does not tell what is on its slot.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The partition cannot be read.
    #[error("a root partition that cannot be read")]
    Device(#[from] io::Error),
    /// Nothing was ever written there.
    #[error("a root partition without a header at its end")]
    Missing,
    /// It was cut off or has rotted.
    #[error("a root partition with a damaged header at its end")]
    Damaged,
    /// It is whole, and no header of ours.
    #[error("a root partition with a header that is none")]
    Header(#[from] header::Fault),
}

/// The bytes that a header takes at the end of a root partition.
pub fn space(header: &Header) -> u64 {
    (header.json().len() as u64).next_multiple_of(PAGE) + PAGE
}

/// What is written at the end of a root partition of a size, and where.
pub fn write(header: &Header, partition: u64) -> Option<(u64, Vec<u8>)> {
    let space = space(header);
    let offset = (partition / PAGE * PAGE).checked_sub(space)?;
    let json = header.json();
    let mut bytes = json.to_vec();
    bytes.resize(usize::try_from(space - PAGE).ok()?, 0);
    bytes.extend(MAGIC);
    bytes.extend(u32::try_from(json.len()).ok()?.to_le_bytes());
    bytes.extend(header.digest().0);
    bytes.resize(usize::try_from(space).ok()?, 0);
    Some((offset, bytes))
}

/// Reads the header at the end of a root partition.
///
/// # Errors
/// [`Fault`] says why there is none.
pub fn read(partition: &impl BlockDevice) -> Result<Header, Fault> {
    let trailer_offset = (partition.len() / PAGE * PAGE).checked_sub(PAGE).ok_or(Fault::Missing)?;
    let mut trailer = [0; 44];
    partition.read_at(trailer_offset, &mut trailer)?;
    let trailer = trailer.strip_prefix(&MAGIC).ok_or(Fault::Missing)?;
    let (length, digest) = trailer.split_first_chunk().ok_or(Fault::Missing)?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > header::LONGEST {
        return Err(Fault::Damaged);
    }
    let offset = trailer_offset.checked_sub((length as u64).next_multiple_of(PAGE));
    let mut json = vec![0; length];
    partition.read_at(offset.ok_or(Fault::Damaged)?, &mut json)?;
    if Digest::of(&json).0 != *digest {
        return Err(Fault::Damaged);
    }
    Ok(Header::parse(&json)?)
}
