//! Real disks at power cuts, for a machine with the real chooser to boot.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::block_device::{Access, FileDevice};
use super::files;
use super::slots::{self, Slots};
use crate::Architecture;
use crate::power_cut::life::{self, Phase, live};
use crate::power_cut::{Broken, Dice, Image, Machine, Places, sweep};
use crate::slot::{Slot, state};
use crate::update::header;
use crate::update::{Header, Target};

/// A disk image, and everything that an update writes to it.
#[derive(Debug)]
pub struct Sweep {
    disk: PathBuf,
    places: Places,
    phases: Vec<Phase<FileDevice>>,
}

/// A disk at a power cut.
#[derive(Debug)]
pub struct Cut {
    /// What was done, where it was cut, and what became of what was not flushed.
    pub label: String,
    /// What a machine makes of it.
    pub expected: Expected,
    disk: PathBuf,
    image: Image<FileDevice>,
}

/// What a machine makes of a disk, by the chooser's model and our own state machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The slot that is chosen first.
    pub chosen: Slot,
    /// What its kernel gets.
    pub parameters: String,
    /// The slot that runs when the node itself wants no more reboots.
    pub rests_in: Slot,
    /// Whether that slot is on trial: without a verdict by the node it is given up.
    pub is_on_trial: bool,
    /// How often the machine boots until then.
    pub boots: usize,
}

/// Why there are no cuts.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A file cannot be read or written.
    #[error("{path}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk has no two slots.
    #[error(transparent)]
    Disk(#[from] slots::Fault),
    /// The disk cannot be copied.
    #[error(transparent)]
    Copy(#[from] crate::Error),
    /// The update is none.
    #[error(transparent)]
    Header(#[from] header::Fault),
    /// The update file ends within its header, or is for machines that are not known.
    #[error("the update is of no use here")]
    Update,
    /// A life could not be lived to its end.
    #[error(transparent)]
    Life(#[from] life::Fault),
    /// The machine does what it must not.
    #[error("{label}")]
    Broken {
        /// Where it was cut.
        label: String,
        /// What is broken.
        source: Broken,
    },
}

impl Sweep {
    /// Puts the disk through everything that an update writes to it. The file itself is only read, and must stay as it
    /// is; memory takes what is written, about three times the update.
    ///
    /// # Errors
    /// [`Fault`] says what about the disk or the update is wrong.
    pub fn record(disk: &Path, update: &Path) -> Result<Self, Fault> {
        let places = places(disk)?;
        let file = fs::read(update).map_err(fault(update))?;
        let header = Header::begin(&file, None)?.ok_or(Fault::Update)?;
        let facts = header.facts();
        let target = Target {
            architecture: facts.architecture.parse::<Architecture>().map_err(|_| Fault::Update)?,
            board: facts.board.clone(),
            running: facts.minimum.clone(),
            accepts_older: true,
            slot: Slot::B,
            root: 0,
            boot: 0,
        };
        let base = FileDevice::open(disk, Access::Read).map_err(fault(disk))?;
        let mut machine = machine(Image::new(Rc::new(base)), &places);
        let chosen = machine.choose();
        chosen.map_err(|source| Fault::Broken { label: "at first boot".to_owned(), source })?;
        let phases = live(machine, &file, &header, &target)?;
        Ok(Self { disk: disk.to_owned(), places, phases })
    }

    /// Picks cuts by lot, each phase as often as any other, no cut twice, the same for the same seed. Each is made when
    /// it is asked for.
    pub fn sample(
        &self,
        seed: u64,
        count: usize,
    ) -> impl Iterator<Item = Result<Cut, Fault>> + use<'_> {
        let mut dice = Dice::new(seed);
        let cuts: Vec<_> = self.phases.iter().map(|it| it.recording.cuts(seed)).collect();
        let all: usize = cuts.iter().map(Vec::len).sum();
        let mut picked = BTreeSet::new();
        while picked.len() < count.min(all) {
            let phase = dice.below(cuts.len());
            let cut = dice.below(cuts.get(phase).map_or(0, Vec::len));
            picked.insert((phase, cut));
        }
        picked.into_iter().filter_map(move |(phase, cut)| {
            let cut = *cuts.get(phase)?.get(cut)?;
            let phase = self.phases.get(phase)?;
            let label = format!("{}, {cut}", phase.name);
            let made = phase.recording.at(cut).map_err(Broken::from);
            let made = made.and_then(|image| Ok((expect(image.clone(), &self.places)?, image)));
            Some(match made {
                Ok((expected, image)) => {
                    Ok(Cut { label, expected, disk: self.disk.clone(), image })
                }
                Err(source) => Err(Fault::Broken { label, source }),
            })
        })
    }

    /// How many cuts there are to pick from.
    pub fn cuts(&self, seed: u64) -> usize {
        self.phases.iter().map(|it| it.recording.cuts(seed).len()).sum()
    }
}

impl Cut {
    /// Writes the disk to a file, which takes no more room than the disk's own.
    ///
    /// # Errors
    /// [`Fault::File`].
    pub fn write_to(&self, path: &Path) -> Result<(), Fault> {
        files::copy_sparse(&self.disk, path)
            .map_err(|it| Fault::File { path: path.to_owned(), source: io::Error::other(it) })?;
        let file = File::options().write(true).open(path).map_err(fault(path))?;
        for (offset, bytes) in self.image.changes() {
            file.write_all_at(bytes, offset).map_err(fault(path))?;
        }
        Ok(())
    }
}

fn expect(image: Image<FileDevice>, places: &Places) -> Result<Expected, Broken> {
    let choice = machine(image.clone(), places).choose()?;
    let mut machine = machine(image, places);
    let boots = machine.power_on()?;
    let seen: state::Seen = machine.seen();
    Ok(Expected {
        chosen: choice.slot.ok_or(Broken::NothingBoots)?,
        parameters: choice.kernel_parameters,
        rests_in: machine.running,
        is_on_trial: seen.is_on_trial(),
        boots,
    })
}

fn machine(image: Image<FileDevice>, places: &Places) -> Machine<FileDevice> {
    sweep::machine(image, places)
}

fn places(disk: &Path) -> Result<Places, Fault> {
    let slots = Slots::of_image(disk, Slot::A)?;
    let range = |partition| slots.range(partition);
    Ok(Places {
        boot: [range("boot-a")?, range("boot-b")?],
        root: [range("root-a")?, range("root-b")?],
        keep: range("keep")?,
    })
}

fn fault(path: &Path) -> impl FnOnce(io::Error) -> Fault {
    let path = path.to_owned();
    move |source| Fault::File { path, source }
}

#[cfg(test)]
mod tests;
