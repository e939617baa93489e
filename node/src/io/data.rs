//! The data file system while the node runs, and the keep that mirrors it.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use image::keep::File;
use nix::sys::statvfs::{FsFlags, statvfs};
use spire_bridge::identity::WallTime;

use super::disk::Disk;
use super::keep::KeepPartition;
use super::{durable, places};
use crate::data::{DataSeen, MIRRORED, Present, Room, mirrored};
use crate::prepare::ladder::Data;
use crate::prepare::report::Report;
use crate::prepare::restoring::AGENT;

/// The clock is written down this often: a router that lost its power is at most so far in the past.
const CLOCK_EVERY: Duration = Duration::from_secs(600);

/// With less than this the agent cannot write its files beside the old ones.
const LEAST_ROOM: u64 = 256 << 10;

/// The keep is small; nothing that belongs there is larger.
const LARGEST: u64 = 128 << 10;

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
            clock_saved: None,
        })
    }

    /// Returns where the agent keeps its data now.
    pub fn agent(&self) -> &Path {
        if self.agent_moved() { &self.agent_in_memory } else { &self.agent }
    }

    /// Looks once.
    pub fn observe(&self, is_attested: bool, wall: WallTime, floor: WallTime) -> DataSeen {
        let is_due = |saved: WallTime| wall.remaining(saved) >= CLOCK_EVERY;
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

    /// Writes the clock down.
    ///
    /// # Errors
    /// What the system reports.
    pub fn save_clock(&mut self, wall: WallTime) -> io::Result<()> {
        let path = self.root.join(CLOCK);
        durable::write(&path, format!("{}\n", wall.unix()).as_bytes(), 0o644)?;
        self.clock_saved = Some(wall);
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
                Ok(found) if found.is_file() && found.len() <= LARGEST => found,
                Ok(_) => continue,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let mode = found.permissions().mode() & 0o777;
            files.push((kept, File { mode, bytes: fs::read(&path)? }));
        }
        Ok(files)
    }
}

/// Below the data file system's root, see [`places::CLOCK`].
const CLOCK: &str = "mesh-node/clock";

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
