//! The hardware's watchdog: it starts the machine anew when nobody pets it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use image::Architecture;
use image::slot::watchdog as known;

const DEVICE: &str = "/dev/watchdog0";

/// What its driver calls it.
const IDENTITY: &str = "/sys/class/watchdog/watchdog0/identity";

/// Written as the last byte, it stops the watchdog (Linux, Documentation/watchdog/watchdog-api.rst).
const DISARM: &[u8] = b"V";

/// The shortest that a watchdog waits is several times this.
const BETWEEN_PETS: Duration = Duration::from_secs(2);

/// Ten minutes: what takes longer without a word hangs.
const MOST_PETS: usize = 300;

/// A watchdog that was opened, and counts from then on.
#[derive(Debug)]
pub struct Watchdog {
    device: Option<File>,
}

impl Watchdog {
    /// Opens the machine's watchdog; a machine without one does without.
    pub fn open() -> Self {
        Self::at(Path::new(DEVICE))
    }

    fn at(device: &Path) -> Self {
        let opened = OpenOptions::new().write(true).open(device);
        match &opened {
            Ok(_) => tracing::debug!("a watchdog watches this node"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, "no watchdog watches this node"),
        }
        Self { device: opened.ok() }
    }

    /// Tells it that all is well.
    pub fn pet(&mut self) {
        self.write(b"\0");
    }

    /// Stops it: the node is about to end on purpose.
    pub fn disarm(&mut self) {
        self.write(DISARM);
        self.device = None;
    }

    fn write(&mut self, bytes: &[u8]) {
        let Some(device) = &mut self.device else { return };
        if let Err(error) = device.write_all(bytes) {
            // It goes on counting, and ends what may well be a broken machine.
            tracing::error!(%error, "the watchdog takes no signs of life");
            self.device = None;
        }
    }
}

/// Returns the longest that the slot chooser can have this machine's watchdog wait; zero where it would find none.
pub fn longest_of_chooser() -> Duration {
    let identity = fs::read_to_string(IDENTITY).ok();
    let identity = identity.as_deref().map(str::trim);
    Architecture::of_host().map_or(Duration::ZERO, |it| known::longest(it, identity))
}

/// Tells those who pet the watchdog that the work goes on, however long it takes.
#[derive(Debug)]
pub struct Progress(mpsc::Sender<()>);

impl Progress {
    /// A piece of the work is done.
    pub fn is_made(&self) {
        // Petting that has ended is not begun again: it had waited too long.
        let _ = self.0.send(());
    }
}

/// Pets the machine's watchdog while something is done that goes on, and leaves it counting.
pub fn pet_while<T>(work: impl FnOnce(&Progress) -> T) -> T {
    let (made, is_made) = mpsc::channel::<()>();
    let petting = thread::spawn(move || pet_until(&mut Watchdog::open(), &is_made, BETWEEN_PETS));
    let progress = Progress(made);
    let result = work(&progress);
    drop(progress);
    // It ends by itself; one that has panicked has petted enough.
    let _ = petting.join();
    result
}

fn pet_until(watchdog: &mut Watchdog, is_made: &mpsc::Receiver<()>, between: Duration) {
    let mut left = MOST_PETS;
    while left > 0 {
        watchdog.pet();
        match is_made.recv_timeout(between) {
            Err(RecvTimeoutError::Timeout) => left -= 1,
            Ok(()) => left = MOST_PETS,
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_petted_and_stopped_by_what_is_written() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut watchdog = Watchdog::at(file.path());

        watchdog.pet();
        watchdog.pet();
        watchdog.disarm();
        watchdog.pet();

        assert_eq!(fs::read(file.path()).unwrap(), b"\0\0V");
    }

    #[test]
    fn work_is_done_with_or_without_one() {
        assert_eq!(pet_while(|_| 7), 7);
    }

    #[test]
    fn work_that_goes_on_is_petted_for_longer_than_work_that_hangs() {
        let pets = |made: usize| {
            let file = tempfile::NamedTempFile::new().unwrap();
            let (progress, is_made) = mpsc::channel();
            for _ in 0..made {
                progress.send(()).unwrap();
            }
            pet_until(&mut Watchdog::at(file.path()), &is_made, Duration::ZERO);
            fs::read(file.path()).unwrap().len()
        };

        assert_eq!(pets(0), MOST_PETS);
        assert_eq!(pets(1_000), 1_000 + MOST_PETS);
    }

    #[test]
    fn a_machine_without_one_does_without() {
        let mut watchdog = Watchdog::at(Path::new("/nowhere/watchdog0"));

        watchdog.pet();
        watchdog.disarm();

        assert!(watchdog.device.is_none());
    }
}
