//! The keep's partition.

use std::io;
use std::path::Path;

use image::io::block_device::{Access, FileDevice};
use image::keep::{self, Keep, Manner, Seen, Unfit};

/// The keep, opened.
#[derive(Debug)]
pub struct KeepPartition {
    device: FileDevice,
}

/// Why something was not kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The medium does not do what it should.
    #[error("the keep's medium: {0}")]
    Medium(#[from] io::Error),
    /// It does not fit.
    #[error("the keep: {0}")]
    Unfit(#[from] Unfit),
}

impl KeepPartition {
    /// Opens the partition.
    ///
    /// # Errors
    /// What the system reports.
    pub fn open(device: &Path) -> io::Result<Self> {
        Ok(Self { device: FileDevice::open(device, Access::Write)? })
    }

    /// Reads both copies.
    ///
    /// # Errors
    /// What the medium reports.
    pub fn observe(&self) -> io::Result<Seen> {
        keep::observe(&self.device)
    }

    /// Keeps these files from now on, and nothing else.
    ///
    /// # Errors
    /// [`Error`] says whose fault it is; what was kept before is still kept then.
    pub fn store(&mut self, kept: &Keep, manner: Manner) -> Result<(), Error> {
        let writes = keep::plan(&self.observe()?, kept, manner)?;
        keep::apply(&mut self.device, &writes)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use image::keep::File;

    use super::*;

    fn kept(text: &str) -> Keep {
        let mut kept = Keep::default();
        kept.put("spire/join_token", File { mode: 0o600, bytes: text.as_bytes().to_vec() })
            .unwrap();
        kept
    }

    #[test]
    fn what_is_stored_is_read_back_and_what_is_wiped_is_gone() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(keep::LENGTH).unwrap();
        let mut partition = KeepPartition::open(file.path()).unwrap();
        let holds = |text: &str| {
            let bytes = std::fs::read(file.path()).unwrap();
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        };

        partition.store(&kept("secret"), Manner::Change).unwrap();
        assert_eq!(partition.observe().unwrap().newest(), Some(&kept("secret")));
        partition.store(&kept("second"), Manner::Change).unwrap();
        assert!(holds("secret") && holds("second"));
        partition.store(&Keep::default(), Manner::Wipe).unwrap();

        assert!(!holds("secret") && !holds("second"));
        assert_eq!(partition.observe().unwrap().newest(), Some(&Keep::default()));
    }
}
