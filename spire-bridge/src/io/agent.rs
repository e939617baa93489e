use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::agent_log::AgentLog;
use crate::Error;
use crate::agent::{self, Credentials, Exit, LogLine, Settings};

/// The agent's process.
///
/// It outlives this one on purpose: a mesh-node that crashed finds its agent attested and running. What
/// it needs for that is in the runtime directory: the process id, the configuration and the log.
#[derive(Debug)]
pub struct Agent {
    settings: Settings,
    runtime_dir: PathBuf,
    process: Option<Process>,
    log: AgentLog,
}

#[derive(Debug)]
enum Process {
    Child(Child),
    Adopted(Pid),
}

impl Agent {
    /// Prepares the runtime directory and takes over an agent that is already running.
    ///
    /// # Errors
    /// [`Error::File`] if the runtime directory cannot be made.
    pub fn open(settings: Settings, runtime_dir: &Path) -> Result<Self, Error> {
        make_private_dir(runtime_dir)?;
        let log = AgentLog::open(runtime_dir.join("agent.log"));
        let mut agent = Self { settings, runtime_dir: runtime_dir.to_owned(), process: None, log };
        agent.process = agent.find_running().map(Process::Adopted);
        Ok(agent)
    }

    /// Returns the process id of an agent that an earlier mesh-node left running.
    pub fn adopted(&self) -> Option<i32> {
        match &self.process {
            Some(Process::Adopted(pid)) => Some(pid.as_raw()),
            _ => None,
        }
    }

    /// Starts the agent with a freshly written configuration and returns its process id.
    ///
    /// # Errors
    /// [`Error::AgentMissing`], [`Error::AgentStart`], or [`Error::File`] for what it needs on disk.
    pub fn start(&mut self) -> Result<i32, Error> {
        let binary = &self.settings.binary;
        if self.is_missing() {
            return Err(Error::AgentMissing { path: binary.clone() });
        }
        make_private_dir(&self.settings.data_dir)?;
        if let Some(parent) = self.settings.socket.parent() {
            fs::create_dir_all(parent).map_err(|source| file("create", parent, source))?;
        }
        let config = self.write_config()?;
        let (stdout, stderr) = self.log.writers()?;
        let mut child = Command::new(binary)
            .arg("run")
            .arg("-config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .process_group(0)
            .spawn()
            .map_err(|source| Error::AgentStart { path: binary.clone(), source })?;
        let pid = i32::try_from(child.id()).unwrap_or_default();
        if let Err(error) = write_private(&self.pid_file(), &pid.to_string()) {
            // The next mesh-node would not find it and start another one on the same data.
            let _ = child.kill().and_then(|()| child.wait());
            return Err(error);
        }
        self.process = Some(Process::Child(child));
        Ok(pid)
    }

    /// Tells whether the agent runs with the settings of this mesh-node; one that was adopted may not.
    pub fn is_as_configured(&self) -> bool {
        let stable = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| {
                !line.contains("join_token_file") && !line.contains("trust_bundle_path")
            });
            lines.map(str::to_owned).collect()
        };
        let written = fs::read_to_string(self.config_file()).unwrap_or_default();
        stable(&written) == stable(&self.settings.render(Credentials::default()))
    }

    /// Sends the agent a signal; one that is already gone is not an error.
    pub fn signal(&self, command: agent::Command) {
        let (pid, signal) = match command {
            agent::Command::Start => return,
            agent::Command::Terminate { pid } => (pid, Signal::SIGTERM),
            agent::Command::Kill { pid } => (pid, Signal::SIGKILL),
        };
        if let Err(error) = kill(Pid::from_raw(pid), signal) {
            tracing::debug!(pid, %signal, %error, "agent not signalled");
        }
    }

    /// Returns how the agent ended, once, if it has.
    pub fn exited(&mut self) -> Option<Exit> {
        let exit = match self.process.as_mut()? {
            Process::Child(child) => how(child.try_wait().ok()??),
            Process::Adopted(pid) => {
                (!runs(*pid, &self.settings.binary)).then_some(Exit::Unknown)?
            }
        };
        self.process = None;
        Some(exit)
    }

    /// Has the agent keep its data elsewhere from its next start on.
    pub fn move_data(&mut self, data_dir: PathBuf) {
        self.settings.data_dir = data_dir;
    }

    /// Returns the lines that the agent has logged since the last call.
    pub fn new_log_lines(&mut self) -> Vec<LogLine> {
        self.log.new_lines()
    }

    /// Overwrites and removes the join token, which the server has taken and will not take again; tells if it was there.
    ///
    /// # Errors
    /// [`Error::File`] if it is there and cannot be overwritten or removed; it is left for another try then.
    pub fn wipe_join_token(&self) -> Result<bool, Error> {
        let token = &self.settings.join_token;
        match overwrite(token) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(source) => return Err(file("overwrite", token, source)),
        }
        let removed = fs::remove_file(token).and_then(|()| {
            token.parent().map_or(Ok(()), |parent| fs::File::open(parent)?.sync_all())
        });
        removed.map(|()| true).map_err(|source| file("remove", token, source))
    }

    /// Tells whether there is no program to run.
    pub fn is_missing(&self) -> bool {
        !self.settings.binary.is_file()
    }

    /// Tells whether a join token lies there that the running agent was started with.
    pub fn holds_given_join_token(&self) -> bool {
        let given = fs::read_to_string(self.config_file());
        given.is_ok_and(|config| config.contains("join_token_file"))
            && self.settings.join_token.exists()
    }

    fn write_config(&self) -> Result<PathBuf, Error> {
        let found = Credentials {
            join_token: self.settings.join_token.exists(),
            trust_bundle: self.settings.trust_bundle.exists(),
        };
        let path = self.config_file();
        write_private(&path, &self.settings.render(found))?;
        Ok(path)
    }

    fn config_file(&self) -> PathBuf {
        self.runtime_dir.join("agent.conf")
    }

    fn pid_file(&self) -> PathBuf {
        self.runtime_dir.join("agent.pid")
    }

    fn find_running(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.pid_file()).ok()?;
        let pid = Pid::from_raw(text.trim().parse().ok().filter(|pid| *pid > 1)?);
        runs(pid, &self.settings.binary).then_some(pid)
    }
}

/// Tells whether this process runs this program, so that a number that was given to another is not taken for it.
fn runs(pid: Pid, binary: &Path) -> bool {
    let wanted = fs::canonicalize(binary).unwrap_or_else(|_| binary.to_owned());
    let Ok(exe) = fs::read_link(format!("/proc/{pid}/exe")) else { return false };
    // The kernel marks a program whose file has been replaced while it runs.
    let exe = exe.to_string_lossy();
    Path::new(exe.strip_suffix(" (deleted)").unwrap_or(&exe)) == wanted
}

fn how(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Status(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Unknown,
    }
}

/// Only the directory itself is private: workloads find the socket beside it.
fn make_private_dir(path: &Path) -> Result<(), Error> {
    let parents = path.parent().map_or(Ok(()), fs::create_dir_all);
    let mut dir = fs::DirBuilder::new();
    dir.recursive(true).mode(0o700);
    parents.and_then(|()| dir.create(path)).map_err(|source| file("create", path, source))
}

/// Puts zeros in place of what a file holds, also on the medium: ext4 writes into the blocks that a file has.
fn overwrite(path: &Path) -> io::Result<()> {
    use std::io::Write as _;
    let mut file = fs::OpenOptions::new().write(true).open(path)?;
    let length = file.metadata()?.len();
    io::copy(&mut io::repeat(0).take(length), &mut file)?;
    file.flush()?;
    file.sync_all()
}

fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    use std::io::Write as _;
    let new = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options.open(&new).and_then(|mut file| file.write_all(text.as_bytes()));
    written.and_then(|()| fs::rename(&new, path)).map_err(|source| file("write", path, source))
}

pub(super) fn file(act: &'static str, path: &Path, source: io::Error) -> Error {
    Error::File { act, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
