use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;

use super::agent::file;
use crate::Error;
use crate::agent::LogLine;

/// The log file is emptied when it has grown to this: it lives in memory, and every line has been passed on.
const FULL: u64 = 256 * 1024;

/// As much of a line as is worth reading; the agent's longest are a few hundred bytes.
const LONGEST_LINE: usize = 8 * 1024;

/// The agent's log: a file rather than a pipe, because a pipe whose reader has died kills its writer.
#[derive(Debug)]
pub(super) struct AgentLog {
    path: PathBuf,
    reader: Option<File>,
    partial: Vec<u8>,
}

impl AgentLog {
    /// Follows the log from its end, so that an adopted agent's past is not told twice.
    pub(super) fn open(path: PathBuf) -> Self {
        let mut reader = File::open(&path).ok();
        if let Some(file) = &mut reader {
            let _ = file.seek(SeekFrom::End(0));
        }
        Self { path, reader, partial: Vec::new() }
    }

    /// Opens the file for an agent that is about to start; appending, so that emptying it is safe.
    pub(super) fn writers(&mut self) -> Result<(Stdio, Stdio), Error> {
        let open = || {
            let mut options = OpenOptions::new();
            options.append(true).create(true).mode(0o600).open(&self.path)
        };
        let both = open().and_then(|out| Ok((Stdio::from(out.try_clone()?), Stdio::from(out))));
        let writers = both.map_err(|source| file("open", &self.path, source))?;
        if self.reader.is_none() {
            self.reader = File::open(&self.path).ok();
        }
        Ok(writers)
    }

    /// Returns the whole lines written since the last call.
    pub(super) fn new_lines(&mut self) -> Vec<LogLine> {
        let Some(reader) = &mut self.reader else { return Vec::new() };
        let mut fresh = Vec::new();
        if let Err(error) = reader.take(FULL).read_to_end(&mut fresh) {
            tracing::debug!(%error, "agent log not read");
        }
        self.empty_if_full();
        self.partial.extend_from_slice(&fresh);
        let mut lines = Vec::new();
        while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=end).collect();
            lines.push(LogLine::parse(String::from_utf8_lossy(&line).trim_end()));
        }
        self.partial.truncate(LONGEST_LINE);
        lines
    }

    fn empty_if_full(&mut self) {
        let Some(reader) = &mut self.reader else { return };
        let read = reader.stream_position().unwrap_or_default();
        let is_read_up = reader.metadata().is_ok_and(|file| file.len() == read);
        if read < FULL || !is_read_up {
            return;
        }
        let emptied = OpenOptions::new().write(true).open(&self.path).and_then(|f| f.set_len(0));
        if emptied.is_ok() {
            let _ = reader.seek(SeekFrom::Start(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::*;

    fn messages(log: &mut AgentLog) -> Vec<String> {
        log.new_lines().into_iter().map(|line| line.message).collect()
    }

    #[test]
    fn a_line_is_told_once_and_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent.log");
        let mut log = AgentLog::open(path.clone());
        log.writers().unwrap();
        let mut agent = OpenOptions::new().append(true).open(&path).unwrap();

        agent.write_all(b"one\ntw").unwrap();
        let first = messages(&mut log);
        agent.write_all(b"o\n").unwrap();
        let second = messages(&mut log);

        assert_eq!(first, ["one"]);
        assert_eq!(second, ["two"]);
    }

    #[test]
    fn a_full_log_is_emptied_and_followed_from_its_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent.log");
        let mut log = AgentLog::open(path.clone());
        log.writers().unwrap();
        let mut agent = OpenOptions::new().append(true).open(&path).unwrap();
        let line = [b'x'; 1023];
        for _ in 0..256 {
            agent.write_all(&line).unwrap();
            agent.write_all(b"\n").unwrap();
        }

        let count = log.new_lines().len();
        let size = fs::metadata(&path).unwrap().len();
        agent.write_all(b"after\n").unwrap();

        assert_eq!((count, size), (256, 0));
        assert_eq!(messages(&mut log), ["after"]);
    }

    #[test]
    fn the_past_of_an_adopted_agent_is_not_told_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent.log");
        fs::write(&path, "old\n").unwrap();

        let mut log = AgentLog::open(path);

        assert_eq!(messages(&mut log), [""; 0]);
    }
}
