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
    memory: PathBuf,
    trusted: Trusted,
    /// Whether the data partition has it.
    is_kept: bool,
}

impl Store {
    /// Reads what was trusted before; what cannot be read is as good as none.
    pub(super) fn open(folder: PathBuf, memory: PathBuf) -> Self {
        if let Some(trusted) = read(&memory.join(FILE)) {
            return Self { folder, memory, trusted, is_kept: false };
        }
        let trusted = read(&folder.join(FILE)).unwrap_or_default();
        Self { folder, memory, trusted, is_kept: true }
    }

    pub(super) fn scratch(&self) -> PathBuf {
        self.memory.join("scratch")
    }

    pub(super) const fn trusted(&self) -> &Trusted {
        &self.trusted
    }

    /// Lays the trusted files out in the scratch folder, and nothing else: `tough` keeps a clock there that would
    /// refuse every time before the latest it saw.
    pub(super) fn check_out(&self) -> io::Result<()> {
        let scratch = self.scratch();
        match fs::remove_dir_all(&scratch) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(&scratch)?,
        }
        for (file, text) in self.trusted.files() {
            if let Some(text) = text {
                fs::write(scratch.join(file), text)?;
            }
        }
        Ok(())
    }

    /// Takes over what the scratch folder holds by now: each file there was verified before it was written.
    ///
    /// A data partition that takes no writes does not hold an update back: it may be what cures it.
    pub(super) fn check_in(&mut self) {
        let scratch = self.scratch();
        let found = Trusted::from_files(|file| fs::read_to_string(scratch.join(file)).ok());
        // Losing it only costs a stale folder on a file system of memory.
        let _ = fs::remove_dir_all(&scratch);
        let trusted = self.trusted.succeeded_by(found);
        if trusted == self.trusted && self.is_kept {
            return;
        }
        self.trusted = trusted;
        if let Err(error) = self.keep() {
            let folder = self.folder.display();
            tracing::warn!(%folder, %error, "what is trusted will be forgotten at the next boot");
        }
    }

    fn keep(&mut self) -> io::Result<()> {
        let kept = write(&self.folder, &self.trusted);
        self.is_kept = kept.is_ok();
        if self.is_kept {
            // What is older than the data partition's would be read first.
            match fs::remove_file(self.memory.join(FILE)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => return Ok(()),
            }
        }
        write(&self.memory, &self.trusted)?;
        kept
    }
}

fn read(path: &Path) -> Option<Trusted> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        text => text.and_then(|text| Ok(serde_json::from_slice(&text)?)),
    };
    text.inspect_err(|error| {
        tracing::warn!(file = %path.display(), %error, "what was trusted is lost");
    })
    .ok()
}

/// Replaces the file in one step.
fn write(folder: &Path, trusted: &Trusted) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let text = serde_json::to_vec(trusted)?;
    let new = folder.join("trusted.new");
    let mut file = File::create(&new)?;
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&new, folder.join(FILE))?;
    File::open(folder)?.sync_all()
}
