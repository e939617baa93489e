//! Fetches a file of a repository as a stream of chunks, whatever the scheme.

use std::error::Error;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tough::{Bytes, Transport, TransportError, TransportErrorKind, TransportStream, async_trait};
use url::Url;

use super::{file, http};
use crate::config::Update;
use crate::release::{Floor, Refusal};

/// Chunks between the reader and the writer: enough to keep both busy, and at most 64 KiB each over HTTP.
const AHEAD: usize = 4;

/// As long as a radio link fades at worst; a server below the floor holds a router up no longer than this.
const WINDOW: Duration = Duration::from_secs(60);

/// How long a server may keep a router waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the connection.
    pub connect: Duration,
    /// For the answer's beginning, and between any two pieces of it.
    pub idle: Duration,
    /// For a whole metadata file, so that drops do not count as a stream.
    pub metadata: Duration,
    /// For all of the metadata, however long the chain of its roots is.
    pub walk: Duration,
    /// For an update file: what must come on average.
    pub floor: Floor,
}

impl Default for Patience {
    /// Returns what a bad radio link needs.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            metadata: Duration::from_secs(120),
            walk: Duration::from_secs(600),
            floor: Floor { least: Update::LEAST_BANDWIDTH, window: WINDOW },
        }
    }
}

pub(super) type Chunks = mpsc::Receiver<Result<Bytes, TransportError>>;
pub(super) type Sink = mpsc::Sender<Result<Bytes, TransportError>>;

/// Starts to fetch a file, without its first `from` bytes; ends when the chunks are dropped.
pub(super) fn start(url: Url, from: u64, patience: Patience) -> Chunks {
    let (sink, chunks) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        let sent = tokio::select! {
            sent = send(&url, from, patience, &sink) => sent,
            () = sink.closed() => return,
        };
        if let Err(error) = sent {
            // Nobody listens any more: nobody wants to know.
            let _ = sink.send(Err(error)).await;
        }
    });
    chunks
}

async fn send(url: &Url, from: u64, patience: Patience, sink: &Sink) -> Result<(), TransportError> {
    match url.scheme() {
        "file" => file::send(url, from, sink).await,
        "http" => http::send(url, from, patience, sink).await,
        _ => Err(TransportError::new(TransportErrorKind::UnsupportedUrlScheme, url)),
    }
}

/// Says why a file broke off.
pub(super) fn broken(url: &Url, reason: impl Into<Box<dyn Error + Send + Sync>>) -> TransportError {
    TransportError::new_with_cause(TransportErrorKind::Other, url, reason)
}

/// Says that there is no such file.
pub(super) fn missing(url: &Url) -> TransportError {
    TransportError::new(TransportErrorKind::FileNotFound, url)
}

/// Fetches metadata for `tough`.
///
/// Every failure comes as the stream's first item: a failure to open is taken for the end of the chain of roots.
#[derive(Clone, Copy, Debug)]
pub(super) struct Metadata(pub(super) Patience);

#[async_trait]
impl Transport for Metadata {
    async fn fetch(&self, url: Url) -> Result<TransportStream, TransportError> {
        let (sink, chunks) = mpsc::channel(AHEAD);
        let patience = self.0;
        tokio::spawn(async move {
            let whole = tokio::select! {
                whole = timeout(patience.metadata, send(&url, 0, patience, &sink)) => whole,
                () = sink.closed() => return,
            };
            let within = patience.metadata;
            let slow = || Err(broken(&url, Refusal::SlowMetadata { within }));
            if let Err(error) = whole.unwrap_or_else(|_| slow()) {
                let _ = sink.send(Err(error)).await;
            }
        });
        Ok(Box::pin(ReceiverStream::new(chunks)))
    }
}
