use std::time::Duration;

use super::*;
use crate::trial::judgement::Health;
use crate::trial::record::Trial;

const SEEN: SlotsSeen = SlotsSeen {
    running: Slot::B,
    judgement: None,
    given_up: None,
    unreadable: None,
    rot: None,
    is_leaving: false,
};

fn trial_of(slot: &str) -> Record {
    let from = ("?".to_owned(), "0.1.0".to_owned());
    let trial = Trial::new((slot.to_owned(), None), from, Health::default(), 0);
    let mut record = Record::default();
    record.trial = Some(trial);
    record
}

fn check(record: &Record, seen: &SlotsSeen, found: &[&str], done: &[&str]) {
    let findings = findings(record, seen);
    let actions = findings.iter().filter_map(action);

    let actions: Vec<String> = actions.map(|action| action.to_string()).collect();
    let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!((findings, actions), (owned(found), owned(done)));
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn slots_that_proved_themselves_are_nothing_to_speak_of() {
    check(&Record::default(), &SEEN, &[], &[]);
}

#[test]
fn a_slot_on_trial_is_waited_for() {
    let left = Duration::from_secs(60);
    let seen = |judgement| SlotsSeen { judgement: Some(judgement), ..SEEN };
    let lack = Lack::NotAttested;

    check(
        &trial_of("b"),
        &seen(Judgement::Soaking { left }),
        &["slot b is on trial, and healthy"],
        &[],
    );
    check(
        &trial_of("b"),
        &seen(Judgement::Waiting { lack, left }),
        &["slot b is on trial: it is not attested, as it was before"],
        &[],
    );
}

#[test]
fn a_slot_that_proved_itself_is_kept() {
    let seen = SlotsSeen { judgement: Some(Judgement::Healthy), ..SEEN };

    check(&trial_of("b"), &seen, &["slot b has proven itself"], &["keep slot b"]);
}

#[test]
fn a_slot_that_did_not_is_given_up() {
    let lack = Some(Lack::NoVerifiedNeighbour { before: 2 });
    let seen = SlotsSeen { judgement: Some(Judgement::Unhealthy { lack }), ..SEEN };

    check(
        &trial_of("b"),
        &seen,
        &["slot b has not proven itself: no verified neighbour, where there were 2 before"],
        &["give slot b up and start the other"],
    );
}

#[test]
fn a_trial_that_ended_without_a_word_is_written_down() {
    let crashed = SlotsSeen { given_up: Some(Reason::TriesUsedUp), ..SEEN };
    let kept_and_cut = SEEN;

    check(
        &trial_of("a"),
        &crashed,
        &["the trial of slot a is over: crashed"],
        &["write down that the trial of slot a ended: crashed"],
    );
    check(
        &trial_of("b"),
        &kept_and_cut,
        &["the trial of slot b is over: committed"],
        &["write down that the trial of slot b ended: committed"],
    );
    check(&Record::default(), &crashed, &[], &[]);
}

#[test]
fn a_trial_that_is_about_to_begin_is_not_over() {
    check(&trial_of("a"), &SEEN, &[], &[]);
}

#[test]
fn rot_drives_the_node_into_a_sound_slot_only() {
    let rot = |other_is_sound| Rot { place: "chunk 3".to_owned(), other_is_sound };
    let seen = |sound| SlotsSeen { rot: Some(Rotten::Image(rot(sound))), ..SEEN };

    check(
        &Record::default(),
        &seen(true),
        &["slot b has rotted: chunk 3"],
        &["leave slot b for the other"],
    );
    check(
        &Record::default(),
        &seen(false),
        &["slot b has rotted: chunk 3; the other is not sound either"],
        &[],
    );
}

#[test]
fn a_rotten_environment_is_mended_where_it_can_be() {
    let seen = |stuck: Option<&str>| {
        let (why, stuck) = ("its checksum".to_owned(), stuck.map(str::to_owned));
        SlotsSeen { rot: Some(Rotten::Environment { why, stuck }), ..SEEN }
    };

    check(
        &Record::default(),
        &seen(None),
        &["slot b has rotted: its checksum"],
        &["mend the environment of slot b"],
    );
    check(
        &trial_of("b"),
        &seen(Some("it was on trial")),
        &["slot b has rotted: its checksum, and is not mended: it was on trial"],
        &[],
    );
}

#[test]
fn a_slot_that_cannot_be_read_is_told() {
    let seen = SlotsSeen { unreadable: Some("no BGENV.DAT".to_owned()), ..SEEN };

    check(&Record::default(), &seen, &["slot a cannot be used: no BGENV.DAT"], &[]);
}

#[test]
fn nothing_is_decided_on_the_way_out() {
    let judgement = Some(Judgement::Healthy);
    let seen = SlotsSeen { judgement, is_leaving: true, ..SEEN };

    check(&trial_of("b"), &seen, &[], &[]);
}
