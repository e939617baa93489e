//! What slots, updates and the keep are written to: bytes in a row that become durable at a flush.

use std::io;

/// A device or a part of one.
pub trait BlockDevice {
    /// Its size in bytes.
    fn len(&self) -> u64;

    /// Whether it has no bytes at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills the buffer with what lies at the offset.
    ///
    /// # Errors
    /// What the medium reports, and an unexpected end where the device is shorter.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Writes bytes at the offset; they may be lost until the next flush.
    ///
    /// # Errors
    /// What the medium reports, and a zero write where the device is shorter.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes durable what was written.
    ///
    /// # Errors
    /// What the medium reports; what was written may or may not be there then.
    fn flush(&mut self) -> io::Result<()>;

    /// Drops what is cached of it, so that reading reaches the medium. Flush first.
    ///
    /// # Errors
    /// What the system reports.
    fn forget(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A device in memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory(pub Vec<u8>);

impl BlockDevice for Memory {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = self.0.get(start..).and_then(|it| it.get(..buffer.len()));
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let place = self.0.get_mut(start..).and_then(|it| it.get_mut(..bytes.len()));
        place.ok_or(io::ErrorKind::WriteZero)?.copy_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
