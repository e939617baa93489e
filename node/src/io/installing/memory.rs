//! What outlives a reboot of an installation under way. A data file system that takes no writes holds no update back:
//! it may be what cures it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use spire_bridge::identity::WallTime;

use super::Places;
use crate::install::journal::{Found, Journal, Mode};
use crate::io::durable;
use crate::trial::record::{Installed, Record};

/// The files.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    journal: PathBuf,
    record: PathBuf,
}

impl Memory {
    pub(super) fn new(places: &Places) -> Self {
        Self { journal: places.journal.clone(), record: places.record.clone() }
    }

    /// Reads the journal.
    pub(super) fn journal(&self) -> Found {
        match fs::read(&self.journal) {
            Ok(text) => Journal::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Found::Nothing,
            Err(_) => Found::Corrupt,
        }
    }

    /// Writes the journal.
    pub(super) fn keep_journal(&self, journal: &Journal) {
        write(&self.journal, &journal.render());
    }

    /// The node does not go on by itself any more; somebody may.
    pub(super) fn let_rest(&self) {
        if let Found::UnderWay(mut journal) = self.journal()
            && journal.mode == Mode::Background
        {
            journal.mode = Mode::Attended;
            self.keep_journal(&journal);
        }
    }

    /// There is nothing to go on with any more.
    pub(super) fn forget_journal(&self) {
        if let Err(error) = fs::remove_file(&self.journal)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(file = %self.journal.display(), %error, "not removed");
        }
    }

    /// Reads what is remembered of updates.
    pub(super) fn record(&self) -> Record {
        let text = fs::read(&self.record).ok();
        text.and_then(|text| Record::parse(&text)).unwrap_or_default()
    }

    /// Notes that a slot holds a whole update.
    pub(super) fn installed(&self, installed: Installed) {
        let mut record = self.record();
        record.installed = Some(installed);
        write(&self.record, &record.render());
    }

    /// Notes a moment that has certainly passed.
    pub(super) fn saw_signed(&self, at: WallTime) {
        let mut record = self.record();
        if record.newest_signed.is_none_or(|newest| newest < at.unix()) {
            record.saw_signed(at.unix());
            write(&self.record, &record.render());
        }
    }
}

fn write(path: &Path, text: &[u8]) {
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    if let Err(error) = made.and_then(|()| durable::write(path, text, 0o600)) {
        tracing::warn!(file = %path.display(), %error, "not written down");
    }
}
