//! The kernel inside an x86 `bzImage`, as the x86 boot protocol (2.08 and newer) describes it.

/// Offsets in the real-mode header.
const SETUP_SECTORS: usize = 0x1f1;
const MAGIC: usize = 0x202;
const VERSION: usize = 0x206;
const PAYLOAD_OFFSET: usize = 0x248;
const PAYLOAD_LENGTH: usize = 0x24c;

/// The protocol that brought the payload's place into the header.
const PAYLOAD_SINCE: u16 = 0x0208;

/// The build appends the unpacked length to every compressor's output but gzip's, which ends with it anyway.
const LENGTH_SUFFIX: usize = 4;

/// A compressed kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload<'a> {
    /// How it is compressed.
    pub compression: Compression,
    /// The compressed bytes.
    pub bytes: &'a [u8],
    /// Bytes of the unpacked kernel.
    pub unpacked: u32,
}

/// A compressor of kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// gzip.
    Gzip,
    /// xz.
    Xz,
    /// Zstandard.
    Zstd,
}

/// Why a file is no kernel that can be unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The header's magic is missing.
    #[error("no Linux kernel header")]
    NoHeader,
    /// The kernel's header is older than the payload's place in it.
    #[error("boot protocol {0:#06x} does not say where the kernel is")]
    OldProtocol(u16),
    /// The header points outside the file.
    #[error("the kernel ends before its payload does")]
    Truncated,
    /// A compressor that is not known here.
    #[error("unknown compression, magic {0:02x?}")]
    UnknownCompression([u8; 4]),
}

/// Finds the compressed kernel in a `bzImage`.
///
/// # Errors
/// The [`Fault`] says what the file lacks.
pub fn payload(image: &[u8]) -> Result<Payload<'_>, Fault> {
    if image.get(MAGIC..MAGIC + 4) != Some(b"HdrS") {
        return Err(Fault::NoHeader);
    }
    let version = image
        .get(VERSION..)
        .and_then(|it| it.first_chunk())
        .map(|it| u16::from_le_bytes(*it))
        .ok_or(Fault::Truncated)?;
    if version < PAYLOAD_SINCE {
        return Err(Fault::OldProtocol(version));
    }
    let protected = image.get(start(image)?..).ok_or(Fault::Truncated)?;
    let offset = word(image, PAYLOAD_OFFSET)? as usize;
    let length = word(image, PAYLOAD_LENGTH)? as usize;
    let bytes = protected
        .get(offset..)
        .and_then(|it| it.get(..length))
        .filter(|it| it.len() > LENGTH_SUFFIX)
        .ok_or(Fault::Truncated)?;
    let compression = compression(bytes)?;
    let end = bytes.len() - LENGTH_SUFFIX;
    let unpacked = word(bytes, end)?;
    let bytes = match compression {
        Compression::Gzip => bytes,
        Compression::Xz | Compression::Zstd => bytes.get(..end).ok_or(Fault::Truncated)?,
    };
    Ok(Payload { compression, bytes, unpacked })
}

/// Where the protected-mode kernel starts: after the boot sector and the set-up sectors.
fn start(image: &[u8]) -> Result<usize, Fault> {
    let sectors = *image.get(SETUP_SECTORS).ok_or(Fault::Truncated)?;
    // For the oldest kernels' sake 0 means 4.
    let sectors = if sectors == 0 { 4 } else { usize::from(sectors) };
    Ok((sectors + 1) * 512)
}

fn word(bytes: &[u8], at: usize) -> Result<u32, Fault> {
    let word = bytes.get(at..).and_then(|it| it.first_chunk()).ok_or(Fault::Truncated)?;
    Ok(u32::from_le_bytes(*word))
}

fn compression(bytes: &[u8]) -> Result<Compression, Fault> {
    match *bytes.first_chunk::<4>().ok_or(Fault::Truncated)? {
        [0x1f, 0x8b, ..] => Ok(Compression::Gzip),
        [0xfd, b'7', b'z', b'X'] => Ok(Compression::Xz),
        [0x28, 0xb5, 0x2f, 0xfd] => Ok(Compression::Zstd),
        magic => Err(Fault::UnknownCompression(magic)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn image(payload: &[u8]) -> Vec<u8> {
        let mut image = vec![0; 1024 + 16];
        image[SETUP_SECTORS] = 1;
        image[MAGIC..MAGIC + 4].copy_from_slice(b"HdrS");
        image[VERSION..VERSION + 2].copy_from_slice(&0x020f_u16.to_le_bytes());
        image[PAYLOAD_OFFSET..PAYLOAD_OFFSET + 4].copy_from_slice(&16_u32.to_le_bytes());
        let length = u32::try_from(payload.len()).unwrap();
        image[PAYLOAD_LENGTH..PAYLOAD_LENGTH + 4].copy_from_slice(&length.to_le_bytes());
        image.extend_from_slice(payload);
        image
    }

    #[test]
    fn zstd_kernel_is_found_without_its_length() {
        let image = image(&[0x28, 0xb5, 0x2f, 0xfd, 9, 9, 0, 1, 0, 0]);

        let found = payload(&image).unwrap();

        let bytes = &[0x28, 0xb5, 0x2f, 0xfd, 9, 9][..];
        assert_eq!(found, Payload { compression: Compression::Zstd, bytes, unpacked: 256 });
    }

    #[test]
    fn gzip_kernel_keeps_its_own_length() {
        let image = image(&[0x1f, 0x8b, 8, 0, 0, 1, 0, 0]);

        let found = payload(&image).unwrap();

        assert_eq!(found.bytes, [0x1f, 0x8b, 8, 0, 0, 1, 0, 0]);
        assert_eq!(found.unpacked, 256);
    }

    #[test]
    fn files_that_are_no_kernel_are_told_apart() {
        let mut old = image(&[0x1f, 0x8b, 8, 0, 0, 1, 0, 0]);
        old[VERSION] = 7;
        let mut long = image(&[0x1f, 0x8b, 8, 0, 0, 1, 0, 0]);
        long.pop();
        let unknown = image(&[1, 2, 3, 4, 5]);

        assert_eq!(payload(b"MZ"), Err(Fault::NoHeader));
        assert_eq!(payload(&old), Err(Fault::OldProtocol(0x0207)));
        assert_eq!(payload(&long), Err(Fault::Truncated));
        assert_eq!(payload(&unknown), Err(Fault::UnknownCompression([1, 2, 3, 4])));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(
            header in prop::collection::vec(any::<u8>(), 0..2048),
        ) {
            let mut image = image(&header);
            for (slot, byte) in image[PAYLOAD_OFFSET..].iter_mut().zip(&header) {
                *slot = *byte;
            }

            let _any_result = payload(&image);
        }
    }
}
