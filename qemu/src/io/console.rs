//! Types commands on a machine's console and reads their answers.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::process::append;
use super::progress::tell;
use crate::console::{CommandNumber, Heard, Output, READ_PLAINLY, brief, typed};
use crate::patience::{Next, Patience};

/// A shell that has not answered within this time is asked again.
const PROBE: Duration = Duration::from_secs(1);

/// A shell that opens its terminal while a line is being typed takes the rest of it, and may wait for the end of a quote for
/// ever: after so many questions the line is taken back.
const QUESTIONS: u32 = 5;

/// More output than this from one command is a command that has gone wrong.
const MOST_HEARD: usize = 16 << 20;

/// Interrupts whatever runs in the foreground.
const INTERRUPT: &[u8] = b"\x03";

/// A root shell on a machine's first virtio console.
#[derive(Debug)]
pub struct Console {
    machine: String,
    stream: UnixStream,
    log: File,
    heard: Heard,
    number: CommandNumber,
}

impl Console {
    /// Connects to a console whose socket is there already.
    pub fn connect(machine: &str, socket: &Path, log: &Path) -> anyhow::Result<Self> {
        let stream = UnixStream::connect(socket)
            .with_context(|| format!("connecting to {}", socket.display()))?;
        Ok(Self {
            machine: machine.into(),
            stream,
            log: append(log)?,
            heard: Heard::default(),
            number: CommandNumber::default(),
        })
    }

    /// Waits until the machine has booted far enough for its shell to answer.
    pub fn wait_for_shell(&mut self, limit: Duration) -> anyhow::Result<()> {
        let start = Instant::now();
        let mut patience = Patience::new(limit);
        let mut asked = 0_u32;
        loop {
            asked += 1;
            let left = patience.left(start.elapsed()).min(PROBE);
            let number = self.type_command("true", left)?;
            if self.listen(number, left)?.is_some() {
                return self.stream.write_all(READ_PLAINLY.as_bytes()).context("typing");
            }
            if asked.is_multiple_of(QUESTIONS) {
                self.stream.write_all(INTERRUPT)?;
            }
            match patience.next(start.elapsed()) {
                Next::LookAgain => {}
                Next::Report => {
                    let seconds = start.elapsed().as_secs();
                    tell(format_args!("waiting for the shell of {}: {seconds} s", self.machine));
                }
                Next::GiveUp => bail!(
                    "{}'s shell did not answer within {limit:?}; last heard: {:?}",
                    self.machine,
                    self.heard.tail()
                ),
            }
        }
    }

    /// Runs a command and waits for its end.
    ///
    /// # Errors
    /// If there is no end within the limit; the command has been interrupted then.
    pub fn run(&mut self, command: &str, limit: Duration) -> anyhow::Result<Output> {
        let number = self.type_command(command, limit)?;
        if let Some(output) = self.listen(number, limit)? {
            return Ok(output);
        }
        self.stream.write_all(INTERRUPT)?;
        bail!(
            "`{}` on {} did not end within {limit:?}; last heard: {:?}",
            brief(command),
            self.machine,
            self.heard.tail()
        )
    }

    fn type_command(&mut self, command: &str, limit: Duration) -> anyhow::Result<CommandNumber> {
        self.number = CommandNumber(self.number.0.wrapping_add(1));
        self.stream.set_write_timeout(Some(limit.max(Duration::from_millis(1))))?;
        self.stream
            .write_all(typed(self.number, command).as_bytes())
            .with_context(|| format!("typing on {}'s console", self.machine))?;
        Ok(self.number)
    }

    /// Listens for an answer, and returns `None` when the limit has passed without it.
    fn listen(&mut self, number: CommandNumber, limit: Duration) -> anyhow::Result<Option<Output>> {
        let start = Instant::now();
        let mut buffer = [0; 16 << 10];
        loop {
            if let Some(output) = self.heard.take(number) {
                return Ok(Some(output));
            }
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(&mut buffer) {
                Ok(0) => bail!("{} is off: its console has closed", self.machine),
                Ok(length) => {
                    let heard = buffer.get(..length).unwrap_or_default();
                    self.log.write_all(heard)?;
                    self.heard.hear(heard);
                }
                Err(error) if is_pause(error.kind()) => {}
                Err(error) => {
                    return Err(error)
                        .with_context(|| format!("reading {}'s console", self.machine));
                }
            }
            if self.heard.len() > MOST_HEARD {
                bail!("a command on {} wrote more than {MOST_HEARD} bytes", self.machine);
            }
        }
    }
}

fn is_pause(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
