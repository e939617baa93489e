//! Tells a waiting person what is being done, on standard error: standard output is for results.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Stages shorter than this are not worth a line.
const QUIET: Duration = Duration::from_secs(2);

/// How often a long stage says that it is still at work.
const REMINDER: Duration = Duration::from_secs(30);

/// Something that may take a while. Ends when it is dropped, unless [`Stage::done`] ended it.
#[must_use = "a stage lasts as long as it is held"]
pub(crate) struct Stage {
    what: String,
    start: Instant,
    end: Option<Sender<()>>,
    watcher: Option<JoinHandle<Shown>>,
}

/// Whether a stage said that it began.
#[derive(PartialEq, Eq)]
enum Shown {
    No,
    Yes,
}

impl Stage {
    /// Starts a stage; `what` says what is done, or what is waited for.
    pub(crate) fn start(what: impl Into<String>) -> Self {
        let what = what.into();
        let (end, ended) = mpsc::channel();
        let watched = what.clone();
        let watcher = thread::spawn(move || {
            let mut next = QUIET;
            let mut elapsed = Duration::ZERO;
            while ended.recv_timeout(next) == Err(RecvTimeoutError::Timeout) {
                elapsed += next;
                match elapsed {
                    QUIET => eprintln!("{watched} ..."),
                    _ => eprintln!("{watched}, {} s so far ...", elapsed.as_secs()),
                }
                next = REMINDER;
            }
            if elapsed.is_zero() { Shown::No } else { Shown::Yes }
        });
        Self { what, start: Instant::now(), end: Some(end), watcher: Some(watcher) }
    }

    /// Ends a stage that succeeded and tells how long it took.
    pub(crate) fn done(mut self) -> Duration {
        let took = self.start.elapsed();
        if self.end() == Shown::Yes {
            eprintln!("{}: {:.1} s", self.what, took.as_secs_f32());
        }
        took
    }

    fn end(&mut self) -> Shown {
        drop(self.end.take());
        self.watcher.take().and_then(|it| it.join().ok()).unwrap_or(Shown::No)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.end();
    }
}

/// Does something as a [`Stage`].
pub(crate) fn stage<T>(
    what: &str,
    action: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let stage = Stage::start(what);
    let result = action()?;
    stage.done();
    Ok(result)
}
