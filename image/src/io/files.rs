//! Files, with the path in every error.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::{Error, Size};

/// Holes are found in steps of this; smaller finds more and costs more calls.
const CHUNK: usize = 256 << 10;

pub(super) fn fault(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { path, source }
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(fault(path))
}

pub(super) fn read_text(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(fault(path))
}

pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), Error> {
    fs::write(path, content).map_err(fault(path))
}

/// Writes a new file that has its permissions from the start.
pub(super) fn write_new(path: &Path, content: &[u8], mode: u32) -> Result<(), Error> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(fault(path))?;
    file.write_all(content).map_err(fault(path))?;
    set_mode(path, mode)
}

/// Sets permissions whatever the umask was.
pub(super) fn set_mode(path: &Path, mode: u32) -> Result<(), Error> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(fault(path))
}

/// Tells whether two files hold the same; one that cannot be read is equal to none.
pub(super) fn are_equal(one: &Path, other: &Path) -> bool {
    let size = |path: &Path| fs::metadata(path).map(|it| it.len());
    let same_size = matches!((size(one), size(other)), (Ok(a), Ok(b)) if a == b);
    same_size && matches!((fs::read(one), fs::read(other)), (Ok(a), Ok(b)) if a == b)
}

pub(super) fn create_dir(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(fault(path))
}

/// Empties a directory, or makes it.
pub(super) fn renew_dir(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(fault(path)(error)),
    }
    create_dir(path)
}

pub(super) fn remove(path: &Path) -> Result<(), Error> {
    fs::remove_file(path).map_err(fault(path))
}

pub(super) fn exists(path: &Path) -> bool {
    path.exists()
}

pub(super) fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    fs::copy(from, to).map(drop).map_err(fault(from))
}

pub(super) fn size(path: &Path) -> Result<Size, Error> {
    fs::metadata(path).map(|it| Size(it.len())).map_err(fault(path))
}

/// Lists a directory's entries, sorted.
pub(super) fn list(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut paths = fs::read_dir(directory)
        .and_then(|entries| entries.map(|it| it.map(|it| it.path())).collect::<Result<Vec<_>, _>>())
        .map_err(fault(directory))?;
    paths.sort();
    Ok(paths)
}

/// Finds the first file of a directory whose name has this part.
pub(super) fn find(directory: &Path, part: &str) -> Result<PathBuf, Error> {
    list(directory)?
        .into_iter()
        .find(|it| it.file_name().is_some_and(|it| it.to_string_lossy().contains(part)))
        .ok_or_else(|| Error::KernelPackage { path: directory.to_owned(), what: part.to_owned() })
}

/// Adds up the files below a directory.
pub(super) fn tree_size(directory: &Path) -> Result<Size, Error> {
    let mut total = 0;
    for path in list(directory)? {
        let kind = fs::symlink_metadata(&path).map_err(fault(&path))?;
        total += if kind.is_dir() { tree_size(&path)?.0 } else { kind.len() };
    }
    Ok(Size(total))
}

/// Copies a file and leaves its zeroes out, so that an empty disk costs nothing.
pub(super) fn copy_sparse(from: &Path, to: &Path) -> Result<(), Error> {
    let mut source = File::open(from).map_err(fault(from))?;
    let length = source.metadata().map_err(fault(from))?.len();
    let mut copy = File::create(to).map_err(fault(to))?;
    copy.set_len(length).map_err(fault(to))?;
    write_sparse(&mut source, &mut copy, 0, to)
}

/// Writes everything of `source` from `offset` on but its zeroes, which `to` has there already.
pub(super) fn write_sparse(
    source: &mut impl Read,
    to: &mut File,
    mut offset: u64,
    path: &Path,
) -> Result<(), Error> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = source.read(&mut chunk).map_err(fault(path))?;
        let Some(read) = chunk.get(..count).filter(|it| !it.is_empty()) else {
            return Ok(());
        };
        if read.iter().any(|it| *it != 0) {
            to.seek(SeekFrom::Start(offset)).map_err(fault(path))?;
            to.write_all(read).map_err(fault(path))?;
        }
        offset += count as u64;
    }
}
