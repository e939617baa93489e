//! Being told to stop, between two steps and not in the middle of one.

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// The signals by which a person or the system ends a program, held back.
#[derive(Debug)]
pub struct Interrupts {
    signals: SignalFd,
}

impl Interrupts {
    /// Holds them back from the calling thread from now on.
    ///
    /// # Errors
    /// What the system reports.
    pub fn hold() -> Result<Self, Errno> {
        let ending = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];
        let ending: SigSet = ending.into_iter().collect();
        ending.thread_block()?;
        let signals =
            SignalFd::with_flags(&ending, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        Ok(Self { signals })
    }

    /// Whether one has come since the last time.
    pub fn have_come(&self) -> bool {
        matches!(self.signals.read_signal(), Ok(Some(_)))
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::raise;

    use super::*;

    #[test]
    fn interrupt_waits_until_it_is_asked_for() {
        let interrupts = Interrupts::hold().unwrap();
        assert!(!interrupts.have_come());

        raise(Signal::SIGINT).unwrap();

        assert!(interrupts.have_come());
        assert!(!interrupts.have_come());
    }
}
