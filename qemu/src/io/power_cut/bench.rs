//! One of the machines that a sweep boots.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, bail, ensure};
use image::block::BlockDevice as _;
use image::io::block_device::{Access, FileDevice};
use image::power_cut::Places;
use image::slot::Slot;

use super::{Job, environment};
use crate::chooser::Verdict;
use crate::io::chooser::Chooser;

/// A machine with a disk of its own, which is the base's again after every boot.
pub(super) struct Bench<'a> {
    name: String,
    chooser: &'a Chooser,
    base: FileDevice,
    disk: FileDevice,
    path: PathBuf,
    places: &'a Places,
}

impl<'a> Bench<'a> {
    pub(super) fn new(
        number: usize,
        chooser: &'a Chooser,
        base: &Path,
        directory: &Path,
        places: &'a Places,
    ) -> anyhow::Result<Self> {
        let path = directory.join(format!("disk-{number}"));
        fs::copy(base, &path).with_context(|| path.display().to_string())?;
        Ok(Self {
            name: format!("bench-{number}"),
            chooser,
            base: FileDevice::open(base, Access::Read)?,
            disk: FileDevice::open(&path, Access::Write)?,
            path,
            places,
        })
    }

    /// Takes jobs until there are none, or nobody wants to hear of them any more.
    pub(super) fn work(mut self, jobs: &Mutex<Receiver<Job>>, done: &Sender<anyhow::Result<Slot>>) {
        loop {
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = job else { return };
            let told = || format!("in phase {:?}, {}", job.phase, job.cut);
            if done.send(self.boot(&job).with_context(told)).is_err() {
                return;
            }
        }
    }

    /// Boots the disk as a cut left it and compares with the model.
    fn boot(&mut self, job: &Job) -> anyhow::Result<Slot> {
        for (offset, bytes) in &job.changes {
            self.disk.write_at(*offset, bytes)?;
        }
        let answer = self.chooser.ask(&self.name, &self.path)?;
        let (letter, watchdog) = match answer.verdict {
            Verdict::Started { slot, watchdog, .. } => (slot, watchdog),
            Verdict::NoWatchdog | Verdict::NotYet => {
                bail!("nothing was booted; the last words: {}", answer.last_words())
            }
        };
        let expected = job.expected.slot;
        let slot = letter.map(String::from).and_then(|letter| letter.parse().ok());
        ensure!(slot == Some(expected), "{slot:?} was booted instead of {expected}");
        let seconds = job.expected.watchdog;
        ensure!(watchdog == Some(seconds), "{watchdog:?} s were armed instead of {seconds}");
        for (slot, (range, file)) in
            Slot::ALL.into_iter().zip(self.places.boot.iter().zip(&job.expected.files))
        {
            let device = FileDevice::open(&self.path, Access::Read)?;
            let found = environment(&device.part(range.start, range.end - range.start)?);
            ensure!(found == *file, "the chooser left slot {slot} another environment");
        }
        self.restore(job)?;
        Ok(expected)
    }

    /// Makes the disk what the base is.
    fn restore(&mut self, job: &Job) -> anyhow::Result<()> {
        let changed = job.changes.iter().map(|(offset, bytes)| (*offset, bytes.len()));
        let boots = self.places.boot.iter();
        let boots =
            boots.filter_map(|it| Some((it.start, usize::try_from(it.end - it.start).ok()?)));
        for (offset, length) in changed.chain(boots) {
            let mut bytes = vec![0; length];
            self.base.read_at(offset, &mut bytes)?;
            self.disk.write_at(offset, &bytes)?;
        }
        Ok(())
    }
}
