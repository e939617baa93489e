//! Child processes that cannot outlive the lab.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A child that is killed and reaped when this value goes, and by the kernel when the lab goes.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
}

impl Process {
    /// Starts a program whose output is added to a log.
    pub(super) fn start(
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        log: &Path,
    ) -> anyhow::Result<Self> {
        let output = append(log)?;
        let mut command = mortal(program.as_ref());
        command.args(arguments).stdin(Stdio::null());
        command.stdout(output.try_clone()?).stderr(output);
        let child = launch(command)
            .with_context(|| format!("starting {}", program.as_ref().to_string_lossy()))?;
        Ok(Self { child })
    }

    /// Returns the exit status of a child that has ended by itself.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Kills the child as a power cut would, and reaps it.
    pub(super) fn kill(&mut self) {
        // Both fail only for a child that is gone and reaped, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks the child to end, and kills it when it has not within `grace`.
    pub(super) fn terminate(&mut self, grace: Duration) {
        if let Ok(pid) = i32::try_from(self.child.id())
            && self.ended().is_none()
        {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        self.wait_or_kill(grace);
    }

    /// Waits for the child to end by itself, and kills it when it has not within `grace`.
    pub(super) fn wait_or_kill(&mut self, grace: Duration) {
        let start = Instant::now();
        while self.ended().is_none() && start.elapsed() < grace {
            thread::sleep(Duration::from_millis(20));
        }
        self.kill();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Opens a log for adding to it.
pub(super) fn append(log: &Path) -> anyhow::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("opening {}", log.display()))
}

/// Prepares a command that the kernel kills as soon as the thread that launched it is gone.
fn mortal(program: &OsStr) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

type Reply = mpsc::Sender<io::Result<Child>>;

/// Launches a command from the one thread that lives as long as the lab's process.
///
/// A parent's death is, to the kernel, the death of the thread that forked: a child launched from
/// a thread that ends early would be killed with it.
fn launch(command: Command) -> io::Result<Child> {
    static LAUNCHER: OnceLock<mpsc::Sender<(Command, Reply)>> = OnceLock::new();
    let launcher = LAUNCHER.get_or_init(|| {
        let (launcher, commands) = mpsc::channel::<(Command, Reply)>();
        thread::spawn(move || {
            for (mut command, reply) in commands {
                let _ = reply.send(command.spawn());
            }
        });
        launcher
    });
    let (reply, child) = mpsc::channel();
    launcher.send((command, reply)).map_err(io::Error::other)?;
    child.recv().map_err(io::Error::other)?
}
