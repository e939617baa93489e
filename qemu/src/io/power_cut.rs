//! Holds power cuts against the real slot chooser: the disk as a cut left it, booted, beside what the model says.

mod bench;
mod watchdog;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use image::block::BlockDevice as _;
use image::io::block_device::{Access, FileDevice};
use image::power_cut::life::{Phase, install, live};
use image::power_cut::{Cut, Dice, Disk, Image, Machine, Places, sweep};
use image::slot::environment::{Environment, LENGTH, State};
use image::slot::trial::{self, Trial};
use image::slot::{Slot, place};
use image::update::{Header, Target};
use image::{Architecture, Layout};
use semver::Version;

use super::chooser::Chooser;
use super::site::{Release, Site};
use crate::update::Update;
use bench::Bench;
pub use watchdog::lose_watchdog;

/// Machines at a time, one for each core of the smallest host.
const BENCHES: usize = 2;

/// The root file system of the updates: no kernel gets so far as to look at it.
const ROOT: usize = 1 << 20;

/// What was on the disk before a cut, and all that was done to it.
type Phases = Vec<Phase<FileDevice>>;

/// What a sweep came to.
#[derive(Debug)]
pub struct Tally {
    /// How often which slot was booted.
    pub booted: BTreeMap<Slot, usize>,
    /// How many cuts were tried in which phase.
    pub phases: BTreeMap<&'static str, usize>,
    /// How many cuts there are to choose from.
    pub all: usize,
    /// How long the machines took.
    pub took: Duration,
}

/// A cut to be tried, and what is expected of it.
#[derive(Debug)]
struct Job {
    phase: &'static str,
    cut: Cut,
    /// What the disk holds that its base does not.
    changes: Vec<(u64, Vec<u8>)>,
    expected: Expected,
}

/// What the model says.
#[derive(Debug)]
struct Expected {
    slot: Slot,
    /// Seconds of the watchdog that is armed for it.
    watchdog: u16,
    /// Both environment files after the boot; none where there is no such file.
    files: [Option<Vec<u8>>; 2],
}

/// Tries that many power cuts, drawn by lot from every phase of a life.
///
/// # Errors
/// The first cut after which the real chooser or our own state machine did what it must not.
pub fn sweep(site: &Site, count: usize, seed: u64) -> anyhow::Result<Tally> {
    let release = site.release()?;
    let directory = site.directory.join("power-cut");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).with_context(|| format!("making {}", directory.display()))?;
    let base = directory.join("base");
    let places = places(&release.layout)?;
    let phases = phases(release, &places, &base)?;
    let cuts: Vec<Vec<Cut>> = phases.iter().map(|phase| phase.recording.cuts(seed)).collect();
    let size = fs::metadata(&base)?.len();
    let chooser =
        Chooser::prepare(Architecture::X86_64, size, &directory.join("chooser"), site.slowness)?;
    let start = Instant::now();
    let mut tally = Tally {
        booted: BTreeMap::new(),
        phases: BTreeMap::new(),
        all: cuts.iter().map(Vec::len).sum(),
        took: Duration::ZERO,
    };
    thread::scope(|scope| {
        let (jobs, taken) = mpsc::sync_channel::<Job>(1);
        let taken = Arc::new(Mutex::new(taken));
        let (done, outcomes) = mpsc::channel();
        for number in 0..BENCHES {
            let bench = Bench::new(number, &chooser, &base, &directory, &places)?;
            let (taken, done) = (Arc::clone(&taken), done.clone());
            scope.spawn(move || bench.work(&taken, &done));
        }
        drop((taken, done));
        let mut dice = Dice::new(seed);
        for (phase, cuts) in phases.iter().zip(&cuts).cycle().take(count) {
            let cut = cuts.get(dice.below(cuts.len())).context("a phase without cuts")?;
            let job = job(phase, *cut, &places)?;
            *tally.phases.entry(phase.name).or_default() += 1;
            if jobs.send(job).is_err() {
                break;
            }
        }
        drop(jobs);
        for outcome in outcomes {
            *tally.booted.entry(outcome?).or_default() += 1;
        }
        tally.took = start.elapsed();
        Ok(tally)
    })
}

/// Prepares the trial of a cut; here the model is asked, and everything held against what must never be.
fn job(phase: &Phase<FileDevice>, cut: Cut, places: &Places) -> anyhow::Result<Job> {
    let told = || format!("in phase {:?}, {cut}", phase.name);
    let image = phase.recording.at(cut)?;
    let changes = image.changes().map(|(offset, bytes)| (offset, bytes.to_vec())).collect();
    let mut machine = sweep::machine(image, places);
    let choice = machine.choose().map_err(|it| anyhow!(it)).with_context(told)?;
    let slot = choice.slot.context("nothing is chosen").with_context(told)?;
    machine.check_whole(slot).map_err(|it| anyhow!(it)).with_context(told)?;
    ensure!(phase.kept.contains(&machine.kept()?), "{}: what was kept is lost", told());
    let files = Slot::ALL.map(|slot| environment(&machine.boot(slot)));
    let expected = Expected { slot, watchdog: choice.watchdog, files };
    Ok(Job { phase: phase.name, cut, changes, expected })
}

/// Reads a slot's environment file, valid or not.
fn environment(partition: &impl image::block::BlockDevice) -> Option<Vec<u8>> {
    let place = place::find(partition).ok()?;
    let mut file = vec![0; LENGTH];
    partition.read_at(place.file, &mut file).ok()?;
    Some(file)
}

/// Makes a disk as it leaves the factory, and puts it through a life.
fn phases(release: &Release, places: &Places, base: &Path) -> anyhow::Result<Phases> {
    fs::copy(&release.disk, base).with_context(|| release.disk.display().to_string())?;
    let file = fs::read(&release.update).with_context(|| release.update.display().to_string())?;
    let update = Update::parse(&file)?.root(vec![7; ROOT]);
    let target = Target {
        architecture: Architecture::X86_64,
        board: update.board().to_owned(),
        running: Version::new(1, 0, 0),
        accepts_older: true,
        slot: Slot::A,
        root: u64::MAX,
        boot: u64::MAX,
    };
    let machine = open(base, places)?;
    let old = update.clone().versioned(Version::new(1, 0, 0)).build()?;
    let header = header(&old)?;
    install(&machine, Slot::A, &old, &header, &target)?;
    prove(&machine, &header)?;
    // What lies in the other slot is nothing that could be taken for what is installed there.
    let other = update.clone().versioned(Version::new(0, 9, 0)).garbage_kernel()?.build()?;
    install(&machine, Slot::B, &other, &self::header(&other)?, &target)?;
    write(&machine.disk.image(), base)?;

    let new = update.versioned(Version::new(1, 1, 0)).root(vec![8; ROOT]).build()?;
    let header = self::header(&new)?;
    Ok(live(open(base, places)?, &new, &header, &target)?)
}

/// Declares slot A proven.
fn prove(machine: &Machine<FileDevice>, header: &Header) -> anyhow::Result<()> {
    use image::block::BlockDevice as _;

    let kernel = header.facts().kernel.of(Slot::A);
    let record = Trial::new(trial::Phase::Committed, header.image());
    let environment = Environment::new(&kernel, State::Ok, 1, record)?;
    let mut boot = machine.boot(Slot::A);
    let place = place::find(&boot)?;
    Ok(boot.write_at(place.file, environment.as_bytes())?)
}

fn open(base: &Path, places: &Places) -> anyhow::Result<Machine<FileDevice>> {
    let device = FileDevice::open(base, Access::Read)?;
    let disk = Disk::new(Image::new(Rc::new(device)));
    let watchdog = Duration::MAX;
    Ok(Machine { disk, places: places.clone(), running: Slot::A, watchdog })
}

fn write(image: &Image<FileDevice>, disk: &Path) -> anyhow::Result<()> {
    let mut device = FileDevice::open(disk, Access::Write)?;
    for (offset, bytes) in image.changes() {
        device.write_at(offset, bytes)?;
    }
    Ok(())
}

fn header(update: &[u8]) -> anyhow::Result<Header> {
    Header::begin(update, None)?.context("an update that ends early")
}

fn places(layout: &Layout) -> anyhow::Result<Places> {
    let range = |name| {
        let partition = layout.get(name)?;
        anyhow::Ok(partition.offset..partition.offset + partition.size)
    };
    Ok(Places {
        boot: [range("boot-a")?, range("boot-b")?],
        root: [range("root-a")?, range("root-b")?],
        keep: range("keep")?,
    })
}
