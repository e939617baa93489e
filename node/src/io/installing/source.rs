//! The bytes of an update file, wherever they come from.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use tokio::task::spawn_blocking;
use tough::Bytes;

use crate::install::journal::Source;
use crate::install::refusal::Refusal;
use crate::release::{Client, Download};

/// As much of a file as is read at once.
const PIECE: usize = 64 << 10;

/// Bytes as they come.
pub(super) enum Stream {
    /// From the repository.
    Release(Box<Download>),
    /// From a file here.
    File {
        /// Nothing while it is being read.
        file: Option<File>,
        /// For what is said about it.
        path: String,
    },
}

impl Stream {
    /// Opens the file without its first bytes.
    pub(super) fn open(
        source: &Source,
        client: Option<&Client>,
        from: u64,
    ) -> Result<Self, Refusal> {
        match source {
            Source::Release { target } => {
                let client = client.ok_or(Refusal::NoRepository)?;
                Ok(Self::Release(Box::new(client.open(target, from)?)))
            }
            Source::UnsignedFile { path } => {
                let opened = File::open(path).and_then(|mut file| {
                    file.seek(SeekFrom::Start(from))?;
                    Ok(file)
                });
                let file = Some(opened.map_err(|error| unread(path, &error))?);
                Ok(Self::File { file, path: path.clone() })
            }
        }
    }

    /// Waits for the next bytes, none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        match self {
            Self::Release(download) => Ok(download.next().await?),
            Self::File { file, path } => {
                let Some(mut taken) = file.take() else { return Ok(None) };
                let read = spawn_blocking(move || {
                    let mut piece = vec![0; PIECE];
                    let length = taken.read(&mut piece)?;
                    piece.truncate(length);
                    Ok::<_, io::Error>((taken, piece))
                });
                let read = read.await.map_err(io::Error::other).flatten();
                let (back, piece) = read.map_err(|error| unread(path, &error))?;
                *file = Some(back);
                Ok((!piece.is_empty()).then(|| Bytes::from(piece)))
            }
        }
    }
}

fn unread(path: &str, error: &io::Error) -> Refusal {
    Refusal::File { path: path.to_owned(), reason: error.to_string() }
}
