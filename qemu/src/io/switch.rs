//! The lab's Ethernet switch: one thread between the machines' mesh cards.

use std::collections::VecDeque;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::Context as _;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::machine::{Plugs, plugs};
use crate::topology::Wiring;

/// Room for the largest frame of a virtio card.
const FRAME: usize = 65_600;

/// Frames that wait for one receiver. The kernel queues ten datagrams, and a burst is longer than
/// that; a receiver that is this far behind loses frames as on any switch.
const BACKLOG: usize = 512;

/// Frames taken from one port before the others have their turn.
const TURN: usize = 64;

/// Milliseconds until a receiver with a backlog is tried again.
const RETRY: u16 = 1;

/// A running switch; it stops with this value.
#[derive(Debug)]
pub struct Switch {
    wiring: Arc<Mutex<Wiring>>,
    stop: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl Switch {
    /// Binds a socket for each port of the wiring and starts to forward.
    pub fn start(wiring: Wiring, sockets: &Path) -> anyhow::Result<Self> {
        let jacks = wiring
            .ports()
            .iter()
            .map(|port| Jack::open(plugs(sockets, &port.machine, port.link)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let wiring = Arc::new(Mutex::new(wiring));
        let (stop, stopped) = UnixStream::pair()?;
        let forwarding = Forwarding { jacks, wiring: Arc::clone(&wiring), stopped };
        let thread = Some(thread::spawn(move || forwarding.run()));
        Ok(Self { wiring, stop, thread })
    }

    /// Opens the wiring, to cut, to restore or to count.
    pub fn wiring(&self) -> MutexGuard<'_, Wiring> {
        lock(&self.wiring)
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        // The thread ends on this byte, or has ended already.
        let _ = self.stop.write_all(&[0]);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One port's socket and the frames that its machine has yet to take.
#[derive(Debug)]
struct Jack {
    socket: UnixDatagram,
    machine: PathBuf,
    backlog: VecDeque<(usize, Arc<[u8]>)>,
}

/// What became of a frame.
enum Sent {
    Taken,
    Busy,
    Refused,
}

impl Jack {
    fn open(plugs: Plugs) -> anyhow::Result<Self> {
        let _ = fs::remove_file(&plugs.switch);
        let socket = UnixDatagram::bind(&plugs.switch)
            .with_context(|| format!("binding {}", plugs.switch.display()))?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, machine: plugs.machine, backlog: VecDeque::new() })
    }

    fn send(&self, frame: &[u8]) -> Sent {
        match self.socket.send_to(frame, &self.machine) {
            Ok(_) => Sent::Taken,
            Err(error) if error.kind() == ErrorKind::WouldBlock => Sent::Busy,
            // The machine is off: its socket is gone, or nobody reads it.
            Err(_) => Sent::Refused,
        }
    }

    /// Hands a frame over, behind those that already wait.
    fn hand_over(&mut self, from: usize, to: usize, frame: &Arc<[u8]>, wiring: &mut Wiring) {
        let sent = if self.backlog.is_empty() { self.send(frame) } else { Sent::Busy };
        match sent {
            Sent::Taken => wiring.delivered(from, to),
            Sent::Busy if self.backlog.len() < BACKLOG => {
                self.backlog.push_back((from, Arc::clone(frame)));
            }
            Sent::Busy | Sent::Refused => wiring.lost(from, to),
        }
    }

    /// Hands over what waits, until the machine is busy again.
    fn work_off(&mut self, to: usize, wiring: &mut Wiring) {
        while let Some((from, frame)) = self.backlog.pop_front() {
            match self.send(&frame) {
                Sent::Taken => wiring.delivered(from, to),
                Sent::Refused => wiring.lost(from, to),
                Sent::Busy => {
                    self.backlog.push_front((from, frame));
                    return;
                }
            }
        }
    }
}

struct Forwarding {
    jacks: Vec<Jack>,
    wiring: Arc<Mutex<Wiring>>,
    stopped: UnixStream,
}

impl Forwarding {
    fn run(mut self) {
        let mut buffer = vec![0; FRAME];
        while let Some(ready) = self.wait() {
            for from in ready {
                self.take_turn(from, &mut buffer);
            }
            let mut wiring = lock(&self.wiring);
            for (to, jack) in self.jacks.iter_mut().enumerate() {
                jack.work_off(to, &mut wiring);
            }
        }
    }

    /// Waits for frames, and returns the ports that have some, or `None` to stop.
    fn wait(&self) -> Option<Vec<usize>> {
        let behind = self.jacks.iter().any(|jack| !jack.backlog.is_empty());
        let timeout = if behind { PollTimeout::from(RETRY) } else { PollTimeout::NONE };
        let mut waits = vec![PollFd::new(self.stopped.as_fd(), PollFlags::POLLIN)];
        waits.extend(
            self.jacks.iter().map(|jack| PollFd::new(jack.socket.as_fd(), PollFlags::POLLIN)),
        );
        match poll(&mut waits, timeout) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Some(Vec::new()),
            Err(error) => {
                eprintln!("the switch cannot wait for frames: {error}");
                return None;
            }
        }
        let mut ready = waits.iter().map(|wait| wait.any().unwrap_or(false));
        if ready.next().unwrap_or(true) {
            return None;
        }
        Some(ready.enumerate().filter_map(|(port, ready)| ready.then_some(port)).collect())
    }

    fn take_turn(&mut self, from: usize, buffer: &mut [u8]) {
        for _ in 0..TURN {
            let Some(jack) = self.jacks.get(from) else { return };
            let Ok(length) = jack.socket.recv(buffer) else { return };
            let frame: Arc<[u8]> = Arc::from(buffer.get(..length).unwrap_or_default());
            // Held until the frame is counted: whoever has it also finds it in the count.
            let mut wiring = lock(&self.wiring);
            for to in wiring.receivers(from) {
                if let Some(jack) = self.jacks.get_mut(to) {
                    jack.hand_over(from, to, &frame, &mut wiring);
                }
            }
        }
    }
}

/// Takes the lock; the wiring is whole even after a panic, for each change is one step.
fn lock(wiring: &Mutex<Wiring>) -> MutexGuard<'_, Wiring> {
    wiring.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "switch_tests.rs"]
mod tests;
