//! Sends a crowd's frames over a link, and hears the kernel at its other end.
#![expect(clippy::disallowed_methods, reason = "this is where frames leave")]

mod wire;

use std::io;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use batman::IfName;

use crate::Crowd;
use wire::Wire;

/// A neighbour that keeps a crowd alive until it is dropped.
///
/// It speaks from a thread of its own. A kernel forgets the crowd some minutes after the last word.
pub struct Flood {
    changes: Option<Sender<Crowd>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Flood {
    /// Begins to speak on a link that is up, one round each `interval`. Whatever is at its other end hears it.
    ///
    /// # Errors
    /// If there is no such link, or without CAP_NET_RAW.
    pub fn begin(link: &IfName, crowd: Crowd, interval: Duration) -> io::Result<Self> {
        let wire = Wire::open(link)?;
        let (changes, changed) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("flood".to_owned())
            .spawn(move || speak(&wire, crowd, interval, &changed))?;
        Ok(Self { changes: Some(changes), thread: Some(thread) })
    }

    /// Has the neighbour speak for another crowd from the next round on. The nodes that both have go on where they are.
    ///
    /// # Errors
    /// Why it does not speak any more.
    pub fn change(&mut self, crowd: Crowd) -> io::Result<()> {
        match self.changes.as_ref().map(|changes| changes.send(crowd)) {
            Some(Ok(())) => Ok(()),
            _ => Err(self.end().err().unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// Falls silent.
    ///
    /// # Errors
    /// Why it could not speak, if it fell silent before.
    pub fn end(&mut self) -> io::Result<()> {
        self.changes = None;
        let ended = self.thread.take().map(JoinHandle::join);
        ended.map_or(Ok(()), |ended| ended.unwrap_or_else(|_| Err(io::Error::other("it panicked"))))
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

fn speak(
    wire: &Wire,
    mut crowd: Crowd,
    interval: Duration,
    changed: &Receiver<Crowd>,
) -> io::Result<()> {
    let mut round = 0;
    let mut next = Instant::now();
    loop {
        match changed.try_recv() {
            Ok(other) => crowd = other,
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return Ok(()),
        }
        if Instant::now() >= next {
            round += 1;
            next += interval;
            for frame in crowd.round(round) {
                wire.send(&frame)?;
            }
        }
        if let Some(answer) = wire.receive()?.and_then(|frame| crowd.answer(&frame)) {
            wire.send(&answer)?;
        }
    }
}
