//! What is told about a router's slots, in the words of the service.

use image::slot::Slot;
use image::slot::environment::{Environment, State};
use image::slot::state::Seen;
use image::slot::trial::{Phase, Trial};
use semver::Version;
use spire_bridge::Uptime;
use spire_bridge::identity::WallTime;

use super::journal::Journal;
use crate::prepare::report::Report;
use crate::proto::image as wire;
use crate::release::Available;
use crate::status::shortly;
use crate::trial::judgement::Health;
use crate::trial::record::{Evidence, Kept, Record, Verdict};
use crate::trial::request::Scrub;

/// Tells of both slots. `versions` is what they say of themselves, in the order of [`Slot::ALL`].
pub fn slots(
    seen: &Seen,
    versions: [Option<Version>; 2],
    journal: Option<&Journal>,
) -> Vec<wire::Slot> {
    let tell = |(slot, version): (Slot, Option<Version>)| {
        let journal = journal.filter(|journal| journal.slot == slot);
        told(seen, slot, version, journal)
    };
    Slot::ALL.into_iter().zip(versions).map(tell).collect()
}

fn told(
    seen: &Seen,
    slot: Slot,
    version: Option<Version>,
    journal: Option<&Journal>,
) -> wire::Slot {
    let mut told = wire::Slot {
        name: slot.to_string(),
        running: slot == seen.running,
        version: version.map(|version| version.to_string()),
        ..wire::Slot::default()
    };
    match seen.environment(slot) {
        Ok(environment) => {
            told.revision = Some(environment.revision());
            state(&mut told, environment, journal);
        }
        Err(_) if journal.is_some() => receiving(&mut told, journal),
        Err(why) => (told.state, told.detail) = ("damaged".to_owned(), format!("it has {why}")),
    }
    told
}

fn state(told: &mut wire::Slot, environment: &Environment, journal: Option<&Journal>) {
    let record = environment.trial();
    let (state, detail) = match (environment.state(), record.map(|record| record.phase)) {
        (State::Ok, _) => ("confirmed", String::new()),
        (State::Installed | State::Testing, _) => {
            let record = record.unwrap_or(Trial::new(Phase::Trying, Default::default()));
            told.tries_used = Some(record.used.into());
            told.tries_allowed = Some(record.allowed.into());
            ("on-trial", on_trial(&record, told.running))
        }
        (State::Failed, Some(Phase::Receiving)) => return receiving(told, journal),
        (State::Failed, Some(Phase::Ready)) => ("ready", "to be activated".to_owned()),
        (State::Failed, Some(Phase::Failed(reason))) => ("failed", reason.to_string()),
        (State::Failed, Some(Phase::Trying)) => ("failed", "its trial ended".to_owned()),
        (State::Failed, Some(Phase::Committed) | None) => ("failed", String::new()),
    };
    (told.state, told.detail) = (state.to_owned(), detail);
}

fn on_trial(record: &Trial, is_running: bool) -> String {
    let mut text = match (is_running, record.used) {
        (false, 0) => format!("boots next, {} tries", record.allowed),
        (_, used) => format!("try {used} of {}", record.allowed),
    };
    if record.silent > 0 {
        text.push_str(&format!(", {} times silent", record.silent));
    }
    text
}

fn receiving(told: &mut wire::Slot, journal: Option<&Journal>) {
    let (state, detail) = match journal {
        Some(journal) => {
            let percent = journal.percent();
            told.percent = Some(percent);
            if !journal.version.is_empty() {
                told.version = Some(journal.version.clone());
            }
            ("receiving", format!("half-written, {percent} %"))
        }
        None => {
            told.version = None;
            ("empty", "nothing whole is on it".to_owned())
        }
    };
    (told.state, told.detail) = (state.to_owned(), detail);
}

/// Tells what the repository offers.
pub fn available(available: &Available) -> wire::Available {
    let update = available.update.as_ref();
    wire::Available {
        version: update.map(|update| update.custom.version.to_string()),
        target: update.map(|update| update.name.clone()).unwrap_or_default(),
        bytes: update.map_or(0, |update| update.length),
        signed: available.signed.map(|signed| signed.to_string()),
        expires: available.expires.to_string(),
        root_version: available.root,
    }
}

/// Tells what became of earlier trials.
pub fn verdicts(record: &Record) -> Vec<wire::Verdict> {
    record.verdicts.iter().map(verdict).collect()
}

fn verdict(verdict: &Verdict) -> wire::Verdict {
    let evidence: Option<&Kept<Evidence>> = verdict.evidence.as_ref();
    wire::Verdict {
        slot: verdict.slot.clone(),
        version: verdict.version.clone(),
        outcome: verdict.outcome.word().to_owned(),
        reason: verdict.reason.clone(),
        at: WallTime::from_unix(verdict.at).to_string(),
        before: Some(health(verdict.before.value)),
        evidence: evidence.map(|evidence| health(evidence.value.health.value)),
        uptime_seconds: evidence.map(|evidence| evidence.value.uptime_seconds),
        starts: evidence.map(|evidence| evidence.value.starts),
    }
}

fn health(health: Health) -> wire::Health {
    wire::Health {
        attested: health.attested,
        verified: health.verified,
        neighbours: health.neighbours,
    }
}

/// Tells how the data partition is. `room` is what is free on it and what there is, in bytes.
pub fn data(report: Option<&Report>, room: Option<(u64, u64)>) -> wire::Data {
    let (free_bytes, total_bytes) = room.unwrap_or_default();
    let unknown = || "what the boot found of it is not known".to_owned();
    wire::Data {
        state: report.map_or_else(unknown, |report| report.data.to_string()),
        told: report.map(|report| report.told.clone()).unwrap_or_default(),
        free_bytes,
        total_bytes,
    }
}

/// Tells what the scrub of the running slot has found.
pub fn scrub(scrub: &Scrub, now: Uptime) -> String {
    if let Some(why) = &scrub.off {
        return format!("off: {why}");
    }
    if let Some(rot) = &scrub.rot {
        return format!("rot: {}", rot.place);
    }
    match scrub.last {
        Some(last) => format!("sound, read whole {} ago", shortly(now.since(last))),
        None => "not read whole yet in this boot".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use image::slot::environment::Kernel;
    use image::slot::state::Unreadable;
    use image::slot::trial::{ImageId, Reason};

    use super::*;
    use crate::install::journal::{Mode, Source};

    fn environment(state: State, revision: u32, record: Trial) -> Environment {
        let kernel =
            Kernel { file: "k".into(), parameters: String::new(), watchdog: Duration::ZERO };
        Environment::new(&kernel, state, revision, record).unwrap()
    }

    fn of(phase: Phase) -> Trial {
        Trial { allowed: 3, used: 1, ..Trial::new(phase, ImageId::default()) }
    }

    /// Tells of slot B beside a good slot A.
    fn check(b: Result<Environment, Unreadable>, half: Option<u64>, expected: (&str, &str)) {
        let a = Ok(environment(State::Ok, 1, of(Phase::Committed)));
        let seen = Seen { running: Slot::A, a, b };
        let journal = half.map(|done| {
            let source = Source::UnsignedFile { path: String::new() };
            let mut journal = Journal::new(source, Slot::B, Mode::Attended);
            (journal.done, journal.total) = (done, 100);
            journal
        });

        let told = slots(&seen, [None, None], journal.as_ref());

        assert_eq!((told[0].state.as_str(), told[0].running), ("confirmed", true));
        assert_eq!((told[1].state.as_str(), told[1].detail.as_str()), expected);
    }

    #[test]
    fn each_state_has_its_word_and_its_reason() {
        let failed = |reason| Ok(environment(State::Failed, 0, of(Phase::Failed(reason))));
        let untried = Trial { used: 0, ..of(Phase::Trying) };

        check(
            Ok(environment(State::Failed, 0, of(Phase::Ready))),
            None,
            ("ready", "to be activated"),
        );
        check(
            Ok(environment(State::Installed, 2, untried)),
            None,
            ("on-trial", "boots next, 3 tries"),
        );
        check(
            Ok(environment(State::Testing, 2, of(Phase::Trying))),
            None,
            ("on-trial", "try 1 of 3"),
        );
        check(failed(Reason::TriesUsedUp), None, ("failed", "its tries were used up"));
        check(failed(Reason::Asked), None, ("failed", "a person wanted the other slot back"));
    }

    #[test]
    fn a_half_written_slot_says_how_far_it_came() {
        let receiving = || Ok(Environment::receiving(ImageId::default()));
        let unreadable = || Err(Unreadable::Device(std::io::ErrorKind::NotFound));

        check(receiving(), Some(40), ("receiving", "half-written, 40 %"));
        check(unreadable(), Some(40), ("receiving", "half-written, 40 %"));
        check(receiving(), None, ("empty", "nothing whole is on it"));
        check(
            unreadable(),
            None,
            ("damaged", "it has a partition that cannot be read (entity not found)"),
        );
    }
}
