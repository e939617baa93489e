//! Files that are whole after a power cut: the old text or the new one.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

#[cfg(test)]
mod pretend;

/// What writing a file asks of a file system.
trait FileSystem {
    /// A file that is being written.
    type File;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes a file that is not there.
    fn create(&self, path: &Path, mode: u32) -> io::Result<Self::File>;
    /// Writes all of its text.
    fn write(&self, file: &mut Self::File, bytes: &[u8]) -> io::Result<()>;
    /// Makes its text durable, which says nothing of its name.
    fn sync(&self, file: &Self::File) -> io::Result<()>;
    /// Gives it another's name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_names(&self, directory: &Path) -> io::Result<()>;
}

/// Writes a file beside the old one, makes it durable, and puts it in the old one's place.
///
/// # Errors
/// What the system reports; the old file is still there then.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    write_on(&Mounted, path, bytes, mode)
}

fn write_on(system: &impl FileSystem, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = Path::new(&new);
    // A left-over may have other permissions.
    if let Err(error) = system.remove(new)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = system.create(new, mode)?;
    let written = system.write(&mut file, bytes).and_then(|()| system.sync(&file));
    let written = written.and_then(|()| system.rename(new, path));
    if let Err(error) = written {
        // On a full file system the half-written file would take the room that is missing.
        let _ = system.remove(new);
        return Err(error);
    }
    path.parent().map_or(Ok(()), |parent| system.sync_names(parent))
}

/// What the kernel has mounted.
struct Mounted;

impl FileSystem for Mounted {
    type File = File;

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn create(&self, path: &Path, mode: u32) -> io::Result<File> {
        fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_names(&self, directory: &Path) -> io::Result<()> {
        File::open(directory)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::pretend::{Left, Negligence, Pretend};
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_with_its_permissions() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        fs::write(directory.path().join("token.new"), "left over").unwrap();

        write(&path, b"one", 0o600).unwrap();
        write(&path, b"two", 0o600).unwrap();

        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_the_old_one() {
        let directory = tempfile::tempdir().unwrap();

        assert!(write(&directory.path().join("no/such"), b"x", 0o600).is_err());
        assert!(write(directory.path(), b"x", 0o600).is_err());
    }

    const RECORD: &str = "/data/mesh-node/update.json";

    /// Cuts the power at every step of a second write, and of one that follows such a cut; returns what may be in the
    /// file then, and what once the write is over.
    fn swept(negligence: Negligence) -> (Vec<Left>, Vec<Left>) {
        let (mut during, mut after) = (Vec::new(), Vec::new());
        let first = Pretend::empty(negligence);
        write_on(&first, Path::new(RECORD), b"old text", 0o600).unwrap();
        let starts: Vec<Pretend> = first.cuts().into_iter().filter(|it| it.holds(RECORD)).collect();
        let again = starts.iter().flat_map(|start| {
            write_on(start, Path::new(RECORD), b"new text", 0o600).unwrap();
            during.extend(start.cuts().iter().map(|it| it.left(RECORD)));
            after.extend(start.cuts_at_the_end().iter().map(|it| it.left(RECORD)));
            start.cuts()
        });
        let again: Vec<Pretend> = again.collect();
        for start in again {
            write_on(&start, Path::new(RECORD), b"new text", 0o600).unwrap();
            during.extend(start.cuts().iter().map(|it| it.left(RECORD)));
        }
        (during, after)
    }

    #[test]
    fn no_power_cut_leaves_anything_but_the_old_text_or_the_new() {
        let (during, after) = swept(Negligence::None);

        let whole = [Left::Text(b"old text".to_vec()), Left::Text(b"new text".to_vec())];
        assert!(during.len() > 100, "{} cuts", during.len());
        for left in &during {
            assert!(whole.contains(left), "{left:?}");
        }
        assert!(whole.iter().all(|it| during.contains(it)));
        assert!(after.iter().all(|it| *it == whole[1]), "what was said to be written is there");
    }

    #[test]
    fn a_file_system_that_is_not_asked_to_be_careful_is_not() {
        let (during, _) = swept(Negligence::Texts);
        assert!(during.contains(&Left::Text(Vec::new())), "a name before its text");

        let (_, after) = swept(Negligence::Names);
        assert!(after.contains(&Left::Text(b"old text".to_vec())), "a name that was forgotten");
    }
}
