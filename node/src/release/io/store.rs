//! Keeps what is trusted across power cuts.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::release::trusted::Trusted;

const FILE: &str = "trusted.json";

/// What was trusted, on the data partition, and the folder that `tough` may write in.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    scratch: PathBuf,
    /// What is trusted, whether or not the data partition takes it.
    trusted: Trusted,
}

impl Store {
    /// Reads what was trusted before; what cannot be read is as good as none.
    pub(super) fn open(folder: PathBuf, scratch: PathBuf) -> Self {
        let path = folder.join(FILE);
        let trusted = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).unwrap_or_else(|error| {
                tracing::warn!(file = %path.display(), %error, "what was trusted is lost");
                Trusted::default()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Trusted::default(),
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "what was trusted is lost");
                Trusted::default()
            }
        };
        Self { folder, scratch, trusted }
    }

    pub(super) fn scratch(&self) -> &Path {
        &self.scratch
    }

    pub(super) const fn trusted(&self) -> &Trusted {
        &self.trusted
    }

    /// Lays the trusted files out in the scratch folder, and nothing else: `tough` keeps a clock there that would
    /// refuse every time before the latest it saw.
    pub(super) fn check_out(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.scratch) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(&self.scratch)?,
        }
        for (file, text) in self.trusted.files() {
            if let Some(text) = text {
                fs::write(self.scratch.join(file), text)?;
            }
        }
        Ok(())
    }

    /// Takes over what the scratch folder holds by now: each file there was verified before it was written.
    ///
    /// A data partition that takes no writes does not hold an update back: it may be what cures it.
    pub(super) fn check_in(&mut self) {
        let found = Trusted::from_files(|file| fs::read_to_string(self.scratch.join(file)).ok());
        let trusted = self.trusted.succeeded_by(found);
        // Losing it only costs a stale folder on a file system of memory.
        let _ = fs::remove_dir_all(&self.scratch);
        if trusted == self.trusted {
            return;
        }
        self.trusted = trusted;
        if let Err(error) = self.write() {
            let folder = self.folder.display();
            tracing::warn!(%folder, %error, "what is trusted is only in memory");
        }
    }

    fn write(&self) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let text = serde_json::to_vec(&self.trusted)?;
        let new = self.folder.join("trusted.new");
        let mut file = File::create(&new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&new, self.folder.join(FILE))?;
        File::open(&self.folder)?.sync_all()
    }
}
