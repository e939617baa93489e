//! An initramfs archive, in the `newc` format that the kernel unpacks.
//!
//! Written here because it needs no privilege for a device node and no clock: the same entries give the same bytes.

const DIRECTORY: u32 = 0o040_000;
const CHARACTER_DEVICE: u32 = 0o020_000;
const FILE: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;

/// An archive being written.
#[derive(Debug, Default)]
pub struct Archive {
    bytes: Vec<u8>,
    inode: u32,
}

impl Archive {
    /// Adds a directory that everybody reads.
    pub fn directory(&mut self, path: &str) {
        self.entry(path, DIRECTORY | 0o755, (0, 0), &[]);
    }

    /// Adds a file that everybody runs.
    pub fn program(&mut self, path: &str, content: &[u8]) {
        self.entry(path, FILE | 0o755, (0, 0), content);
    }

    /// Adds a symbolic link.
    pub fn symlink(&mut self, path: &str, target: &str) {
        self.entry(path, SYMLINK | 0o777, (0, 0), target.as_bytes());
    }

    /// Adds a character device for root alone.
    pub fn character_device(&mut self, path: &str, major: u32, minor: u32) {
        self.entry(path, CHARACTER_DEVICE | 0o600, (major, minor), &[]);
    }

    /// Ends the archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }

    fn entry(&mut self, path: &str, mode: u32, device: (u32, u32), content: &[u8]) {
        self.inode += 1;
        let name_length = path.len() + 1;
        let fields = [
            self.inode as usize,
            mode as usize,
            0, // user
            0, // group
            1, // links
            0, // time
            content.len(),
            0, // the archive's device
            0,
            device.0 as usize,
            device.1 as usize,
            name_length,
            0, // no checksum
        ];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08X}").as_bytes());
        }
        self.bytes.extend_from_slice(path.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        let length = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(length, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_written_as_the_kernel_reads_them() {
        let mut archive = Archive::default();
        archive.directory("dev");
        archive.character_device("dev/console", 5, 1);

        let text = String::from_utf8(archive.finish()).unwrap();

        assert_eq!(
            text,
            concat!(
                "07070100000001000041ED000000000000000000000001000000000000000000000000000000000000000000000000",
                "0000000400000000dev\0\0\0",
                "0707010000000200002180000000000000000000000001000000000000000000000000000000000000000500000001",
                "0000000C00000000dev/console\0\0\0",
                "0707010000000300000000000000000000000000000001000000000000000000000000000000000000000000000000",
                "0000000B00000000TRAILER!!!\0\0\0\0",
            )
        );
    }

    #[test]
    fn content_starts_and_ends_on_a_word() {
        for length in 0..9 {
            let mut archive = Archive::default();
            archive.program("init", &vec![b'x'; length]);

            assert_eq!(archive.bytes.len() % 4, 0, "{length}");
            assert_eq!(archive.bytes.len(), 116 + length.next_multiple_of(4), "{length}");
        }
    }
}
