//! What is written to the slots, and when: every change from one slot to the other.
//!
//! The slot to fall back to is never written: beside a running slot that proved itself only the other one is, on a
//! trial only the one on trial. Every write is one sector that is valid before and after, each durable before the
//! next, so that at any cut the chooser finds one of the states written down here.

mod refusal;

use std::io;
use std::time::Duration;

pub use refusal::Refusal;

use super::Slot;
use super::environment::{self, Environment, NoRoom, State, Write};
use super::place;
use super::trial::{Initiator, Phase, Reason, SILENT_LIMIT, Trial};
use crate::block::BlockDevice;

/// What was seen of the slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The slot whose root file system is in use.
    pub running: Slot,
    /// The environment of slot A.
    pub a: Result<Environment, Unreadable>,
    /// The environment of slot B.
    pub b: Result<Environment, Unreadable>,
}

/// Why an environment is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Its file was not found.
    #[error(transparent)]
    Place(#[from] place::Fault),
    /// Its file is damaged.
    #[error(transparent)]
    Environment(#[from] environment::Fault),
    /// Its partition cannot be read.
    #[error("a partition that cannot be read ({0})")]
    Device(io::ErrorKind),
}

/// What somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// This boot has reached user space. Asked once per boot, first of all, whatever is running.
    Begin,
    /// This boot runs the slot that proved itself; see to a trial that ended without a word. Asked after
    /// [`Request::Begin`].
    BackInOld {
        /// The longest that the chooser can have a watchdog of this machine wait; zero where it has none.
        watchdog: Duration,
    },
    /// Try the other slot.
    Activate {
        /// How many starts of user space it may take.
        tries: u8,
        /// Whether a person wants it although it failed before.
        again: bool,
        /// How long the chooser is to have a watchdog wait for its user space; zero leaves it off.
        watchdog: Duration,
    },
    /// The slot on trial has proved itself.
    Commit,
    /// The slot on trial has not.
    Fail {
        /// Why not.
        reason: Reason,
    },
    /// Go back to the other slot, which proved itself earlier.
    RollBack {
        /// How many starts of user space it may take, where it is tried again.
        tries: u8,
        /// Who wants it.
        by: Initiator,
        /// How long the chooser is to have a watchdog wait, where it is tried again; zero leaves it off.
        watchdog: Duration,
    },
}

/// What is to be done. All writes are to one slot, in this order, each durable before the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Whose environment is written.
    pub slot: Slot,
    /// What is written there.
    pub writes: Vec<Write>,
    /// What comes after.
    pub then: Then,
}

/// What comes after the writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Life goes on.
    Nothing,
    /// The machine is to be started anew.
    Reboot,
}

impl Seen {
    /// The environment of a slot.
    pub const fn environment(&self, slot: Slot) -> &Result<Environment, Unreadable> {
        match slot {
            Slot::A => &self.a,
            Slot::B => &self.b,
        }
    }

    /// Whether the running slot has yet to prove itself.
    pub fn is_on_trial(&self) -> bool {
        let running = self.environment(self.running).as_ref();
        running.is_ok_and(|it| matches!(it.state(), State::Installed | State::Testing))
    }

    /// The slot that an image may be written to.
    ///
    /// # Errors
    /// [`Refusal`] where the other slot is what the running one would fall back to, or is what boots next.
    pub fn receiver(&self) -> Result<Slot, Refusal> {
        let (running, slot) = (self.confirmed()?, self.running.other());
        let other = self.environment(slot).as_ref();
        if other.is_ok_and(|it| it.state() == State::Installed && is_newer(it, running)) {
            return Err(Refusal::AboutToBeTried(slot));
        }
        Ok(slot)
    }

    /// The slot that the chooser can fall back to while the running one is on trial.
    fn has_fallback(&self) -> bool {
        let other = self.environment(self.running.other()).as_ref();
        other.is_ok_and(|it| it.state() == State::Ok && it.revision() > 0)
    }

    fn readable(&self, slot: Slot) -> Result<&Environment, Refusal> {
        let environment = self.environment(slot).as_ref();
        environment.map_err(|source| Refusal::Unreadable { slot, source: source.clone() })
    }

    /// The environment of the running slot, which proved itself.
    fn confirmed(&self) -> Result<&Environment, Refusal> {
        let environment = self.readable(self.running)?;
        match environment.state() {
            State::Ok => Ok(environment),
            State::Installed | State::Testing => Err(Refusal::OnTrial(self.running)),
            State::Failed => Err(Refusal::RunningFailed(self.running)),
        }
    }

    /// The environment of the running slot, which is on trial, and its record.
    fn on_trial(&self) -> Result<(&Environment, Trial), Refusal> {
        let environment = self.readable(self.running)?;
        if !self.is_on_trial() {
            return Err(Refusal::NotOnTrial(self.running));
        }
        let record = environment.trial().ok_or(Refusal::NoRoom(self.running))?;
        Ok((environment, record))
    }
}

/// Plans what a request takes.
///
/// # Errors
/// [`Refusal`] says why it is not followed; nothing is to be done then.
pub fn plan(seen: &Seen, request: Request) -> Result<Plan, Refusal> {
    match request {
        Request::Begin => Ok(begin(seen).unwrap_or_else(|| Plan::nothing(seen.running))),
        Request::BackInOld { watchdog } => back_in_old(seen, watchdog),
        Request::Activate { tries, again, watchdog } => activate(seen, tries, again, watchdog),
        Request::Commit => commit(seen),
        Request::Fail { reason } => fail(seen, reason),
        Request::RollBack { by, .. } if seen.is_on_trial() => fail(
            seen,
            match by {
                Initiator::Person => Reason::Asked,
                Initiator::Node => Reason::Unhealthy(0),
            },
        ),
        Request::RollBack { tries, by, watchdog } => roll_back(seen, tries, by, watchdog),
    }
}

fn begin(seen: &Seen) -> Option<Plan> {
    let (environment, record) = seen.on_trial().ok()?;
    let used = record.used.saturating_add(1);
    // Without a slot to fall back to, giving up would leave nothing that boots.
    let state = if used < record.allowed || !seen.has_fallback() {
        State::Installed
    } else {
        State::Testing
    };
    let record = Trial { used, silent: 0, ..record };
    let mut steps = Steps::new(seen.running, environment);
    if !seen.has_fallback() {
        // Were the watchdog gone, the chooser would boot nothing, for ever.
        steps.watchdog = Duration::ZERO;
    }
    steps.change(state, record).ok()?;
    Some(steps.then(Then::Nothing))
}

fn back_in_old(seen: &Seen, watchdog: Duration) -> Result<Plan, Refusal> {
    let slot = seen.running.other();
    let nothing = Plan::nothing(slot);
    let (Ok(running), Ok(other)) = (seen.confirmed(), seen.readable(slot)) else {
        return Ok(nothing);
    };
    let Some(record) = other.trial() else { return Ok(nothing) };
    let has_failed = other.state() == State::Failed;
    let mut steps = Steps::new(slot, other);
    // It may have said nothing because the watchdog has gone: the chooser refuses it for that.
    steps.watchdog = steps.watchdog.min(watchdog);
    match record.phase {
        Phase::Failed(_) if !has_failed && other.revision() == 0 => {
            steps.change(State::Failed, record)?;
        }
        Phase::Trying if has_failed && record.used >= record.allowed => {
            let record = Trial { phase: Phase::Failed(Reason::TriesUsedUp), ..record };
            steps.change(State::Failed, record)?;
        }
        Phase::Trying if has_failed => {
            let silent = record.silent.saturating_add(1);
            if silent >= SILENT_LIMIT {
                let phase = Phase::Failed(Reason::NeverReachedUserspace);
                steps.change(State::Failed, Trial { phase, silent, ..record })?;
            } else {
                steps.change(State::Installed, Trial { silent, ..record })?;
                steps.change_revision(above(running, other)?)?;
                return Ok(steps.then(Then::Reboot));
            }
        }
        // Setting it on trial was cut off before the last write.
        Phase::Trying if other.state() == State::Installed && !is_newer(other, running) => {
            steps.change(State::Installed, record)?;
            steps.change_revision(above(running, other)?)?;
            return Ok(steps.then(Then::Reboot));
        }
        _ => return Ok(nothing),
    }
    Ok(steps.then(Then::Nothing))
}

fn activate(seen: &Seen, tries: u8, again: bool, watchdog: Duration) -> Result<Plan, Refusal> {
    let slot = seen.running.other();
    let running = seen.confirmed()?;
    let other = seen.readable(slot)?;
    let record = other.trial().ok_or(Refusal::NoRoom(slot))?;
    match record.phase {
        Phase::Receiving => return Err(Refusal::NotInstalled(slot)),
        Phase::Failed(reason) if !again => return Err(Refusal::FailedBefore { slot, reason }),
        Phase::Trying if other.state() == State::Installed && is_newer(other, running) => {
            return Ok(Plan { slot, writes: Vec::new(), then: Then::Reboot });
        }
        _ => {}
    }
    let record = Trial { allowed: tries, begun_by: Initiator::Person, ..record };
    arm(seen, (running, other), record, watchdog)
}

fn commit(seen: &Seen) -> Result<Plan, Refusal> {
    let (environment, record) = seen.on_trial()?;
    let mut steps = Steps::new(seen.running, environment);
    steps.change(State::Ok, Trial { phase: Phase::Committed, silent: 0, ..record })?;
    Ok(steps.then(Then::Nothing))
}

fn fail(seen: &Seen, reason: Reason) -> Result<Plan, Refusal> {
    let (environment, record) = seen.on_trial()?;
    let other = seen.running.other();
    seen.readable(other)?;
    if !seen.has_fallback() {
        return Err(Refusal::NothingToGoBackTo(other));
    }
    let record = Trial { phase: Phase::Failed(reason), ..record };
    let mut steps = Steps::new(seen.running, environment);
    // From the first write on, every boot is the other slot's: the chooser fails what it finds being tested.
    steps.change(State::Testing, record)?;
    steps.change_revision(0)?;
    steps.change(State::Failed, record)?;
    Ok(steps.then(Then::Reboot))
}

fn roll_back(seen: &Seen, tries: u8, by: Initiator, watchdog: Duration) -> Result<Plan, Refusal> {
    let slot = seen.running.other();
    let running = seen.confirmed()?;
    let other = seen.readable(slot)?;
    let record = other.trial().ok_or(Refusal::NoRoom(slot))?;
    match (other.state(), record.phase) {
        (_, Phase::Failed(reason)) => return Err(Refusal::FailedBefore { slot, reason }),
        (State::Ok, _) => {}
        // The same request, cut off before it took effect.
        (State::Installed, Phase::Trying) if !is_newer(other, running) => {}
        _ => return Err(Refusal::NothingToGoBackTo(slot)),
    }
    let came_by_itself = running.trial().is_some_and(|it| it.begun_by == Initiator::Node);
    if by == Initiator::Node && came_by_itself {
        return Err(Refusal::BackAndForth(slot));
    }
    arm(seen, (running, other), Trial { allowed: tries, begun_by: by, ..record }, watchdog)
}

/// Sets the other slot on trial. Its revision goes last: until then it is not chosen.
fn arm(
    seen: &Seen,
    (running, other): (&Environment, &Environment),
    record: Trial,
    watchdog: Duration,
) -> Result<Plan, Refusal> {
    if record.allowed == 0 {
        return Err(Refusal::NoTries);
    }
    let revision = above(running, other)?;
    let record = Trial { phase: Phase::Trying, used: 0, silent: 0, ..record };
    let mut steps = Steps::new(seen.running.other(), other);
    steps.watchdog = watchdog;
    steps.change(State::Installed, record)?;
    steps.change_revision(revision)?;
    Ok(steps.then(Then::Reboot))
}

fn is_newer(one: &Environment, other: &Environment) -> bool {
    one.revision() > other.revision()
}

fn above(one: &Environment, other: &Environment) -> Result<u32, Refusal> {
    let highest = one.revision().max(other.revision());
    highest.checked_add(1).ok_or(Refusal::RevisionsUsedUp)
}

/// Writes to a slot's environment, one after the other.
struct Steps {
    slot: Slot,
    environment: Environment,
    /// Of a trial; a slot that is on none has zero, for it must boot where a watchdog has gone.
    watchdog: Duration,
    writes: Vec<Write>,
}

impl Steps {
    fn new(slot: Slot, environment: &Environment) -> Self {
        let watchdog = environment.kernel().watchdog;
        Self { slot, environment: environment.clone(), watchdog, writes: Vec::new() }
    }

    fn change(&mut self, state: State, record: Trial) -> Result<(), Refusal> {
        let is_on_trial = record.phase == Phase::Trying;
        let watchdog = if is_on_trial { self.watchdog } else { Duration::ZERO };
        let write = self.environment.change(state, record, watchdog);
        self.writes.push(write.map_err(|NoRoom| Refusal::NoRoom(self.slot))?);
        Ok(())
    }

    fn change_revision(&mut self, revision: u32) -> Result<(), Refusal> {
        let write = self.environment.change_revision(revision);
        self.writes.push(write.map_err(|NoRoom| Refusal::NoRoom(self.slot))?);
        Ok(())
    }

    fn then(self, then: Then) -> Plan {
        Plan { slot: self.slot, writes: self.writes, then }
    }
}

impl Plan {
    /// Carries out the writes on the slot's boot partition.
    ///
    /// # Errors
    /// What keeps the environment from being written in place; the writes before stand.
    pub fn apply(&self, boot: &mut impl BlockDevice) -> Result<(), place::Fault> {
        let place = place::find(boot)?;
        for write in &self.writes {
            boot.write_at(place.file + write.offset, &write.bytes)?;
            boot.flush()?;
        }
        Ok(())
    }

    const fn nothing(slot: Slot) -> Self {
        Self { slot, writes: Vec::new(), then: Then::Nothing }
    }
}

#[cfg(test)]
mod tests;
