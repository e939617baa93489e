//! The half of an installation that waits for the medium: on a thread of its own, so that the loop never does.

use image::io::block_device::{Access, FileDevice};
use image::io::held::Held;
use image::io::slots::{Fault, Slots};
use image::update::{Header, Install, Target};
use tokio::task::spawn_blocking;
use tough::Bytes;

use super::desk::Seat;
use super::memory::Memory;
use crate::install::history;
use crate::install::journal::{Journal, Mode};
use crate::install::progress::Meter;
use crate::install::refusal::Refusal;
use crate::io::clock::uptime;

/// Bytes between two entries of the journal: it is only told, the slot itself knows better.
const ENTRY: u64 = 4 << 20;

/// A slot being written to.
pub(super) struct Writer {
    install: Install<FileDevice>,
    diary: Diary,
    slots: Slots,
}

/// The journal while it is written. Whatever ends the work, it says how far it came.
struct Diary {
    journal: Journal,
    memory: Memory,
    /// What the file says.
    entered: u64,
    seat: Seat,
}

impl Writer {
    /// Begins with a slot, or finds out how much of the update is on it already.
    pub(super) async fn begin(
        slots: Slots,
        header: Header,
        target: Target,
        mut journal: Journal,
        memory: Memory,
        seat: Seat,
    ) -> Result<Self, Refusal> {
        on_thread(move || {
            journal.version = header.facts().version.to_string();
            journal.header_sha256 = header.digest().to_string();
            let devices = slots.devices(target.slot, Access::Write)?;
            // It was chosen before the download, and may have been armed since.
            let held = Held::wait_for(&slots)?;
            let seen = slots.observe();
            seen.receiver()?;
            if !journal.insists.again {
                history::check(&seen, &memory.record(), &header)?;
            }
            let claimed = Install::claim(devices, header, &target).map_err(Fault::Install)?;
            drop(held);
            let install = claimed.resume().map_err(Fault::Install)?;
            let progress = install.progress();
            (journal.done, journal.total) = (progress.done, progress.total);
            memory.keep_journal(&journal);
            let diary = Diary { journal, memory, entered: progress.done, seat };
            Ok(Self { install, diary, slots })
        })
        .await
    }

    /// Writes what has come. The writer comes back also if that was wrong.
    pub(super) async fn feed(
        mut self,
        bytes: Bytes,
    ) -> Result<(Self, Result<(), Refusal>), Refusal> {
        on_thread(move || {
            let outcome = self.install.feed(&bytes).map_err(|error| Fault::Install(error).into());
            self.diary.journal.done = self.done();
            if self.diary.journal.done >= self.diary.entered + ENTRY {
                self.diary.enter();
            }
            Ok((self, outcome.map(drop)))
        })
        .await
    }

    /// Reads all of it back and declares the slot ready.
    pub(super) async fn finish(self, mut meter: Meter) -> Result<Journal, Refusal> {
        on_thread(move || {
            let Self { install, diary, slots } = self;
            let tell = |progress: image::update::verify::Progress| {
                if let Some(told) = meter.reach(progress.done, uptime()) {
                    diary.seat.show(told);
                }
            };
            let whole = install.read_back(tell).map_err(Fault::Install)?;
            let _held = Held::wait_for(&slots)?;
            whole.declare().map_err(Fault::Install)?;
            Ok(diary.journal.clone())
        })
        .await
    }

    /// Where in the file the byte lies that is needed next.
    pub(super) fn offset(&self) -> u64 {
        self.install.offset()
    }

    /// Bytes on the slot.
    pub(super) fn done(&self) -> u64 {
        self.install.progress().done
    }

    /// What is installed.
    pub(super) fn version(&self) -> &str {
        &self.diary.journal.version
    }

    /// Bytes there will be on the slot.
    pub(super) fn total(&self) -> u64 {
        self.diary.journal.total
    }

    /// Whether every chunk is written.
    pub(super) fn is_complete(&self) -> bool {
        self.install.is_complete()
    }
}

impl Diary {
    fn enter(&mut self) {
        self.entered = self.journal.done;
        if self.seat.is_cancelled() {
            self.journal.mode = Mode::Attended;
        }
        self.memory.keep_journal(&self.journal);
    }
}

impl Drop for Diary {
    fn drop(&mut self) {
        if self.entered != self.journal.done {
            self.enter();
        }
    }
}

/// Does something on a thread that may wait.
pub(super) async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    // It ends otherwise only when the node does.
    spawn_blocking(work).await.map_err(|_| Refusal::Stopping)?
}
