//! Reads a repository on this machine's disks.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};

use tough::{Bytes, TransportError};
use url::Url;

use super::fetch::{Sink, broken, missing};

/// As much as is read at once.
const CHUNK: usize = 64 * 1024;

/// Sends a file's bytes from `from` on.
pub(super) async fn send(url: &Url, from: u64, sink: &Sink) -> Result<(), TransportError> {
    let opened = url.to_file_path().map_err(|()| missing(url)).and_then(|path| {
        File::open(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => missing(url),
            _ => broken(url, error),
        })
    });
    let mut file = opened?;
    file.seek(SeekFrom::Start(from)).map_err(|error| broken(url, error))?;
    loop {
        let read = tokio::task::spawn_blocking(move || {
            let mut chunk = vec![0; CHUNK];
            let length = file.read(&mut chunk)?;
            chunk.truncate(length);
            Ok::<_, io::Error>((file, chunk))
        });
        let (back, chunk) =
            read.await.map_err(io::Error::other).flatten().map_err(|error| broken(url, error))?;
        file = back;
        if chunk.is_empty() || sink.send(Ok(Bytes::from(chunk))).await.is_err() {
            return Ok(());
        }
    }
}
