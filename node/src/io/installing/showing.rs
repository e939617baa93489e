//! Gathers what is told about the slots.

use std::fs;
use std::sync::{Arc, PoisonError};

use image::slot::Slot;
use nix::sys::statvfs::statvfs;
use semver::Version;

use super::writer::on_thread;
use super::{Installing, header};
use crate::install::journal::Found;
use crate::install::refusal::Refusal;
use crate::install::told;
use crate::io::clock::uptime;
use crate::prepare::report::Report;
use crate::proto::image as wire;
use crate::trial::request::Told;

impl Installing {
    /// Tells everything about the slots. `loops` is what the loop knows.
    ///
    /// # Errors
    /// None but that the node stops.
    pub async fn status(self: &Arc<Self>, loops: Told) -> Result<wire::ImageStatus, Refusal> {
        let installing = Arc::clone(self);
        on_thread(move || Ok(installing.look(&loops))).await
    }

    fn look(&self, loops: &Told) -> wire::ImageStatus {
        let record = self.memory.record();
        let checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (available, not_available) = match checked.as_ref().map(|checked| &checked.answer) {
            Some(Ok(available)) => (Some(told::available(available)), None),
            Some(Err(why)) => (None, Some(why.clone())),
            None => (None, self.releases().err().map(|refusal| refusal.in_full())),
        };
        let firmware = self.firmware.as_ref();
        let text = |of: Option<String>| of.unwrap_or_else(|| "unknown".to_owned());
        let judgement = loops.trial.as_ref();
        wire::ImageStatus {
            version: text(firmware.map(|firmware| firmware.version.to_string())),
            architecture: text(firmware.map(|firmware| firmware.architecture.to_string())),
            board: text(firmware.map(|firmware| firmware.board.clone())),
            no_slots: self.settings.slots.as_ref().err().cloned(),
            slots: self.slots_told(),
            work: self.desk.told(),
            available,
            checked: checked.map(|checked| checked.at.to_string()),
            not_available,
            verdicts: told::verdicts(&record),
            judgement: judgement.map(|(slot, judgement)| format!("slot {slot}: {judgement}")),
            data: Some(self.data()),
            scrub: Some(told::scrub(&loops.scrub, uptime())),
        }
    }

    fn slots_told(&self) -> Vec<wire::Slot> {
        let Ok(slots) = &self.settings.slots else { return Vec::new() };
        let version = |slot| -> Option<Version> {
            header(slots, slot).map(|header| header.facts().version.clone())
        };
        let journal = match self.memory.journal() {
            Found::UnderWay(journal) => Some(journal),
            Found::Nothing | Found::Newer(_) | Found::Corrupt => None,
        };
        told::slots(&slots.observe(), Slot::ALL.map(version), journal.as_deref())
    }

    fn data(&self) -> wire::Data {
        let places = &self.settings.places;
        let report = fs::read_to_string(&places.boot_report).ok();
        let report = report.and_then(|text| Report::parse(&text));
        let room = statvfs(&places.data).ok().map(|room| {
            let size = u128::from(room.fragment_size());
            let bytes = |blocks: u128| u64::try_from(blocks * size).unwrap_or(u64::MAX);
            (bytes(room.blocks_available().into()), bytes(room.blocks().into()))
        });
        told::data(report.as_ref(), room)
    }
}
