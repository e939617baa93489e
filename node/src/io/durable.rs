//! Files that are whole after a power cut: the old text or the new one.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Writes a file beside the old one, makes it durable, and puts it in the old one's place.
///
/// # Errors
/// What the system reports; the old file is still there then.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = Path::new(&new);
    // A left-over may have other permissions.
    if let Err(error) = fs::remove_file(new)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(new)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    let written = written.and_then(|()| fs::rename(new, path));
    if let Err(error) = written {
        // On a full file system the half-written file would take the room that is missing.
        let _ = fs::remove_file(new);
        return Err(error);
    }
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

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
}
