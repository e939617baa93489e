//! FAT volumes, written in memory: the same files give the same bytes.

use std::io::{self, Cursor, Write};

use fatfs::{FileSystem, FormatVolumeOptions, FsOptions};

/// The number that identifies a volume. Nothing looks for it.
const SERIAL: u32 = 0x6d65_7368;

/// Fills what is free, so that the next file gets the last cluster, and is removed again.
const FILLER: &str = "FILLER";

/// A file of a volume, by its path.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    /// Its path, `/` between directories.
    pub path: &'a str,
    /// What is in it.
    pub content: &'a [u8],
}

/// Makes a volume of `size` bytes with files that lie one after the other in the order given. `last`, if there is one, lies at the
/// volume's very end, behind everything that is ever written over the files.
///
/// # Errors
/// `WriteZero` or the like when the files do not fit.
pub fn volume(size: u64, files: &[File<'_>], last: Option<File<'_>>) -> io::Result<Vec<u8>> {
    let size = usize::try_from(size).map_err(io::Error::other)?;
    let mut bytes = Cursor::new(vec![0; size]);
    fatfs::format_volume(&mut bytes, FormatVolumeOptions::new().volume_id(SERIAL))?;
    let volume = FileSystem::new(&mut bytes, FsOptions::new())?;
    for file in files {
        write(&volume, *file)?;
    }
    if let Some(last) = last {
        fill(&volume)?;
        write(&volume, last)?;
        volume.root_dir().remove(FILLER)?;
    }
    volume.unmount()?;
    Ok(bytes.into_inner())
}

type Volume<'a> = FileSystem<&'a mut Cursor<Vec<u8>>>;

fn write(volume: &Volume<'_>, file: File<'_>) -> io::Result<()> {
    let mut directory = volume.root_dir();
    let mut names = file.path.split('/').peekable();
    while let Some(name) = names.next() {
        if names.peek().is_none() {
            let mut created = directory.create_file(name)?;
            created.write_all(file.content)?;
            return created.flush();
        }
        directory = directory.create_dir(name)?;
    }
    Ok(())
}

/// Takes all free clusters but one.
fn fill(volume: &Volume<'_>) -> io::Result<()> {
    let free = volume.stats()?.free_clusters();
    let mut filler = volume.root_dir().create_file(FILLER)?;
    let cluster = vec![0; usize::try_from(volume.cluster_size()).map_err(io::Error::other)?];
    for _ in 1..free {
        filler.write_all(&cluster)?;
    }
    filler.flush()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn read(volume: &[u8], path: &str) -> Vec<u8> {
        let volume = FileSystem::new(Cursor::new(volume.to_vec()), FsOptions::new()).unwrap();
        let mut content = Vec::new();
        volume.root_dir().open_file(path).unwrap().read_to_end(&mut content).unwrap();
        content
    }

    fn position(volume: &[u8], content: &[u8]) -> usize {
        volume.windows(content.len()).position(|it| it == content).unwrap()
    }

    #[test]
    fn files_read_back_and_lie_in_one_piece_in_their_order() {
        let large: Vec<u8> = (0..200_000_u32).map(|it| it.to_le_bytes()[0] | 1).collect();
        let files = [
            File { path: "BGENV.DAT", content: &large },
            File { path: "EFI/BOOT/BOOTX64.EFI", content: b"the chooser" },
            File { path: "initrd.gz", content: b"an archive" },
        ];

        for size in [2 * MIB, 8 * MIB, 24 * MIB] {
            let volume = volume(size, &files, None).unwrap();

            assert_eq!(volume.len() as u64, size);
            for file in files {
                assert_eq!(read(&volume, file.path), file.content);
            }
            assert!(position(&volume, &large) < position(&volume, b"the chooser"));
        }
    }

    #[test]
    fn the_last_file_lies_in_the_last_cluster_and_nothing_between() {
        let files = [File { path: "vmlinuz", content: b"a kernel" }];
        let last = File { path: "EFILABEL", content: b"a label" };

        let volume = volume(8 * MIB, &files, Some(last)).unwrap();

        assert_eq!(read(&volume, "EFILABEL"), b"a label");
        assert!(volume.len() - position(&volume, b"a label") <= 64 << 10);
        let opened = FileSystem::new(Cursor::new(volume), FsOptions::new()).unwrap();
        let stats = opened.stats().unwrap();
        assert!(stats.total_clusters() - stats.free_clusters() <= 3, "the filler is gone");
    }

    #[test]
    fn the_same_files_give_the_same_bytes() {
        let files = [File { path: "vmlinuz", content: b"a kernel" }];

        assert!(volume(MIB, &files, None).unwrap() == volume(MIB, &files, None).unwrap());
    }

    #[test]
    fn files_that_do_not_fit_are_refused() {
        let large = vec![1; 3 << 20];

        assert!(volume(2 * MIB, &[File { path: "vmlinuz", content: &large }], None).is_err());
    }
}
