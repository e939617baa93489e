//! Installs an update on a slot's two partitions, so that at any cut nothing half-written is ever chosen.
//!
//! The order is: the slot's environment says that it is being received, the header at the end of the root partition,
//! the chunks of the root file system, those of the boot file system, all of it read back, and only then an
//! environment that says that the slot is ready. Each is durable before the next.

use std::io;

use super::header::{Header, Part};
use super::installer::{self, Installer, Refusal, Target};
use super::verify::{self, Checked, Progress, Rot, Verification};
use super::{Devices, tail};
use crate::block::BlockDevice;
use crate::slot::Slot;
use crate::slot::environment::{self, Environment, Unfit};
use crate::slot::place;
use crate::slot::trial::Phase;

/// Bytes that are written before they are made durable: what a resumed update has to fetch again at most, and how much
/// the system gathers in memory.
const UNFLUSHED: u64 = 4 << 20;

/// The boot sector of a file system; without one nobody looks for an environment.
const BOOT_SECTOR: [u8; 4096] = [0; 4096];

/// An update being installed.
#[derive(Debug)]
pub struct Install<D> {
    devices: Devices<D>,
    slot: Slot,
    installer: Installer,
    unflushed: u64,
}

/// A slot that is no longer chosen, and that an update is about to be written to.
#[derive(Debug)]
pub struct Claimed<D>(Install<D>);

/// An update that lies on its slot as it should, of which the slot says nothing yet.
#[derive(Debug)]
pub struct Whole<D>(Install<D>);

/// Why an update is not installed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not for this machine.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Its bytes are wrong.
    #[error(transparent)]
    File(#[from] installer::Fault),
    /// The slot's partitions cannot be read or written.
    #[error("the slot cannot be written")]
    Device(#[from] io::Error),
    /// It has not come to its end.
    #[error("an update of which {} bytes are missing", .0.total - .0.done)]
    Incomplete(Progress),
    /// The medium holds something else than was written.
    #[error("the slot does not hold what was written")]
    ReadBack(#[source] Rot),
    /// The boot file system has no environment where the header says.
    #[error("a boot file system without its environment")]
    Place(#[source] place::Fault),
    /// The boot file system has its environment elsewhere.
    #[error("a boot file system with its environment at {found} instead of {expected}")]
    Misplaced {
        /// Where it was found.
        found: u64,
        /// Where the header says.
        expected: u64,
    },
    /// Somebody else has written to the slot meanwhile.
    #[error("somebody else has written to the slot")]
    TakenOver,
    /// The environment was not written as it should.
    #[error("the slot's environment was not written")]
    Environment,
    /// What is to be booted fits no environment.
    #[error(transparent)]
    Kernel(#[from] Unfit),
}

impl<D: BlockDevice> Install<D> {
    /// Begins, or goes on where an update with the same header was broken off. The slot must be the one that
    /// [`crate::slot::state::Seen::receiver`] names.
    ///
    /// # Errors
    /// [`Error::Refused`] before anything is written; what the medium reports.
    pub fn begin(devices: Devices<D>, header: Header, target: &Target) -> Result<Self, Error> {
        Self::claim(devices, header, target)?.resume()
    }

    /// Makes sure that the slot is not chosen while it is written to, and no more: that it may be written to must be
    /// known, and stay so, until this is done.
    ///
    /// # Errors
    /// As [`Install::begin`].
    pub fn claim(
        devices: Devices<D>,
        header: Header,
        target: &Target,
    ) -> Result<Claimed<D>, Error> {
        let target =
            Target { root: devices.root.len(), boot: devices.boot.len(), ..target.clone() };
        let installer = Installer::new(header, &target)?;
        let mut install = Self { devices, slot: target.slot, installer, unflushed: 0 };
        install.disable()?;
        Ok(Claimed(install))
    }

    /// Where in the file the byte lies that is needed next.
    pub fn offset(&self) -> u64 {
        self.installer.offset()
    }

    /// Whether every chunk is written.
    pub fn is_complete(&self) -> bool {
        self.installer.next().is_none()
    }

    /// How much is written.
    pub fn progress(&self) -> Progress {
        self.installer.progress()
    }

    /// Breaks it off.
    pub fn into_devices(self) -> Devices<D> {
        self.devices
    }

    /// Takes bytes of the file, any number of them, from [`Install::offset`] on.
    ///
    /// # Errors
    /// [`Error::File`] for wrong bytes: what came before is kept, and `offset` tells where to go on.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<Progress, Error> {
        while !bytes.is_empty() {
            let before = self.installer.next();
            if let Some(write) = self.installer.feed(&mut bytes)? {
                self.devices.part_mut(write.part).write_at(write.offset, &write.bytes)?;
                self.unflushed += write.bytes.len() as u64;
                let is_part_done =
                    before.map(|(part, _)| part) != self.installer.next().map(|(part, _)| part);
                if is_part_done || self.unflushed >= UNFLUSHED {
                    self.flush(write.part)?;
                }
            }
        }
        Ok(self.progress())
    }

    /// Reads everything back from the medium and declares the slot ready to be tried.
    ///
    /// # Errors
    /// [`Error::Incomplete`], [`Error::ReadBack`], or why the environment is not what it should be; the slot is not
    /// ready then, and installing it can begin anew.
    pub fn finish(self, tell: impl FnMut(Progress)) -> Result<Devices<D>, Error> {
        self.read_back(tell)?.declare()
    }

    /// Reads everything back from the medium.
    ///
    /// # Errors
    /// As [`Install::finish`].
    pub fn read_back(mut self, mut tell: impl FnMut(Progress)) -> Result<Whole<D>, Error> {
        if !self.is_complete() {
            return Err(Error::Incomplete(self.progress()));
        }
        self.write_label()?;
        for part in [Part::Root, Part::Boot] {
            self.flush(part)?;
            self.devices.part_mut(part).forget()?;
        }
        if !self.is_resumed() {
            return Err(Error::ReadBack(Rot { part: Part::Root, chunk: 0 }));
        }
        let mut verification = Verification::new(self.installer.header().clone(), self.slot);
        loop {
            match verification.step(&self.devices)? {
                Checked::Whole(progress) => tell(progress),
                Checked::Rotten(rot) => return Err(Error::ReadBack(rot)),
                Checked::Done => return Ok(Whole(self)),
            }
        }
    }

    /// Sees to it that the slot is not chosen.
    fn disable(&mut self) -> Result<(), Error> {
        let boot = &mut self.devices.boot;
        let Ok(place) = place::find(boot) else {
            boot.write_at(0, &BOOT_SECTOR)?;
            return Ok(boot.flush()?);
        };
        let wanted = self.installer.receiving();
        if read_environment(boot, place.file)?.ok().as_ref() != Some(&wanted) {
            boot.write_at(place.file, wanted.as_bytes())?;
            boot.flush()?;
        }
        Ok(())
    }

    /// Whether the slot has this update's header.
    fn is_resumed(&self) -> bool {
        let held = tail::read(&self.devices.root);
        held.is_ok_and(|it| it.json() == self.installer.header().json())
    }

    /// Skips the chunks that the slot holds already.
    fn skip_held(&mut self) -> Result<(), Error> {
        let mut buffer = Vec::new();
        while let Some((part, chunk)) = self.installer.next() {
            let facts = self.installer.header().facts();
            if !verify::holds(facts, &self.devices, part, chunk, &mut buffer)? {
                break;
            }
            self.installer.skip();
        }
        Ok(())
    }

    fn write_tail(&mut self) -> Result<(), Error> {
        let root = &mut self.devices.root;
        if let Some((offset, bytes)) = tail::write(self.installer.header(), root.len()) {
            root.write_at(offset, &bytes)?;
        }
        Ok(root.flush()?)
    }

    fn write_label(&mut self) -> io::Result<()> {
        match &self.installer.header().facts().label {
            Some(label) => self.devices.boot.write_at(label.offset, &label.of(self.slot)),
            None => Ok(()),
        }
    }

    fn flush(&mut self, part: Part) -> io::Result<()> {
        self.unflushed = 0;
        self.devices.part_mut(part).flush()
    }

    /// Writes the environment with which the slot can be tried.
    fn enable(&mut self) -> Result<(), Error> {
        let expected = self.installer.header().facts().environment;
        let boot = &mut self.devices.boot;
        let found = place::find(boot).map_err(Error::Place)?.file;
        if found != expected {
            return Err(Error::Misplaced { found, expected });
        }
        if read_environment(boot, found)?.ok().as_ref() != Some(&self.installer.receiving()) {
            return Err(Error::TakenOver);
        }
        let ready = self.installer.ready()?;
        boot.write_at(found, ready.as_bytes())?;
        boot.flush()?;
        boot.forget()?;
        match read_environment(boot, found)? {
            Ok(read) if read == ready => Ok(()),
            _ => Err(Error::Environment),
        }
    }
}

impl<D: BlockDevice> Claimed<D> {
    /// Finds out how much of the update is there already.
    ///
    /// # Errors
    /// What the medium reports.
    pub fn resume(self) -> Result<Install<D>, Error> {
        let Self(mut install) = self;
        if install.is_resumed() {
            install.skip_held()?;
        } else {
            install.write_tail()?;
        }
        Ok(install)
    }
}

impl<D: BlockDevice> Whole<D> {
    /// Declares the slot ready to be tried.
    ///
    /// # Errors
    /// Why the environment is not what it should be.
    pub fn declare(self) -> Result<Devices<D>, Error> {
        let Self(mut install) = self;
        install.enable()?;
        Ok(install.devices)
    }
}

/// Whether a slot is ready to be tried, by its environment.
pub fn is_ready(environment: &Environment) -> bool {
    environment.trial().is_some_and(|it| it.phase == Phase::Ready)
}

/// Reads the environment at its place on a boot partition.
///
/// # Errors
/// What the medium reports.
pub fn read_environment(
    boot: &impl BlockDevice,
    place: u64,
) -> io::Result<Result<Environment, environment::Fault>> {
    let mut bytes = vec![0; environment::LENGTH];
    boot.read_at(place, &mut bytes)?;
    Ok(Environment::parse(&bytes))
}
