//! An update's bytes as they come.

use aws_lc_rs::digest::{Context, SHA256};
use tough::Bytes;
use url::Url;

use super::fetch::Chunks;
use crate::release::{Error, Refusal, Role, Target};

/// The rest of an update file, never longer than its metadata says.
///
/// Whoever reads it from the start gets its last bytes only if the whole has the hash that was signed; whoever resumes
/// it relies on the hashes in the file's header.
pub struct Download {
    chunks: Chunks,
    url: Url,
    length: u64,
    left: u64,
    whole: Option<(Context, Target)>,
}

impl Download {
    pub(super) fn new(chunks: Chunks, url: Url, target: &Target, from: u64) -> Self {
        let whole = (from == 0).then(|| (Context::new(&SHA256), target.clone()));
        let left = target.length.saturating_sub(from);
        Self { chunks, url, length: target.length, left, whole }
    }

    /// Returns how many bytes are still to come.
    pub const fn left(&self) -> u64 {
        self.left
    }

    /// Waits for the next bytes, none at the end.
    ///
    /// # Errors
    ///
    /// Refuses a file that is too long or another than was signed; [`Error::Unreachable`] means that it can be resumed
    /// after the bytes that came.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        let chunk = match self.chunks.recv().await {
            Some(Ok(chunk)) => chunk,
            Some(Err(error)) => return Err(Error::from_transport(&error)),
            None => {
                let reason = format!("it ended {} bytes early", self.left);
                return Err(Error::Unreachable { url: self.url.to_string(), reason });
            }
        };
        let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(length).ok_or_else(|| self.endless())?;
        if let Some((digest, _)) = &mut self.whole {
            digest.update(&chunk);
        }
        if self.left == 0 {
            self.ended().await?;
        }
        Ok(Some(chunk))
    }

    /// Looks past the last byte: nothing may be there, and the hash must be the one that was signed.
    async fn ended(&mut self) -> Result<(), Error> {
        if let Some(Ok(_)) = self.chunks.recv().await {
            return Err(self.endless().into());
        }
        let Some((digest, target)) = self.whole.take() else { return Ok(()) };
        let digest = digest.finish();
        if digest.as_ref() == target.sha256.0 {
            return Ok(());
        }
        let mismatch = format!("{} has another SHA-256 than {}", target.name, target.sha256);
        Err(Refusal::MixAndMatch { role: Role::Update, mismatch }.into())
    }

    fn endless(&self) -> Refusal {
        Refusal::EndlessData { what: self.url.to_string(), limit: self.length }
    }
}
