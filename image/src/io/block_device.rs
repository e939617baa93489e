//! A file or a device node, or a part of one, as a block device.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use crate::block::BlockDevice;

/// Bytes in a row of a file or a device node.
#[derive(Debug)]
pub struct FileDevice {
    file: File,
    start: u64,
    length: u64,
}

/// What somebody means to do with a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Look only.
    Read,
    /// Look and change.
    Write,
}

impl FileDevice {
    /// Opens a whole file or device node.
    ///
    /// # Errors
    /// What the system reports.
    pub fn open(path: &Path, access: Access) -> io::Result<Self> {
        let file = File::options().read(true).write(access == Access::Write).open(path)?;
        Self::whole(file)
    }

    /// Takes the whole of a file or device node that is open.
    ///
    /// # Errors
    /// What the system reports.
    pub(super) fn whole(file: File) -> io::Result<Self> {
        let length = io::Seek::seek(&mut &file, io::SeekFrom::End(0))?;
        Ok(Self { file, start: 0, length })
    }

    pub(super) const fn file(&self) -> &File {
        &self.file
    }

    /// Narrows it to the bytes from `start` on, `length` of them.
    ///
    /// # Errors
    /// An unexpected end where it is shorter.
    pub fn part(self, start: u64, length: u64) -> io::Result<Self> {
        let end = start.checked_add(length).ok_or(io::ErrorKind::UnexpectedEof)?;
        if end > self.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Self { file: self.file, start: self.start + start, length })
    }

    fn place(&self, offset: u64, length: usize) -> Option<u64> {
        let end = offset.checked_add(length as u64)?;
        (end <= self.length).then_some(self.start + offset)
    }
}

impl BlockDevice for FileDevice {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let place = self.place(offset, buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        self.file.read_exact_at(buffer, place)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let place = self.place(offset, bytes.len()).ok_or(io::ErrorKind::WriteZero)?;
        self.file.write_all_at(bytes, place)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn forget(&mut self) -> io::Result<()> {
        let range = (i64::try_from(self.start), i64::try_from(self.length));
        let (Ok(start), Ok(length)) = range else { return Ok(()) };
        posix_fadvise(&self.file, start, length, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_of_a_file_is_a_device_of_its_own() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(4096).unwrap();
        let open = || FileDevice::open(file.path(), Access::Write).unwrap();
        let mut part = open().part(1024, 1024).unwrap();

        part.write_at(1022, b"ab").unwrap();
        part.flush().unwrap();
        part.forget().unwrap();

        let mut read = [0; 4];
        open().read_at(2045, &mut read).unwrap();
        assert_eq!(&read, b"\0ab\0");
        assert_eq!(part.len(), 1024);
    }

    #[test]
    fn nothing_is_reached_beyond_the_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(4096).unwrap();
        let open = || FileDevice::open(file.path(), Access::Write).unwrap();
        let mut part = open().part(1024, 1024).unwrap();

        assert!(part.write_at(1023, b"ab").is_err());
        assert!(part.read_at(u64::MAX, &mut [0; 2]).is_err());
        assert!(open().part(4095, 2).is_err());
    }
}
