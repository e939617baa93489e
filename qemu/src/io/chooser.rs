//! Runs the real slot chooser on a disk: the board's firmware, EFI Boot Guard, and the kernel's first words.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use image::Architecture;
use serde_json::Value;

use super::process::Process;
use super::sockets::SocketDirectory;
use super::{bios, qmp, waiting};
use crate::board::Board;
use crate::chooser::{Bench, Verdict, save_command, verdict};
use crate::machine::Boot;
use crate::patience::{Seen, Slowness};
use crate::qmp::Request;

/// From power-on to the kernel's first words: 5 s of CPU, on a host that has other things to do.
const LIMIT: Duration = Duration::from_secs(60);

/// The time between the firmware's first character and its first look at a disk is a tenth of a second.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// How often it is tried to stop the firmware in that moment.
const TRIES: u32 = 5;

/// The chooser of one board, ready to be asked again and again.
///
/// Most of a boot is the firmware finding its own feet, the same each time. So that is done once and
/// kept: a machine stopped when it has set up its console and read nothing of the disk.
#[derive(Debug)]
pub struct Chooser {
    architecture: Architecture,
    board: Board,
    directory: PathBuf,
    sockets: SocketDirectory,
    saved: Option<Saved>,
    slowness: Slowness,
}

#[derive(Debug)]
struct Saved {
    state: PathBuf,
    variables: PathBuf,
}

/// What the chooser did with a disk.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What it started.
    pub verdict: Verdict,
    /// All it said on the way.
    pub serial: String,
    /// How long that took.
    pub took: Duration,
}

impl Answer {
    /// Returns the last of what it said.
    pub fn last_words(&self) -> String {
        let lines: Vec<&str> = self.serial.lines().filter(|line| !line.trim().is_empty()).collect();
        lines.get(lines.len().saturating_sub(8)..).unwrap_or_default().join(" / ")
    }
}

impl Chooser {
    /// Prepares a chooser for disks of one size, with a directory of its own.
    ///
    /// # Errors
    /// If the firmware is not there or does not start.
    pub fn prepare(
        architecture: Architecture,
        disk_size: u64,
        directory: &Path,
        slowness: Slowness,
    ) -> anyhow::Result<Self> {
        let board = Board::of(architecture);
        Self::prepare_on(board, architecture, disk_size, directory, slowness)
    }

    /// As [`Chooser::prepare`], on a board that is not the architecture's own.
    ///
    /// # Errors
    /// As [`Chooser::prepare`].
    pub fn prepare_on(
        board: Board,
        architecture: Architecture,
        disk_size: u64,
        directory: &Path,
        slowness: Slowness,
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
        let sockets = SocketDirectory::create()?;
        let directory = directory.to_owned();
        let mut chooser = Self { architecture, board, directory, sockets, saved: None, slowness };
        if architecture == Architecture::X86_64 {
            chooser.saved = chooser.save(disk_size)?;
        }
        Ok(chooser)
    }

    /// Boots a disk and tells what was started from it; `bench` names a place that no other thread uses.
    ///
    /// The chooser writes to the disk as it does on hardware.
    ///
    /// # Errors
    /// If the machine cannot be run. That nothing was started is an answer.
    pub fn ask(&self, bench: &str, disk: &Path) -> anyhow::Result<Answer> {
        let bench = self.bench(bench, disk)?;
        let start = Instant::now();
        let log = bench.serial.with_extension("qemu.log");
        let mut qemu = Process::start(self.board.program, bench.arguments(), &log)?;
        let limit = self.slowness.stretch(LIMIT);
        if bench.saved.is_some() {
            go_on(&bench.qmp, limit)?;
        }
        let mut serial = String::new();
        while start.elapsed() < limit {
            let ended = qemu.ended();
            serial = read(&bench.serial);
            let verdict = verdict(&serial);
            let took = start.elapsed();
            if verdict != Verdict::NotYet {
                return Ok(Answer { verdict, serial, took });
            }
            if let Some(status) = ended {
                bail!("QEMU ended with {status}, see {}", log.display());
            }
            thread::sleep(BETWEEN_LOOKS);
        }
        Ok(Answer { verdict: Verdict::NotYet, serial, took: start.elapsed() })
    }

    fn bench(&self, name: &str, disk: &Path) -> anyhow::Result<Bench> {
        let directory = self.directory.join(name);
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory)
            .with_context(|| format!("making {}", directory.display()))?;
        if let Some(saved) = &self.saved {
            fs::copy(&saved.variables, directory.join("variables"))
                .with_context(|| saved.variables.display().to_string())?;
        }
        Ok(Bench {
            board: self.board,
            boot: bios::boot(self.architecture, &directory)?,
            disk: disk.to_owned(),
            qmp: self.sockets.path().join(format!("{name}.qmp")),
            serial: directory.join("serial.log"),
            saved: self.saved.as_ref().map(|saved| saved.state.clone()),
        })
    }

    /// Saves a machine whose firmware is up and has not looked at its disk, or none if it was always too quick.
    fn save(&self, disk_size: u64) -> anyhow::Result<Option<Saved>> {
        let disk = self.directory.join("blank");
        let blank = File::create(&disk).with_context(|| disk.display().to_string())?;
        blank.set_len(disk_size)?;
        for _ in 0..TRIES {
            if let Some(saved) = self.try_to_save(&disk)? {
                return Ok(Some(saved));
            }
        }
        Ok(None)
    }

    fn try_to_save(&self, disk: &Path) -> anyhow::Result<Option<Saved>> {
        let bench = self.bench("saved", disk)?;
        let log = bench.serial.with_extension("qemu.log");
        let mut qemu = Process::start(self.board.program, bench.arguments(), &log)?;
        let start = Instant::now();
        while read(&bench.serial).is_empty() {
            if let Some(status) = qemu.ended() {
                bail!("QEMU ended with {status}, see {}", log.display());
            }
            ensure!(start.elapsed() < self.slowness.stretch(LIMIT), "the firmware says nothing");
            thread::sleep(BETWEEN_LOOKS);
        }
        qmp::ask(&bench.qmp, &Request::Stop)?;
        if reads(&qmp::ask(&bench.qmp, &Request::QueryBlockStats)?) != Some(0) {
            return Ok(None);
        }
        let state = self.directory.join("state");
        qmp::ask(&bench.qmp, &Request::Migrate { uri: save_command(&state) })?;
        waiting::until("the machine to be saved", self.slowness.stretch(LIMIT), || {
            let status = qmp::ask(&bench.qmp, &Request::QueryMigrate)?;
            let done = status.get("status").and_then(Value::as_str) == Some("completed");
            Ok(Seen::when(done, || status.to_string()))
        })?;
        let Boot::Firmware { variables: Some(variables), .. } = bench.boot else {
            bail!("a firmware without a memory of its own cannot be saved");
        };
        Ok(Some(Saved { state, variables }))
    }
}

/// Lets a machine go on that was stopped when it was saved.
fn go_on(socket: &Path, limit: Duration) -> anyhow::Result<()> {
    let start = Instant::now();
    loop {
        let status = qmp::ask(socket, &Request::QueryStatus);
        let status = status.ok().and_then(|it| it.get("status")?.as_str().map(str::to_owned));
        if status.as_deref() == Some("paused") {
            return qmp::ask(socket, &Request::Continue).map(drop);
        }
        ensure!(start.elapsed() < limit, "a saved machine is {status:?} and not ready to go on");
        thread::sleep(BETWEEN_LOOKS);
    }
}

/// Reads how often the disk was read, out of what QEMU tells of all block devices.
fn reads(told: &Value) -> Option<u64> {
    let devices = told.as_array()?;
    let disk = devices.iter().find(|it| it.get("device").and_then(Value::as_str) == Some("disk"));
    disk?.pointer("/stats/rd_operations")?.as_u64()
}

fn read(serial: &Path) -> String {
    String::from_utf8_lossy(&fs::read(serial).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_are_those_of_the_disk() {
        let told = json!([
            {"device": "pflash0", "stats": {"rd_operations": 9}},
            {"device": "disk", "stats": {"rd_operations": 3}},
        ]);

        assert_eq!(reads(&told), Some(3));
        assert_eq!(reads(&json!([])), None);
    }
}
