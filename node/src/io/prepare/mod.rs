//! What a boot does before anything else runs. Nothing here fails the boot: what goes wrong is told, and the next
//! step runs with what there is.

mod files;
mod medium;

use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context as _;
use image::keep::{Keep, Manner};
use nix::time::{ClockId, clock_settime};
use spire_bridge::identity::WallTime;

use super::clock::wall;
use super::disk::{Disk, Partition};
use super::keep::KeepPartition;
use super::watchdog::{Progress, pet_while};
use super::{places, slots};
use crate::clock_floor::{self, BUILT, Floor, Known};
use crate::prepare::ladder::{Data, Ladder, Medium, Outcome};
use crate::prepare::report::Report;
use crate::prepare::{asks_for_factory_reset, restoring};
use crate::trial::record::Record;

/// Whoever watches a factory reset hears of it this often.
const TOLD_EVERY: u64 = 1 << 30;

/// Goes through the steps of a boot and leaves the report where the node finds it.
pub fn prepare() {
    // A check of a large file system takes longer than a watchdog waits.
    pet_while(get_ready);
}

fn get_ready(progress: &Progress) {
    let mut boot = Boot { woke: wall(), told: Vec::new(), progress };
    slots::begin(|told| boot.tell(told));
    boot.floor_clock(known_without_data());
    let disk = Disk::of_root();
    let mut keep = boot.open_keep(disk.as_ref().ok());
    boot.grow_partition(disk.as_ref().ok());
    let data = boot.mount(disk.as_ref().ok(), &mut keep);
    boot.grow_file_system(disk.as_ref().ok(), data);
    boot.fill(data, keep.as_mut());
    boot.floor_clock(known().for_clock(boot.woke));
    boot.name_host();
    let report = Report { data, told: boot.told };
    let written = fs::create_dir_all(places::RUNTIME)
        .and_then(|()| fs::write(places::BOOT_REPORT, report.render()));
    if let Err(error) = written {
        eprintln!("mesh-node prepare: no report for the node: {error}");
    }
}

/// The keep with what is in it now.
struct Opened {
    partition: KeepPartition,
    keep: Keep,
}

impl Opened {
    fn store(&mut self, keep: Keep, manner: Manner) -> anyhow::Result<()> {
        self.partition.store(&keep, manner)?;
        self.keep = keep;
        Ok(())
    }
}

/// A boot, and what it had to say.
struct Boot<'a> {
    /// What the clock said before it was set.
    woke: WallTime,
    told: Vec<String>,
    progress: &'a Progress,
}

impl Boot<'_> {
    fn tell(&mut self, what: String) {
        eprintln!("mesh-node prepare: {what}");
        self.told.push(what);
    }

    /// Goes on without what failed.
    fn settle<T>(&mut self, step: &str, result: anyhow::Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.tell(format!("{step}: {error:#}"));
                None
            }
        }
    }

    /// Sets the clock forward where it stands before the floor.
    fn floor_clock(&mut self, known: Known) {
        let floor = clock_floor::floor(known);
        if wall() >= floor.at {
            return;
        }
        let result = set_clock(floor);
        if self.settle("the clock cannot be set", result).is_some() {
            // Not out of the ordinary on a router: it has no battery.
            eprintln!("mesh-node prepare: the clock was set to {floor}");
        }
    }

    fn open_keep(&mut self, disk: Option<&Disk>) -> Option<Opened> {
        let device = disk?.partition("keep")?.device;
        let opened = KeepPartition::open(&device).context("it cannot be opened");
        let mut partition = self.settle("the keep", opened)?;
        // Before any change, which would hide that a secret is left.
        let wiped = partition.finish_wipe().context("what was to be wiped is still there");
        if self.settle("the keep", wiped) == Some(true) {
            self.tell("the keep had a copy that was cut off, and was written anew".to_owned());
        }
        let seen = partition.observe().context("it cannot be read");
        let keep = self.settle("the keep", seen)?.newest().cloned().unwrap_or_default();
        let mut opened = Opened { partition, keep };
        if let Ok(Some(keep)) = restoring::remember_factory(&opened.keep) {
            let kept = opened.store(keep, Manner::Change);
            self.settle("the keep", kept);
        }
        Some(opened)
    }

    fn grow_partition(&mut self, disk: Option<&Disk>) {
        let Some(disk) = disk.filter(|disk| disk.partition("data").is_some()) else { return };
        let grown = medium::grow_partition(disk, "data");
        if self.settle("the data partition does not grow", grown) == Some(true) {
            eprintln!("mesh-node prepare: the data partition fills the disk");
        }
    }

    fn grow_file_system(&mut self, disk: Option<&Disk>, data: Data) {
        let partition = disk.and_then(|disk| disk.partition("data"));
        let Some(partition) = partition else { return };
        if matches!(data, Data::Volatile | Data::ReadOnly) {
            return;
        }
        let grown = medium::grow_file_system(&partition, Path::new(places::DATA));
        self.settle("the data file system does not grow", grown.map_err(Into::into));
    }

    fn mount(&mut self, disk: Option<&Disk>, keep: &mut Option<Opened>) -> Data {
        let target = Path::new(places::DATA);
        if medium::is_mounted(target) {
            return Data::Sound;
        }
        let partition = disk.and_then(|disk| disk.partition("data"));
        let is_reset = self.is_reset_asked_for(keep.as_ref());
        let state = match &partition {
            None => Medium::Missing,
            Some(partition) if partition.is_read_only => Medium::ReadOnly,
            Some(_) if is_reset => Medium::ToErase,
            Some(_) => Medium::Writable,
        };
        if let Some(partition) = partition.as_ref().filter(|_| state == Medium::ToErase) {
            let erased = self.erase(partition);
            self.settle("the data partition cannot be erased", erased.map_err(Into::into));
        }
        let device = partition.map(|partition| partition.device).unwrap_or_default();
        let data = self.climb(Ladder::at(state), &device, target);
        // Last: a reset that was cut off begins anew.
        if is_reset && let Some(opened) = keep {
            let reset = restoring::reset(&opened.keep).map_err(Into::into);
            let reset = reset.and_then(|fresh| opened.store(fresh, Manner::Wipe));
            self.settle("the keep", reset);
        }
        data
    }

    /// Erases all of a partition, which takes as long as it takes.
    fn erase(&self, partition: &Partition) -> io::Result<()> {
        let length = partition.length;
        medium::erase(partition, |erased| {
            self.progress.is_made();
            if erased % TOLD_EVERY == 0 || erased == length {
                eprintln!("mesh-node prepare: {} of {} MiB erased", erased >> 20, length >> 20);
            }
        })
    }

    fn climb(&mut self, mut ladder: Ladder, device: &Path, target: &Path) -> Data {
        loop {
            let step = ladder.step();
            let outcome = medium::climb(step, device, target);
            if let Outcome::Failed(why) | Outcome::Unable(why) = &outcome {
                self.tell(format!("cannot {step}: {why}"));
            }
            match ladder.climb(&outcome) {
                Ok(next) => ladder = next,
                Err(data) => {
                    if data != Data::Sound {
                        self.tell(data.to_string());
                    }
                    return data;
                }
            }
        }
    }

    /// Tells whether the machine goes back to how it was provisioned.
    fn is_reset_asked_for(&mut self, keep: Option<&Opened>) -> bool {
        let is_marked = keep.is_some_and(|it| it.keep.file(restoring::RESET).is_some());
        let is_asked_for = is_marked || asks_for_factory_reset(&medium::command_line());
        if is_asked_for {
            self.tell("a factory reset was asked for".to_owned());
        }
        is_asked_for
    }

    /// Writes back what the data file system lacks, and brings it into this firmware's shape.
    fn fill(&mut self, data: Data, keep: Option<&mut Opened>) {
        let root = Path::new(places::DATA);
        if let Some(opened) = keep {
            let restored = files::restore(root, &opened.keep, data).context("not restored");
            let restored = self.settle("the keep", restored);
            let is_restored = restored.is_some();
            if let Some(paths) = restored.filter(|paths| !paths.is_empty()) {
                self.tell(format!("restored from the keep: {}", paths.join(", ")));
            }
            self.settle_agent(data, opened, is_restored);
        }
        if data == Data::ReadOnly {
            return;
        }
        let migrated = files::migrate(root).context("it keeps its shape");
        if let Some(Some(newer)) = self.settle("the data file system", migrated) {
            self.tell(format!("a newer firmware wrote the data file system, schema {newer}"));
        }
    }

    /// Has the agent go on with its newest files, which may be those of the keep.
    fn settle_agent(&mut self, data: Data, opened: &mut Opened, is_restored: bool) {
        if let Some(keep) = restoring::returned(&opened.keep, data, is_restored) {
            let kept = opened.store(keep, Manner::Change);
            self.settle("the keep", kept);
        } else if data == Data::ReadOnly || !is_restored {
            let place = Path::new(places::AGENT_IN_MEMORY);
            let carried = files::carry_agent(place, &opened.keep).map_err(Into::into);
            if self.settle("the agent's newest files", carried) == Some(true) {
                self.tell("spire-agent goes on in memory".to_owned());
            }
        }
    }

    fn name_host(&mut self) {
        let Ok(name) = fs::read_to_string(places::HOST_NAME) else { return };
        let named = nix::unistd::sethostname(name.trim()).map_err(Into::into);
        self.settle("the host has no name", named);
    }
}

fn set_clock(floor: Floor) -> anyhow::Result<()> {
    let seconds = floor.at.unix().try_into()?;
    clock_settime(ClockId::CLOCK_REALTIME, nix::sys::time::TimeSpec::new(seconds, 0))?;
    Ok(())
}

/// What is known of the time before the data file system is mounted.
fn known_without_data() -> Known {
    Known { built: image_built().max(BUILT), persisted: None, signed: None }
}

/// What is known of the time, for what expires; a clock is set by less, see [`Known::for_clock`].
pub fn known() -> Known {
    let persisted = fs::read_to_string(places::CLOCK).ok();
    let record = fs::read(places::UPDATE_RECORD).ok().and_then(|text| Record::parse(&text));
    Known {
        persisted: persisted.and_then(|text| clock_floor::read(&text)),
        ..with_signed(&record.unwrap_or_default())
    }
}

/// What the clock of a running node is held against; at boot it was raised to what was written down.
pub fn known_with(record: &Record) -> Known {
    with_signed(record).for_clock(wall())
}

fn with_signed(record: &Record) -> Known {
    let signed = record.newest_signed.map(WallTime::from_unix);
    Known { signed, ..known_without_data() }
}

/// Sets the clock forward to its floor, if it stands before it.
///
/// # Errors
/// If the clock cannot be set.
pub fn raise_clock() -> anyhow::Result<()> {
    let floor = clock_floor::floor(known().for_clock(wall()));
    if wall() < floor.at { set_clock(floor) } else { Ok(()) }
}

/// When the image was packed, where its packer says so.
fn image_built() -> WallTime {
    let text = fs::read_to_string(places::IMAGE_BUILT).unwrap_or_default();
    clock_floor::read(&text).unwrap_or(WallTime::from_unix(0))
}
