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

    /// Wipes again what a wipe that was cut off has left; tells whether there was one.
    ///
    /// # Errors
    /// [`Error`] says whose fault it is.
    pub fn finish_wipe(&mut self) -> Result<bool, Error> {
        let seen = self.observe()?;
        let Some(kept) = seen.newest().filter(|_| seen.is_wipe_unfinished()) else {
            return Ok(false);
        };
        keep::apply(&mut self.device, &keep::plan(&seen, kept, Manner::Wipe)?)?;
        Ok(true)
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

    #[test]
    fn a_wipe_that_was_cut_off_is_finished_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(keep::LENGTH).unwrap();
        let mut partition = KeepPartition::open(file.path()).unwrap();
        partition.store(&kept("secret"), Manner::Change).unwrap();
        partition.store(&kept("secret"), Manner::Change).unwrap();
        assert!(!partition.finish_wipe().unwrap());
        let seen = partition.observe().unwrap();
        let writes = keep::plan(&seen, &Keep::default(), Manner::Wipe).unwrap();
        keep::apply(&mut partition.device, &writes[..1]).unwrap();

        assert!(partition.finish_wipe().unwrap());

        let bytes = std::fs::read(file.path()).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"secret"));
        assert_eq!(partition.observe().unwrap().newest(), Some(&Keep::default()));
        assert!(!partition.finish_wipe().unwrap());
    }
}
