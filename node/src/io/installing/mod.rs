//! What is done with the slots beside the loop: the repository is asked, the slot that does not run is written, slots
//! are read. One thing at a time.

mod desk;
mod job;
mod memory;
mod reading;
mod showing;
mod source;
mod writer;

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use image::Architecture;
use image::io::slots::Slots;
use image::slot::Slot;
use image::update::tail;
use semver::Version;
use spire_bridge::identity::WallTime;
use tokio::sync::mpsc;
use tokio::time::sleep;
use url::Url;

use super::clock::wall;
use super::{clock_trust, places, prepare};
use crate::clock_floor;
use crate::config::Update;
use crate::install::firmware::Firmware;
use crate::install::journal::{Found, Insists, Mode, Source};
use crate::install::refusal::{Doing, Refusal};
use crate::install::retry::Waits;
use crate::prepare::data_schema;
use crate::proto::image::Progress;
use crate::release::{self, Available, Client, Floor, Now, Patience, Target};
use desk::Desk;
use job::{Job, Limits};
use memory::Memory;

/// Where things are; a test has its own.
#[derive(Clone, Debug)]
pub struct Places {
    /// What has come to be trusted of the repository.
    pub trusted: PathBuf,
    /// The same while it is looked at, in memory.
    pub scratch: PathBuf,
    /// The root to trust that provisioning has put there.
    pub provisioned_root: PathBuf,
    /// The root to trust that came with the image.
    pub built_in_root: PathBuf,
    /// The installation under way.
    pub journal: PathBuf,
    /// What is remembered of updates.
    pub record: PathBuf,
    /// What the boot had to say.
    pub boot_report: PathBuf,
    /// The data file system.
    pub data: PathBuf,
}

/// What installing needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `[update]`
    pub update: Update,
    /// Where things are.
    pub places: Places,
    /// The slots, or why there are none.
    pub slots: Result<Slots, String>,
    /// How long a server may take.
    pub patience: Patience,
    /// How long it is left alone after it failed.
    pub waits: Waits,
}

/// What somebody wants installed, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// By the node itself, also when the caller has left.
    pub background: bool,
    /// This file instead of the repository's update.
    pub unsigned_file: Option<String>,
    /// Against what the node would do by itself.
    pub insists: Insists,
}

/// Progress as it comes, and at the end how it ended.
pub type Progresses = mpsc::Receiver<Result<Progress, Refusal>>;

/// Does things with slots.
#[derive(Debug)]
pub struct Installing {
    settings: Settings,
    firmware: Option<Firmware>,
    memory: Memory,
    desk: Desk,
    checked: Mutex<Option<Checked>>,
}

/// The last answer of the repository.
#[derive(Clone, Debug)]
struct Checked {
    at: WallTime,
    answer: Result<Available, String>,
}

impl Default for Places {
    fn default() -> Self {
        let data = PathBuf::from(places::DATA);
        Self {
            trusted: data.join("mesh-node/releases"),
            scratch: PathBuf::from(places::RUNTIME).join("releases"),
            provisioned_root: data.join("mesh-node/update-root.json"),
            built_in_root: "/etc/mesh-node/update-root.json".into(),
            journal: data.join("mesh-node/installing.json"),
            record: places::UPDATE_RECORD.into(),
            boot_report: places::BOOT_REPORT.into(),
            data,
        }
    }
}

impl Settings {
    /// Takes what this machine has.
    pub fn of_machine(update: Update) -> Self {
        let slots = Slots::find().map_err(|fault| super::log::with_causes(&fault));
        let floor = Floor { least: update.least_bandwidth, ..Patience::default().floor };
        let patience = Patience { floor, ..Patience::default() };
        Self { update, places: Places::default(), slots, patience, waits: Waits::default() }
    }
}

impl Installing {
    /// Looks what this router is. Nothing runs until [`Installing::start`].
    pub fn new(settings: Settings) -> Arc<Self> {
        let firmware = firmware(&settings.slots);
        let memory = Memory::new(&settings.places);
        let (desk, checked) = (Desk::default(), Mutex::default());
        Arc::new(Self { settings, firmware, memory, desk, checked })
    }

    /// Starts what the node does by itself: it goes on with what a reboot broke off, and asks the repository now and
    /// then.
    pub fn start(self: &Arc<Self>) {
        // Before the node writes down the time again, which would look like a floor.
        let clock = clock_trust::clock();
        tracing::debug!(?clock, "what is known of the time");
        self.go_on();
        if self.settings.update.repository.is_none() {
            return;
        }
        let installing = Arc::clone(self);
        tokio::spawn(async move {
            loop {
                if let Err(refusal) = installing.fetch("the node".to_owned()).await {
                    tracing::debug!(refusal = refusal.in_full(), "no release");
                }
                sleep(installing.settings.update.check).await;
            }
        });
    }

    /// Asks the repository what it has.
    ///
    /// # Errors
    /// [`Refusal`] says why there is nothing to be had.
    pub async fn fetch(&self, who: String) -> Result<Available, Refusal> {
        let seat = self.desk.take(Doing::Fetch, who, None)?;
        let answer = tokio::select! {
            answer = self.ask(None) => answer,
            () = seat.cancelled() => Err(Refusal::Cancelled),
        };
        drop(seat);
        let told = answer.as_ref().map(Clone::clone).map_err(Refusal::in_full);
        let checked = Checked { at: wall(), answer: told };
        *self.checked.lock().unwrap_or_else(PoisonError::into_inner) = Some(checked);
        answer
    }

    /// Begins to install, or goes on with what was broken off.
    ///
    /// # Errors
    /// [`Refusal`] before anything was done; what comes later comes with the progress.
    pub fn install(self: &Arc<Self>, who: String, wish: &Wish) -> Result<Progresses, Refusal> {
        self.begin(who, wish, None)
    }

    /// Begins to install; an update that was `begun` stays the one.
    fn begin(
        self: &Arc<Self>,
        who: String,
        wish: &Wish,
        begun: Option<Target>,
    ) -> Result<Progresses, Refusal> {
        let insists = wish.insists;
        let source = match &wish.unsigned_file {
            Some(_) if !self.settings.update.unsigned_files => {
                return Err(Refusal::UnsignedFilesOff);
            }
            Some(path) => Some(Source::UnsignedFile { path: path.clone() }),
            None if insists.older => return Err(Refusal::OlderFromRepository),
            None => self.releases().map(|_| None)?,
        };
        let slots = self.slots()?;
        let slot = slots.observe().receiver()?;
        let (progress, told) = mpsc::channel(32);
        let mode = if wish.background { Mode::Background } else { Mode::Attended };
        let job = Job {
            slots: slots.clone(),
            target: self.firmware()?.target(slot, insists.older),
            mode,
            insists,
            begun,
            limits: Limits {
                rate: self.settings.update.bandwidth,
                hours: self.settings.update.hours.filter(|_| !insists.now),
            },
            memory: self.memory.clone(),
        };
        let seat = self.desk.take(Doing::Install, who, Some(progress))?;
        let installing = Arc::clone(self);
        tokio::spawn(async move {
            let outcome = tokio::select! {
                outcome = job.run(&installing, source, &seat) => outcome,
                () = seat.left(), if mode == Mode::Attended => Err(Refusal::Left),
                () = seat.cancelled() => {
                    installing.memory.let_rest();
                    Err(Refusal::Cancelled)
                }
            };
            seat.end(outcome).await;
        });
        Ok(told)
    }

    /// Begins to read a slot and hold it against what was installed there.
    ///
    /// # Errors
    /// [`Refusal`] before anything was done; what is found comes with the progress.
    pub fn verify(
        self: &Arc<Self>,
        who: String,
        slot: Option<Slot>,
    ) -> Result<Progresses, Refusal> {
        let slots = self.slots()?.clone();
        let slot = slot.unwrap_or(slots.running());
        let (progress, told) = mpsc::channel(32);
        let seat = self.desk.take(Doing::Verify, who, Some(progress))?;
        tokio::spawn(async move {
            let outcome = tokio::select! {
                outcome = reading::verify(slots, slot, &seat) => outcome,
                () = seat.left() => Err(Refusal::Left),
                () = seat.cancelled() => Err(Refusal::Cancelled),
            };
            seat.end(outcome).await;
        });
        Ok(told)
    }

    /// Ends what is being done, whoever began it, and tells what that was.
    ///
    /// # Errors
    /// [`Refusal::Idle`] if there is nothing to end.
    pub fn cancel(&self) -> Result<String, Refusal> {
        self.desk.cancel().ok_or(Refusal::Idle)
    }

    async fn ask(&self, begun: Option<&Target>) -> Result<Available, Refusal> {
        let available = self.releases()?.refresh_for(&now(), begun).await?;
        if let Some(signed) = available.signed {
            self.memory.saw_signed(signed);
        }
        Ok(available)
    }

    /// Goes on with an installation that the node was left with.
    fn go_on(self: &Arc<Self>) {
        let Ok(slots) = &self.settings.slots else { return };
        let journal = match self.memory.journal() {
            Found::UnderWay(journal) if journal.goes_on(slots.running()) => journal,
            Found::UnderWay(_) | Found::Nothing => return,
            Found::Newer(schema) => {
                tracing::warn!(schema, "a newer firmware has begun an installation");
                return;
            }
            Found::Corrupt => return self.memory.forget_journal(),
        };
        tracing::info!(slot = %journal.slot, percent = journal.percent(), "the installation goes on");
        let (unsigned_file, begun) = match journal.source {
            Source::UnsignedFile { path } => (Some(path), None),
            Source::Release { target } => (None, Some(*target)),
        };
        let wish = Wish { background: true, unsigned_file, insists: journal.insists };
        match self.begin("the node".to_owned(), &wish, begun) {
            Ok(mut told) => drop(tokio::spawn(async move {
                while let Some(progress) = told.recv().await {
                    if let Err(refusal) = progress {
                        tracing::warn!(refusal = refusal.in_full(), "nothing installed");
                    }
                }
            })),
            Err(refusal) => tracing::warn!(refusal = refusal.in_full(), "nothing installed"),
        }
    }

    fn slots(&self) -> Result<&Slots, Refusal> {
        self.settings.slots.as_ref().map_err(|why| Refusal::NoSlots(why.clone()))
    }

    fn firmware(&self) -> Result<&Firmware, Refusal> {
        self.firmware.as_ref().ok_or(Refusal::NoArchitecture)
    }

    /// Opens the repository; what it needs may have been provisioned a moment ago.
    fn releases(&self) -> Result<Client, Refusal> {
        let places = &self.settings.places;
        let repository = self.settings.update.repository.as_ref().ok_or(Refusal::NoRepository)?;
        let repository = Url::parse(&format!("{}/", repository.as_str()));
        let repository = repository.map_err(|_| Refusal::NoRepository)?;
        let root = fs::read(&places.provisioned_root).or_else(|_| fs::read(&places.built_in_root));
        let no_root = |_| Refusal::NoRoot {
            provisioned: places.provisioned_root.display().to_string(),
            built_in: places.built_in_root.display().to_string(),
        };
        Ok(Client::new(release::Settings {
            repository,
            root: root.map_err(no_root)?,
            datastore: places.trusted.clone(),
            scratch: places.scratch.clone(),
            running: self.firmware()?.running(self.data_schema()),
            patience: self.settings.patience,
        })?)
    }

    /// The schema of the data on this router, which may be a newer firmware's.
    fn data_schema(&self) -> u32 {
        let mark = fs::read(self.settings.places.data.join(data_schema::MARK)).ok();
        let mark = mark.and_then(|text| data_schema::Mark::parse(&text));
        mark.map_or(data_schema::CURRENT, |mark| mark.schema)
    }
}

/// What is known of the time.
fn now() -> Now {
    let floor = clock_floor::floor(prepare::known());
    Now { wall: wall(), floor: floor.at, floor_source: floor.source.to_string() }
}

fn firmware(slots: &Result<Slots, String>) -> Option<Firmware> {
    let architecture = Architecture::of_host()?;
    let header = slots.as_ref().ok().and_then(|slots| header(slots, slots.running()));
    // A version that cargo has accepted.
    let program = Version::parse(env!("CARGO_PKG_VERSION")).unwrap_or(Version::new(0, 0, 0));
    Some(Firmware::new(header.map(|header| header.facts().into()), architecture, program))
}

/// What a slot says of itself.
fn header(slots: &Slots, slot: Slot) -> Option<image::update::Header> {
    let root = slots.open(&format!("root-{slot}"), image::io::block_device::Access::Read).ok()?;
    tail::read(&root).ok()
}
