//! What is written where, and in which order.

use super::*;
use crate::io::scrub::sample::{Disk, environment};
use crate::samples::{WALL, at, config};
use crate::trial::rules::{action, findings};

const HEALTH: Health = Health { attested: true, verified: 1, neighbours: 1, keeps_data: true };

fn updating(disk: &Disk) -> Updating {
    let (_, scrub) = watch::channel(Scrub::default());
    let (told, _) = watch::channel(Told::default());
    let settings = config().update;
    Updating::of(settings, Ok(disk.slots()), disk.path("update.json"), (1, scrub, told))
}

/// Slot B runs on trial; what slot A is, the test says.
fn on_trial(a: &Environment) -> (Disk, Updating) {
    let disk = Disk::new(a, &environment(State::Installed, 2, Phase::Trying), Slot::B);
    let updating = updating(&disk);
    (disk, updating)
}

fn proved(revision: u32) -> Environment {
    environment(State::Ok, revision, Phase::Committed)
}

fn remember(disk: &Disk, slot: Slot) {
    let (to, from) = ((slot.to_string(), None), (slot.other().to_string(), "0.1.0".to_owned()));
    let mut record = Record::default();
    record.trial = Some(Trial::new(to, from, HEALTH, 0));
    fs::write(disk.path("update.json"), record.render()).unwrap();
}

fn remembered(disk: &Disk) -> Record {
    read(&disk.path("update.json"))
}

fn give_up(updating: &mut Updating) -> Result<(), String> {
    let action = SlotAction::GiveUp { slot: Slot::B, lack: Some(Lack::NotAttested) };
    updating.carry_out(&action, Health::default(), (WALL, at(900)))
}

#[test]
fn a_slot_that_cannot_be_given_up_is_still_held_against_what_was_before() {
    let nothing_there = environment(State::Failed, 0, Phase::Receiving);
    let (disk, mut updating) = on_trial(&nothing_there);
    remember(&disk, Slot::B);
    let before = remembered(&disk);

    give_up(&mut updating).unwrap_err();

    assert_eq!(remembered(&disk), before);
}

#[test]
fn a_slot_that_is_given_up_has_its_verdict() {
    let (disk, mut updating) = on_trial(&proved(1));
    remember(&disk, Slot::B);

    give_up(&mut updating).unwrap();

    let environment = disk.slots().observe().b.unwrap();
    assert_eq!(given_up(&environment), Some(Reason::Unhealthy(1)));
    assert!(updating.is_leaving());
    let record = remembered(&disk);
    assert_eq!((record.trial, record.verdicts[0].outcome), (None, Outcome::Unhealthy));
}

#[test]
fn a_slot_that_cannot_be_left_begins_no_trial() {
    let failed = environment(State::Failed, 0, Phase::Failed(Reason::TriesUsedUp));
    let disk = Disk::new(&proved(1), &failed, Slot::A);
    let mut updating = updating(&disk);

    let left = updating.carry_out(&SlotAction::Leave(Slot::A), HEALTH, (WALL, at(900)));

    left.unwrap_err();
    assert_eq!(remembered(&disk).trial, None);
}

#[test]
fn a_slot_of_which_nothing_is_remembered_is_kept_in_a_mesh_only_and_that_is_written_down() {
    let (disk, mut updating) = on_trial(&proved(1));
    remember(&disk, Slot::A);

    let alone = updating.observe(Health::default(), at(10)).unwrap();
    let in_a_mesh = updating.observe(HEALTH, at(20)).unwrap();
    let kept = updating.carry_out(&SlotAction::Commit(Slot::B), HEALTH, (WALL, at(900)));

    let lack = |seen: SlotsSeen| match seen.judgement {
        Some(Judgement::Waiting { lack, .. }) => Some(lack),
        _ => None,
    };
    assert_eq!((lack(alone), lack(in_a_mesh)), (Some(Lack::NotAttested), None));
    kept.unwrap();
    let verdict = remembered(&disk).verdicts.pop().unwrap();
    assert_eq!((verdict.slot.as_str(), verdict.outcome), ("b", Outcome::Committed));
    assert!(verdict.evidence.unwrap().value.before_unknown);
    assert!(verdict.reason.ends_with("it was held against a node in a mesh"));
}

/// The scrub's word that it could not read the environment.
fn told_of_rot(updating: &mut Updating) -> SlotsSeen {
    let (_, scrub) = watch::channel(Scrub { unread: updating.unread + 1, ..Scrub::default() });
    updating.scrub = scrub;
    updating.observe(HEALTH, at(30)).unwrap()
}

fn planned(seen: &SlotsSeen) -> Vec<SlotAction> {
    findings(&Record::default(), seen).iter().filter_map(action).collect()
}

#[test]
fn a_running_slots_rotten_environment_becomes_what_it_was() {
    for b in [proved(2), environment(State::Installed, 2, Phase::Trying)] {
        let disk = Disk::new(&proved(1), &b, Slot::B);
        let mut updating = updating(&disk);
        let judged = updating.observe(HEALTH, at(20)).unwrap().judgement.is_some();
        disk.rot_environment(Slot::B);

        let seen = told_of_rot(&mut updating);
        assert!(planned(&seen).contains(&SlotAction::Mend(Slot::B)), "{seen:?}");
        updating.carry_out(&SlotAction::Mend(Slot::B), HEALTH, (WALL, at(31))).unwrap();

        assert_eq!(disk.slots().observe().b.unwrap(), b);
        let after = updating.observe(HEALTH, at(32)).unwrap();
        assert_eq!((after.rot, after.judgement.is_some()), (None, judged));
    }
}

#[test]
fn an_environment_that_was_rotten_from_the_start_of_a_trial_is_left() {
    let b = environment(State::Ok, 2, Phase::Trying);
    let disk = Disk::new(&proved(1), &b, Slot::B);
    disk.rot_environment(Slot::B);
    remember(&disk, Slot::B);
    let mut updating = updating(&disk);
    let seen = updating.observe(HEALTH, at(20)).unwrap();
    assert_eq!(planned(&seen), [SlotAction::Mend(Slot::B)]);

    updating.carry_out(&SlotAction::Mend(Slot::B), HEALTH, (WALL, at(31))).unwrap_err();

    let seen = updating.observe(HEALTH, at(32)).unwrap();
    assert_eq!(planned(&seen), []);
    assert!(disk.slots().observe().b.is_err());
}
