//! A machine on a recorded disk: the chooser's model at power-on, then our own state machine.

use std::io;
use std::ops::Range;
use std::time::Duration;

use super::{Disk, Part};
use crate::block::BlockDevice;
use crate::keep::{self, Keep};
use crate::slot::chooser::{self, Choice};
use crate::slot::environment::{Environment, LENGTH, State};
use crate::slot::state::{self, Plan, Refusal, Request, Seen, Then, Unreadable};
use crate::slot::{Slot, mend, place};
use crate::update::verify::{Rot, Verification};
use crate::update::{Devices, Header, tail};

/// Where in an environment rot is tried: in the kernel's parameters, which the chooser needs.
const ROTTEN: u64 = 600;

/// Boots after which a machine must have come to rest.
const BOOTS: usize = 32;

/// Where the partitions lie on the disk, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The boot partitions of slots A and B.
    pub boot: [Range<u64>; 2],
    /// The root partitions of slots A and B.
    pub root: [Range<u64>; 2],
    /// The keep.
    pub keep: Range<u64>,
}

/// A machine, and the slot that it runs.
#[derive(Debug)]
pub struct Machine<B> {
    /// Its disk.
    pub disk: Disk<B>,
    /// Where the partitions lie.
    pub places: Places,
    /// The slot that it runs.
    pub running: Slot,
    /// The longest that its watchdog waits; zero where it has none that the chooser knows.
    pub watchdog: Duration,
}

/// What must never be.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The chooser finds nothing to boot.
    #[error("nothing boots")]
    NothingBoots,
    /// The chooser boots a slot by the parameters of the other.
    #[error("slot {slot} is booted with {parameters:?}")]
    Parameters {
        /// Which.
        slot: Slot,
        /// What its kernel gets.
        parameters: String,
    },
    /// The slot that boots does not hold what was installed.
    #[error("slot {slot} is booted and not whole")]
    NotWhole {
        /// Which.
        slot: Slot,
        /// What is wrong with it.
        #[source]
        source: Rot,
    },
    /// The slot that boots does not tell what was installed.
    #[error("slot {slot} is booted and does not tell what it holds")]
    Unknown {
        /// Which.
        slot: Slot,
        /// What is wrong with it.
        #[source]
        source: tail::Fault,
    },
    /// The chooser boots a slot that has failed, and will do so for ever.
    #[error("slot {0} is booted although it has failed")]
    Failed(Slot),
    /// It reboots for ever.
    #[error("no rest after {BOOTS} boots")]
    Restless,
    /// Nothing is kept any more, or something else than what ever was.
    #[error("what was kept is lost")]
    KeepLost,
    /// The slot to fall back to was written.
    #[error("slot {0}, which proved itself, was written")]
    ProvedWritten(Slot),
    /// A request was refused that should not be.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// An environment could not be written.
    #[error(transparent)]
    Place(#[from] place::Fault),
    /// An environment is not what it should be.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// A rotten environment was not made whole.
    #[error(transparent)]
    Mend(#[from] mend::Fault),
    /// The disk under it cannot be read.
    #[error(transparent)]
    Device(#[from] io::Error),
}

impl<B: BlockDevice> Machine<B> {
    /// A slot's boot partition.
    pub fn boot(&self, slot: Slot) -> Part<B> {
        self.disk.part(Self::range(&self.places.boot, slot))
    }

    /// Both partitions of a slot.
    pub fn devices(&self, slot: Slot) -> Devices<Part<B>> {
        let root = self.disk.part(Self::range(&self.places.root, slot));
        Devices { boot: self.boot(slot), root }
    }

    /// The partition of what is kept.
    pub fn keep(&self) -> Part<B> {
        self.disk.part(self.places.keep.clone())
    }

    /// Looks at both environments.
    pub fn seen(&self) -> Seen {
        let parse = |slot| {
            let boot = self.boot(slot);
            let file = file(&boot)?;
            Ok(Environment::parse(&file)?)
        };
        Seen { running: self.running, a: parse(Slot::A), b: parse(Slot::B) }
    }

    /// Plans and carries out a request, and tells what comes after.
    ///
    /// # Errors
    /// [`Broken::Refused`], or [`Broken::ProvedWritten`] for a plan that must not be.
    pub fn request(&self, request: Request) -> Result<Then, Broken> {
        let seen = self.seen();
        let plan: Plan = state::plan(&seen, request)?;
        let proved = if seen.is_on_trial() { self.running.other() } else { self.running };
        if plan.writes.is_empty() {
            return Ok(plan.then);
        }
        if plan.slot == proved {
            return Err(Broken::ProvedWritten(proved));
        }
        plan.apply(&mut self.boot(plan.slot))?;
        Ok(plan.then)
    }

    /// Lets a slot's environment rot in one place, and returns what it was.
    ///
    /// # Errors
    /// [`Broken::Unreadable`] if it was not whole before.
    pub fn rot(&self, slot: Slot) -> Result<Environment, Broken> {
        let whole = self.seen().environment(slot).clone()?;
        let mut boot = self.boot(slot);
        let place = place::find(&boot)?.file + ROTTEN;
        let mut byte = [0];
        boot.read_at(place, &mut byte)?;
        boot.write_at(place, &byte.map(|it| it ^ 0x40))?;
        boot.flush()?;
        Ok(whole)
    }

    /// Makes a slot's environment what it was or, where its header is given, what that says.
    ///
    /// # Errors
    /// [`Broken::Mend`], or what keeps it from being written.
    pub fn mend(
        &self,
        slot: Slot,
        was: &Environment,
        header: Option<&Header>,
    ) -> Result<(), Broken> {
        let rotten = file(&self.boot(slot))?;
        let seen = self.seen();
        let other = seen.environment(slot.other()).as_ref().ok();
        let made = header.map(|it| mend::rebuild(slot, &rotten, it, other)).transpose()?;
        let plan = mend::plan(slot, &rotten, made.as_ref().unwrap_or(was));
        plan.apply(&mut self.boot(slot))?;
        let mended = self.seen().environment(slot).clone()?;
        if mended.state() == State::Ok { Ok(()) } else { Err(Broken::Failed(slot)) }
    }

    /// Lets the chooser choose and write what it writes. The slot chosen runs from then on.
    ///
    /// # Errors
    /// [`Broken::NothingBoots`], [`Broken::Parameters`] and [`Broken::Failed`].
    pub fn choose(&mut self) -> Result<Choice, Broken> {
        let read = |slot| file(&self.boot(slot)).ok();
        let (a, b) = (read(Slot::A), read(Slot::B));
        let choice = chooser::choose(a.as_deref(), b.as_deref());
        if let Some((slot, file)) = &choice.written {
            let mut boot = self.boot(*slot);
            let place = place::find(&boot)?;
            boot.write_at(place.file, file)?;
            boot.flush()?;
        }
        let slot = choice.slot.ok_or(Broken::NothingBoots)?;
        let parameters = &choice.kernel_parameters;
        if !parameters.contains(&format!("root-{slot}")) {
            return Err(Broken::Parameters { slot, parameters: parameters.clone() });
        }
        self.running = slot;
        let environment = self.seen().environment(slot).clone();
        if environment.is_ok_and(|it| it.state() == State::Failed) {
            return Err(Broken::Failed(slot));
        }
        Ok(choice)
    }

    /// Does what the node does first of all in user space.
    ///
    /// # Errors
    /// [`Broken::ProvedWritten`].
    pub fn begin(&self) -> Result<Then, Broken> {
        self.request(Request::Begin)?;
        self.request(Request::BackInOld { watchdog: self.watchdog })
    }

    /// Powers on, and again as often as the node itself wants or the chooser starts nothing, and tells how often that
    /// was. Every slot that is booted must be whole.
    ///
    /// # Errors
    /// [`Broken`] says what went wrong.
    pub fn power_on(&mut self) -> Result<usize, Broken> {
        for boots in 1..=BOOTS {
            let choice = self.choose()?;
            self.check_whole(self.running)?;
            if choice.is_refused(!self.watchdog.is_zero()) {
                continue;
            }
            if self.begin()? == Then::Nothing {
                return Ok(boots);
            }
        }
        Err(Broken::Restless)
    }

    /// Checks that a slot holds what was installed.
    ///
    /// # Errors
    /// [`Broken::NotWhole`] and [`Broken::Unknown`].
    pub fn check_whole(&self, slot: Slot) -> Result<(), Broken> {
        let devices = self.devices(slot);
        let verification =
            Verification::of(&devices, slot).map_err(|source| Broken::Unknown { slot, source })?;
        verification.run(&devices)?.map_err(|source| Broken::NotWhole { slot, source })
    }

    /// What is kept.
    ///
    /// # Errors
    /// What the disk reports.
    pub fn kept(&self) -> io::Result<Option<Keep>> {
        Ok(keep::observe(&self.keep())?.newest().cloned())
    }

    fn range(ranges: &[Range<u64>; 2], slot: Slot) -> Range<u64> {
        let [a, b] = ranges;
        match slot {
            Slot::A => a.clone(),
            Slot::B => b.clone(),
        }
    }
}

fn file(boot: &impl BlockDevice) -> Result<Vec<u8>, Unreadable> {
    let place = place::find(boot)?;
    let mut bytes = vec![0; LENGTH];
    let read = boot.read_at(place.file, &mut bytes);
    read.map_err(|it| Unreadable::Device(it.kind()))?;
    Ok(bytes)
}
