//! The data file system while the node runs, and the keep that mirrors it.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use image::keep::File;
use nix::sys::statvfs::{FsFlags, statvfs};
use spire_bridge::Uptime;
use spire_bridge::identity::{Standing, WallTime};

use super::clock::uptime;
use super::disk::Disk;
use super::keep::KeepPartition;
use super::{durable, places, prepare};
use crate::clock_floor::{self, Passed, Validity};
use crate::data::{DataSeen, MIRRORED, Present, Room, mirrored, versions};
use crate::prepare::ladder::Data;
use crate::prepare::report::Report;
use crate::prepare::restoring::{AGENT, TRUSTED};

/// What has passed is written down this often: a router that lost its power is at most so much further in the past.
const CLOCK_EVERY: Duration = Duration::from_secs(600);

/// With less than this the agent cannot write its files beside the old ones.
const LEAST_ROOM: u64 = 256 << 10;

/// The keep is small; nothing that belongs there is larger.
const LARGEST: u64 = 128 << 10;

/// Four pieces of metadata, each within the limits that they are fetched with, as texts in a text.
const LARGEST_TRUSTED: u64 = 4 << 20;

/// The agent has a handful of files.
const MOST_FILES: usize = 64;

/// What tells that a file has changed: its path in the keep, its time and its length.
type Stamp = (String, i64, i64, u64);

/// The data file system of a router; there is none elsewhere.
#[derive(Debug)]
pub struct DataFiles {
    root: PathBuf,
    boot: Data,
    keep: Option<PathBuf>,
    agent: PathBuf,
    agent_in_memory: PathBuf,
    mirrored: Option<(Vec<Stamp>, bool)>,
    passed: Passed,
    clock_saved: Option<WallTime>,
}

impl DataFiles {
    /// Takes over what the boot has prepared; nothing where no boot has.
    pub fn open(agent: &Path) -> Option<Self> {
        let report = Report::parse(&fs::read_to_string(places::BOOT_REPORT).ok()?)?;
        let keep = Disk::of_root().ok().and_then(|disk| disk.partition("keep"));
        Some(Self {
            root: places::DATA.into(),
            boot: report.data,
            keep: keep.map(|partition| partition.device),
            agent: agent.to_owned(),
            agent_in_memory: places::AGENT_IN_MEMORY.into(),
            mirrored: None,
            // What was signed by a publisher may lie ahead; written down, it would set clocks.
            passed: Passed::new(clock_floor::floor(prepare::known().own()).at, uptime()),
            clock_saved: None,
        })
    }

    /// Returns where the agent keeps its data now.
    pub fn agent(&self) -> &Path {
        if self.agent_moved() { &self.agent_in_memory } else { &self.agent }
    }

    /// Looks once.
    pub fn observe(
        &mut self,
        identity: &Standing,
        (wall, now): (WallTime, Uptime),
        floor: WallTime,
    ) -> DataSeen {
        if let Standing::Held(own) = identity {
            let (not_before, not_after) = (own.not_before, own.not_after);
            self.passed.saw(Validity { not_before, not_after }, now);
        }
        let is_attested = matches!(identity, Standing::Held(_));
        let passed = self.passed.at(now);
        let is_due = |saved| passed < saved || passed.remaining(saved) >= CLOCK_EVERY;
        DataSeen {
            boot: self.boot,
            room: self.room(),
            agent_moved: self.agent_moved(),
            keep_behind: self.keep.is_some()
                && self.mirrored.as_ref() != Some(&(self.stamps(), is_attested)),
            clock_behind: self.boot != Data::Volatile && self.clock_saved.is_none_or(is_due),
            clock_below_floor: wall < floor,
        }
    }

    /// Brings the keep up to date.
    ///
    /// # Errors
    /// In words, what keeps it from that.
    pub fn mirror(&mut self, is_attested: bool) -> Result<(), String> {
        let Some(device) = &self.keep else { return Ok(()) };
        // Before the files: a change in between is seen at the next look.
        let stamps = self.stamps();
        let mut partition = KeepPartition::open(device).map_err(|error| error.to_string())?;
        // A medium that failed in the middle leaves what a power cut leaves.
        partition.finish_wipe().map_err(|error| error.to_string())?;
        let kept = partition.observe().map_err(|error| error.to_string())?;
        let kept = kept.newest().cloned().unwrap_or_default();
        let present = Present {
            files: self.files().map_err(|error| error.to_string())?,
            is_attested,
            // What is in memory is newer than what the next boot may find.
            agent_moved: self.agent_moved() || self.boot == Data::Volatile,
        };
        if let Some((keep, manner)) = mirrored(&kept, &present).map_err(|it| it.to_string())? {
            partition.store(&keep, manner).map_err(|error| error.to_string())?;
            tracing::debug!(?manner, "keep written");
        }
        self.mirrored = Some((stamps, is_attested));
        Ok(())
    }

    /// Copies the agent's data into memory and returns where it is from now on.
    ///
    /// # Errors
    /// What the system reports.
    pub fn move_agent(&mut self) -> io::Result<&Path> {
        let mut beside = self.agent_in_memory.clone().into_os_string();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&beside)?;
        for path in agent_files(&self.agent) {
            let Some(name) = path.file_name() else { continue };
            fs::copy(&path, beside.join(name))?;
        }
        fs::rename(&beside, &self.agent_in_memory)?;
        Ok(&self.agent_in_memory)
    }

    /// Writes down what has certainly passed, whatever the wall clock says.
    ///
    /// # Errors
    /// What the system reports.
    pub fn save_clock(&mut self, now: Uptime) -> io::Result<()> {
        let path = self.root.join(CLOCK);
        let passed = self.passed.at(now);
        durable::write(&path, format!("{}\n", passed.unix()).as_bytes(), 0o644)?;
        self.clock_saved = Some(passed);
        Ok(())
    }

    fn agent_moved(&self) -> bool {
        self.agent_in_memory.exists()
    }

    fn room(&self) -> Room {
        let Ok(status) = statvfs(&self.root) else { return Room::Free };
        let free = wide(status.blocks_available()).saturating_mul(wide(status.fragment_size()));
        if status.flags().contains(FsFlags::ST_RDONLY) {
            Room::ReadOnly
        } else if free < LEAST_ROOM || status.files_available() == 0 {
            Room::Full
        } else {
            Room::Free
        }
    }

    /// The files to be mirrored: their paths in the keep, and where they are.
    fn places(&self) -> Vec<(String, PathBuf)> {
        let fixed = MIRRORED.map(|path| (path.to_owned(), self.root.join(path)));
        let agents = agent_files(self.agent()).into_iter().filter_map(|path| {
            let name = path.file_name()?.to_str()?;
            Some((format!("{AGENT}{name}"), path))
        });
        fixed.into_iter().chain(agents).collect()
    }

    fn stamps(&self) -> Vec<Stamp> {
        let stamp = |(kept, path): (String, PathBuf)| {
            let found = fs::metadata(path).ok()?;
            Some((kept, found.mtime(), found.mtime_nsec(), found.len()))
        };
        self.places().into_iter().filter_map(stamp).collect()
    }

    fn files(&self) -> io::Result<Vec<(String, File)>> {
        let mut files = Vec::new();
        for (kept, path) in self.places() {
            let found = match fs::metadata(&path) {
                Ok(found) if found.is_file() && found.len() <= largest(&kept) => found,
                Ok(_) => continue,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let mode = found.permissions().mode() & 0o777;
            let bytes = fs::read(&path)?;
            let bytes = if kept == TRUSTED { versions(&bytes) } else { Some(bytes) };
            files.extend(bytes.map(|bytes| (kept, File { mode, bytes })));
        }
        Ok(files)
    }
}

/// Below the data file system's root, see [`places::CLOCK`].
const CLOCK: &str = "mesh-node/clock";

/// What is trusted is mirrored without its longest part, whatever that has.
fn largest(kept: &str) -> u64 {
    if kept == TRUSTED { LARGEST_TRUSTED } else { LARGEST }
}

/// These have 32 or 64 bits, as the C library has it.
fn wide(number: impl Into<u64>) -> u64 {
    number.into()
}

fn agent_files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let files = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file());
    let is_whole = |path: &PathBuf| path.extension().is_none_or(|it| it != "tmp" && it != "new");
    let mut files: Vec<PathBuf> = files.filter(is_whole).take(MOST_FILES).collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests;
