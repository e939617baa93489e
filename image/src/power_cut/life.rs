//! Everything that is ever written to a disk with two slots, one phase after the other.

use std::time::Duration;

use super::{Broken, Machine, Recording};
use crate::block::BlockDevice;
use crate::keep::{self, File, Keep, Manner};
use crate::slot::Slot;
use crate::slot::state::{Request, Then};
use crate::slot::trial::{Initiator, Reason};
use crate::update::install::{self, Install};
use crate::update::{Header, Target};

/// How many starts of user space a trial may take in this life.
const TRIES: u8 = 2;

/// How long the chooser's watchdog waits for each: longer than a boot that is watched by nobody.
const WATCHDOG: Duration = Duration::from_secs(120);

/// One of the things that are done to a disk.
#[derive(Debug)]
pub struct Phase<B> {
    /// What was done.
    pub name: &'static str,
    /// What the disk held, and what was written to it.
    pub recording: Recording<B>,
    /// The slot to fall back to meanwhile, which nothing may be written to.
    pub proved: Slot,
    /// What was kept before and after.
    pub kept: [Option<Keep>; 2],
}

/// Why a life ended early.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The machine did what it must not.
    #[error("in phase {0:?}")]
    Broken(&'static str, #[source] Broken),
    /// The update could not be installed.
    #[error("in phase {0:?}")]
    Install(&'static str, #[source] install::Error),
    /// Nothing could be kept.
    #[error(transparent)]
    Keep(#[from] keep::Unfit),
}

/// Puts a machine, whose running slot has proved itself, through everything: an update that is installed, set on
/// trial, lost once before user space, begun twice and committed; rot in its environment; the way back, which fails; the same update once more,
/// into the other slot; and changes of what is kept.
///
/// # Errors
/// [`Fault`] names the phase that went wrong.
pub fn live<B: BlockDevice>(
    machine: Machine<B>,
    update: &[u8],
    header: &Header,
    target: &Target,
) -> Result<Vec<Phase<B>>, Fault> {
    let mut life = Life { machine, phases: Vec::new() };
    life.keep("keep", &[("hostname", "one"), ("spire/join_token", "secret")], Manner::Change)?;
    life.keep(
        "keep again",
        &[("hostname", "two"), ("spire/join_token", "secret")],
        Manner::Change,
    )?;
    life.keep("wipe", &[("hostname", "two")], Manner::Wipe)?;

    life.install("install", update, header, target)?;
    life.request("activate", activate(TRIES))?;
    life.choose("chooser tests")?;
    life.choose("chooser fails")?;
    life.begin("set on trial again")?;
    life.choose("chooser tests again")?;
    life.begin("begin")?;
    life.choose("chooser tests the last try")?;
    life.begin("begin the last try")?;
    life.request("commit", Request::Commit)?;
    life.mend("mend as it was", None)?;
    life.mend("mend from its header", Some(header))?;

    let by = Initiator::Person;
    let back = Request::RollBack { tries: TRIES, by, watchdog: WATCHDOG };
    life.request("roll back", back)?;
    life.choose("chooser tests the way back")?;
    life.begin("begin the way back")?;
    life.request("fail", Request::Fail { reason: Reason::Unhealthy(1) })?;
    life.choose("chooser returns")?;
    life.begin("return")?;

    life.install("install beside it", update, header, target)?;
    life.request("activate it", activate(1))?;
    for name in ["silent once", "silent twice", "silent for good"] {
        life.choose("chooser tests in silence")?;
        life.choose("chooser fails in silence")?;
        life.begin(name)?;
    }
    Ok(life.phases)
}

const fn activate(tries: u8) -> Request {
    Request::Activate { tries, again: false, watchdog: WATCHDOG }
}

struct Life<B> {
    machine: Machine<B>,
    phases: Vec<Phase<B>>,
}

impl<B: BlockDevice> Life<B> {
    fn phase<T, E>(
        &mut self,
        name: &'static str,
        act: impl FnOnce(&mut Machine<B>) -> Result<T, E>,
    ) -> Result<T, E> {
        let running = self.machine.running;
        let is_on_trial = self.machine.seen().is_on_trial();
        self.phase_beside(if is_on_trial { running.other() } else { running }, name, act)
    }

    fn phase_beside<T, E>(
        &mut self,
        proved: Slot,
        name: &'static str,
        act: impl FnOnce(&mut Machine<B>) -> Result<T, E>,
    ) -> Result<T, E> {
        let machine = &mut self.machine;
        let before = machine.kept().ok().flatten();
        machine.disk.take_events();
        let start = machine.disk.image();
        let result = act(machine)?;
        let recording = Recording { start, events: machine.disk.take_events() };
        let kept = [before, machine.kept().ok().flatten()];
        self.phases.push(Phase { name, recording, proved, kept });
        Ok(result)
    }

    fn keep(
        &mut self,
        name: &'static str,
        files: &[(&str, &str)],
        manner: Manner,
    ) -> Result<(), Fault> {
        let mut keep = Keep::default();
        for (path, bytes) in files {
            keep.put(path, File { mode: 0o600, bytes: bytes.as_bytes().to_vec() })?;
        }
        let device = |it: std::io::Error| Fault::Broken(name, it.into());
        self.phase(name, |machine| {
            let mut partition = machine.keep();
            let seen = keep::observe(&partition).map_err(device)?;
            let writes = keep::plan(&seen, &keep, manner)?;
            keep::apply(&mut partition, &writes).map_err(device)
        })
    }

    fn install(
        &mut self,
        name: &'static str,
        update: &[u8],
        header: &Header,
        target: &Target,
    ) -> Result<(), Fault> {
        let refused = |it: crate::slot::state::Refusal| Fault::Broken(name, it.into());
        self.phase(name, |machine| {
            let slot = machine.seen().receiver().map_err(refused)?;
            install(machine, slot, update, header, target).map_err(|it| Fault::Install(name, it))
        })
    }

    fn request(&mut self, name: &'static str, request: Request) -> Result<Then, Fault> {
        let broken = |it| Fault::Broken(name, it);
        self.phase(name, |machine| machine.request(request).map_err(broken))
    }

    /// Lets the running slot's environment rot and makes it whole again, as it was or by a header. The other slot is
    /// what is left meanwhile.
    fn mend(&mut self, name: &'static str, header: Option<&Header>) -> Result<(), Fault> {
        let broken = |it| Fault::Broken(name, it);
        let slot = self.machine.running;
        let whole = self.machine.rot(slot).map_err(broken)?;
        self.phase_beside(slot.other(), name, |machine| {
            machine.mend(slot, &whole, header).map_err(broken)
        })
    }

    fn choose(&mut self, name: &'static str) -> Result<(), Fault> {
        let broken = |it| Fault::Broken(name, it);
        self.phase(name, |machine| machine.choose().map(drop).map_err(broken))
    }

    fn begin(&mut self, name: &'static str) -> Result<Then, Fault> {
        let broken = |it| Fault::Broken(name, it);
        self.phase(name, |machine| machine.begin().map_err(broken))
    }
}

/// Installs an update, or the rest of it, on a slot.
///
/// # Errors
/// [`install::Error`] says why not.
pub fn install<B: BlockDevice>(
    machine: &Machine<B>,
    slot: Slot,
    update: &[u8],
    header: &Header,
    target: &Target,
) -> Result<(), install::Error> {
    let target = Target { slot, ..target.clone() };
    let mut install = Install::begin(machine.devices(slot), header.clone(), &target)?;
    let offset = usize::try_from(install.offset()).unwrap_or(usize::MAX);
    install.feed(update.get(offset..).unwrap_or_default())?;
    install.finish(|_| ()).map(drop)
}
