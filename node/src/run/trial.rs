mod mending;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use image::io::block_device::Access;
use image::io::held::Held;
use image::io::slots::Slots;
use image::slot::environment::State;
use image::slot::state::{self, Plan, Seen, Then};
use image::slot::trial::{Initiator, Phase, Reason};
use image::slot::{Environment, Slot};
use image::update::{Header, tail};
use spire_bridge::Uptime;
use spire_bridge::identity::WallTime;
use tokio::sync::{mpsc, watch};

use crate::config::Update;
use crate::io::log::with_causes;
use crate::io::{durable, host, places, scrub, watchdog};
use crate::trial::judgement::{DEMANDED, Gate, Health, Judge, Judgement, Lack, is_loop};
use crate::trial::record::{Evidence, Outcome, Record, Trial};
use crate::trial::request::{Asked, Done, Ends, NotDone, Request, Requests, Scrub, Told};
use crate::trial::rules::{Rotten, SlotAction, SlotsSeen, code};
use mending::rotten_environment;

/// As many may wait for an answer; each gets it at the next turn of the loop.
const ASKED: usize = 8;

/// Follows the reason of a verdict on a slot that was tried without a record.
const NOT_REMEMBERED: &str =
    "; nobody remembered how the node stood before: it was held against a node in a mesh";

/// The slots, the trial of the one that runs, and what is remembered of earlier ones.
pub(super) struct Updating {
    settings: Update,
    slots: Result<Slots, String>,
    /// Where it is remembered what was tried.
    record: PathBuf,
    /// The environments as of the last change: reading them costs a quarter of a megabyte.
    seen: Option<Seen>,
    /// The running slot's environment before it rotted, if it did meanwhile.
    whole: Option<Environment>,
    /// Why it was not mended.
    stuck: Option<String>,
    /// How often the scrub had not read it when it was last looked at.
    unread: u64,
    judge: Option<Judge>,
    judgement: Option<Judgement>,
    starts: u32,
    scrub: watch::Receiver<Scrub>,
    told: watch::Sender<Told>,
    is_leaving: bool,
    has_asked_init: bool,
}

impl Updating {
    /// Looks for the slots and starts the scrub of the one that runs.
    pub(super) fn start(settings: &Update, starts: u32) -> (Self, Ends, mpsc::Receiver<Asked>) {
        let slots = Slots::find().map_err(|fault| with_causes(&fault));
        let off = slots.as_ref().err().cloned();
        let (scrubbing, scrub) = watch::channel(Scrub { off, ..Scrub::default() });
        if let Ok(slots) = &slots {
            tokio::spawn(scrub::scrub(slots.clone(), settings.scrub, scrubbing));
        }
        let (told, to_tell) = watch::channel(Told::default());
        let (ask, asked) = mpsc::channel(ASKED);
        let record = places::UPDATE_RECORD.into();
        let updating = Self::of(settings.clone(), slots, record, (starts, scrub, told));
        (updating, Ends { requests: Requests(ask), told: to_tell }, asked)
    }

    fn of(
        settings: Update,
        slots: Result<Slots, String>,
        record: PathBuf,
        (starts, scrub, told): (u32, watch::Receiver<Scrub>, watch::Sender<Told>),
    ) -> Self {
        let mut updating = Self {
            settings,
            slots,
            record,
            seen: None,
            whole: None,
            stuck: None,
            unread: 0,
            judge: None,
            judgement: None,
            starts,
            scrub,
            told,
            is_leaving: false,
            has_asked_init: false,
        };
        updating.look_again();
        updating
    }

    /// Tells whether the machine is about to start anew, and nobody has to disarm anything.
    pub(super) fn is_leaving(&self) -> bool {
        self.is_leaving
    }

    /// Looks at the slots; there is nothing to see on a machine without.
    pub(super) fn observe(&mut self, health: Health, now: Uptime) -> Option<SlotsSeen> {
        let scrub = self.scrub.borrow().clone();
        if std::mem::replace(&mut self.unread, scrub.unread) != scrub.unread {
            self.look_again();
        }
        self.judgement = self.judge.as_mut().map(|judge| judge.look(health, self.starts, now));
        let running = self.seen.as_ref().map(|seen| seen.running);
        let trial = running.zip(self.judgement);
        let told = Told { health, trial, scrub: scrub.clone() };
        self.told.send_if_modified(|last| std::mem::replace(last, told.clone()) != told);
        let seen = self.seen.as_ref()?;
        let other = seen.environment(seen.running.other()).as_ref();
        Some(SlotsSeen {
            running: seen.running,
            judgement: self.judgement,
            given_up: other.ok().and_then(given_up),
            unreadable: other.err().map(ToString::to_string),
            rot: rotten_environment(seen, self.stuck.as_deref()).or(scrub.rot.map(Rotten::Image)),
            is_leaving: self.is_leaving,
        })
    }

    /// Carries an action out.
    pub(super) fn carry_out(
        &mut self,
        action: &SlotAction,
        health: Health,
        (wall, now): (WallTime, Uptime),
    ) -> Result<(), String> {
        let evidence = self.evidence(health, now);
        let why = self.judgement.map(|judgement| judgement.to_string()).unwrap_or_default();
        match action {
            SlotAction::Commit(_) => {
                self.change(state::Request::Commit).map_err(|error| with_causes(&error))?;
                tracing::info!("the running slot has proven itself and is kept");
                self.end_trial(Outcome::Committed, why, Some(evidence), wall)
            }
            SlotAction::GiveUp { lack, .. } => {
                let reason = Reason::Unhealthy(code(*lack));
                let why = lack.map_or_else(
                    || "it was never healthy for long enough".to_owned(),
                    |lack| lack.to_string(),
                );
                tracing::error!(why, "the running slot is given up for the one before it");
                let done = self.change(state::Request::Fail { reason });
                done.map_err(|error| with_causes(&error))?;
                // Never before the slot is failed: without what it is held against it could be kept after a power cut.
                let recorded = self.end_trial(Outcome::Unhealthy, why, Some(evidence), wall);
                complain(recorded, "the verdict was not written down");
                Ok(())
            }
            SlotAction::Leave(_) => {
                let tries = self.settings.tries.get();
                let (by, watchdog) = (Initiator::Node, self.watchdog());
                let request = state::Request::RollBack { tries, by, watchdog };
                let done = self.change_after(request, |it| it.remember_trial(health, wall));
                done.map(drop).map_err(|error| with_causes(&error))
            }
            SlotAction::Mend(_) => self.mend(),
            SlotAction::Record { outcome, reason, .. } => {
                self.end_trial(*outcome, reason.clone(), None, wall)
            }
        }
    }

    /// Does what somebody asked for.
    pub(super) fn answer(
        &mut self,
        request: Request,
        health: Health,
        (wall, now): (WallTime, Uptime),
    ) -> Result<Done, NotDone> {
        let tries = self.settings.tries.get();
        let is_on_trial = self.seen.as_ref().is_some_and(Seen::is_on_trial);
        let evidence = self.evidence(health, now);
        let ended = |it: &Self, outcome, why: &str| {
            let recorded = it.end_trial(outcome, why.to_owned(), Some(evidence), wall);
            complain(recorded, "the verdict was not written down");
        };
        let by = Initiator::Person;
        match request {
            Request::Activate { again } => {
                let watchdog = self.watchdog();
                let request = state::Request::Activate { tries, again, watchdog };
                let plan = self.change_after(request, |it| it.remember_trial(health, wall))?;
                Ok(done(&plan, format!("slot {} is on trial from the next boot on", plan.slot)))
            }
            Request::Confirm => {
                let plan = self.change(state::Request::Commit)?;
                ended(self, Outcome::Committed, "a person confirmed it");
                Ok(done(&plan, format!("slot {} is kept", plan.slot)))
            }
            Request::RollBack if is_on_trial => {
                let watchdog = Duration::ZERO;
                let plan = self.change(state::Request::RollBack { tries, by, watchdog })?;
                ended(self, Outcome::RolledBack, "a person wanted the other slot back");
                Ok(done(&plan, format!("slot {} is given up", plan.slot)))
            }
            Request::RollBack => {
                let watchdog = self.watchdog();
                let request = state::Request::RollBack { tries, by, watchdog };
                let plan = self.change_after(request, |it| it.remember_trial(health, wall))?;
                Ok(done(&plan, format!("slot {} is on trial from the next boot on", plan.slot)))
            }
        }
    }

    /// Starts the machine anew if what was done asks for it.
    pub(super) fn leave_if_due(&mut self) {
        if self.is_leaving && !std::mem::replace(&mut self.has_asked_init, true) {
            tracing::info!("the machine starts anew");
            host::restart();
        }
    }

    fn change(&mut self, request: state::Request) -> Result<Plan, NotDone> {
        self.change_after(request, |_| {})
    }

    /// Plans, notes what has to be remembered across the boot that follows, and writes.
    fn change_after(
        &mut self,
        request: state::Request,
        note: impl FnOnce(&Self),
    ) -> Result<Plan, NotDone> {
        let slots = self.slots.as_ref().map_err(|why| NotDone::NoSlots(why.clone()))?;
        let medium = |fault| NotDone::Medium(with_causes(&fault));
        // Never waited for: a medium that hangs under an installation must not hang the loop.
        let Some(_held) = Held::at_once(slots).map_err(medium)? else {
            let why = "an installation writes to the slots at this moment; ask again";
            return Err(NotDone::Medium(why.to_owned()));
        };
        let plan = state::plan(&slots.observe(), request)?;
        note(self);
        slots.apply(&plan).map_err(medium)?;
        self.look_again();
        self.is_leaving |= plan.then == Then::Reboot;
        Ok(plan)
    }

    /// Reads the environments anew, and begins to judge a slot on trial.
    fn look_again(&mut self) {
        self.stuck = None;
        let before = self.seen.take();
        self.seen = self.slots.as_ref().ok().map(Slots::observe);
        if self.seen.as_ref().is_some_and(|seen| seen.environment(seen.running).is_err()) {
            let was = before.and_then(|seen| seen.environment(seen.running).clone().ok());
            self.whole = was.or_else(|| self.whole.take());
            // Whatever was judged goes on once it is mended.
            return;
        }
        self.whole = None;
        let Some(seen) = self.seen.as_ref().filter(|seen| seen.is_on_trial()) else {
            self.judge = None;
            return;
        };
        let running = seen.running;
        let judge = self.judge.take().unwrap_or_else(|| {
            let trial = read(&self.record).trial.filter(|trial| trial.slot == running.name());
            let before = trial.map(|trial| trial.before.value);
            tracing::info!(slot = %running, ?before, "this slot is on trial");
            Judge::new(before, Gate::of(&self.settings))
        });
        self.judge = Some(judge);
    }

    /// Writes down what the slot that is about to be tried is held against.
    fn remember_trial(&self, before: Health, wall: WallTime) {
        let Ok(slots) = &self.slots else { return };
        let mut record = read(&self.record);
        record.trial = Some(trial(slots, slots.running().other(), before, wall));
        complain(self.save(&record), "what the next slot is held against was not written down");
    }

    /// How long the chooser is to have this machine's watchdog wait for the other slot: as its image wants it.
    fn watchdog(&self) -> Duration {
        let Ok(slots) = &self.slots else { return Duration::ZERO };
        let wanted = header(slots, slots.running().other())
            .map_or(Duration::ZERO, |it| it.facts().kernel.watchdog());
        wanted.min(watchdog::longest_of_chooser())
    }

    fn end_trial(
        &self,
        outcome: Outcome,
        mut why: String,
        evidence: Option<Evidence>,
        wall: WallTime,
    ) -> Result<(), String> {
        let mut record = read(&self.record);
        if let (Some(Evidence { before_unknown: true, .. }), Ok(slots)) = (&evidence, &self.slots) {
            record.trial = Some(trial(slots, slots.running(), DEMANDED, wall));
            why.push_str(NOT_REMEMBERED);
        }
        record.judge(outcome, why, evidence, wall.unix());
        self.save(&record)
    }

    fn save(&self, record: &Record) -> Result<(), String> {
        let written = durable::write(&self.record, &record.render(), 0o600);
        written.map_err(|error| error.to_string())
    }

    fn evidence(&self, health: Health, now: Uptime) -> Evidence {
        let uptime_seconds = now.since_boot().as_secs();
        let before_unknown = self.judge.is_some_and(|judge| !judge.remembers());
        Evidence { health: health.into(), uptime_seconds, starts: self.starts, before_unknown }
    }
}

/// Gives a slot on trial up in which mesh-node does not even come so far as to judge it.
pub(super) fn give_up_on_a_loop(starts: u32) {
    if !is_loop(starts) {
        return;
    }
    let Ok(slots) = Slots::find() else { return };
    let lack = Lack::CrashLoop { starts };
    let request = state::Request::Fail { reason: Reason::Unhealthy(code(Some(lack))) };
    let Ok(plan) = state::plan(&slots.observe(), request) else { return };
    match slots.apply(&plan) {
        Ok(()) => host::restart(),
        Err(fault) => eprintln!("mesh-node: {}", with_causes(&fault)),
    }
}

/// Tells whether the running slot has yet to prove itself.
pub(super) fn is_on_trial() -> bool {
    Slots::find().is_ok_and(|slots| slots.observe().is_on_trial())
}

fn done(plan: &Plan, told: String) -> Done {
    Done { told, reboots: plan.then == Then::Reboot }
}

fn given_up(environment: &Environment) -> Option<Reason> {
    match (environment.state(), environment.trial()?.phase) {
        (State::Failed, Phase::Failed(reason)) => Some(reason),
        _ => None,
    }
}

/// A trial of a slot, with the other to fall back to.
fn trial(slots: &Slots, slot: Slot, before: Health, wall: WallTime) -> Trial {
    let from = slot.other();
    let version_of = |slot| match version(slots, slot) {
        None if slot == slots.running() => Some(env!("CARGO_PKG_VERSION").to_owned()),
        version => version,
    };
    let from_version = version_of(from).unwrap_or_else(|| "unknown".to_owned());
    let (to, from) = ((slot.to_string(), version_of(slot)), (from.to_string(), from_version));
    Trial::new(to, from, before, wall.unix())
}

/// The version that a slot says it holds.
fn version(slots: &Slots, slot: Slot) -> Option<String> {
    header(slots, slot).map(|header| header.facts().version.to_string())
}

fn header(slots: &Slots, slot: Slot) -> Option<Header> {
    let devices = slots.devices(slot, Access::Read).ok()?;
    tail::read(&devices.root).ok()
}

/// Reads what is remembered; others write to it too, between the turns of the loop.
pub(super) fn record() -> Record {
    read(Path::new(places::UPDATE_RECORD))
}

fn read(record: &Path) -> Record {
    let text = fs::read(record).ok();
    text.and_then(|text| Record::parse(&text)).unwrap_or_default()
}

fn complain(result: Result<(), String>, what: &str) {
    if let Err(error) = result {
        tracing::warn!(error, "{what}");
    }
}

#[cfg(test)]
mod tests;
