mod transitions;

use super::super::environment::{Kernel, LENGTH};
use super::super::trial::ImageId;
use super::*;

/// An environment of ours.
fn environment(slot: Slot, state: State, revision: u32, record: Trial) -> Environment {
    let kernel = Kernel {
        file: slot.fill("C:BOOT-{slot}:kernel"),
        parameters: slot.fill("root=PARTLABEL=root-{slot}"),
        watchdog: Duration::ZERO,
    };
    Environment::new(&kernel, state, revision, record).unwrap()
}

fn record(phase: Phase, allowed: u8, used: u8, silent: u8) -> Trial {
    Trial { allowed, used, silent, ..Trial::new(phase, ImageId(*b"an image")) }
}

/// Slot A runs and has proved itself, at revision 5.
fn beside(state: State, revision: u32, record: Trial) -> Seen {
    let proved = Trial::new(Phase::Committed, ImageId::default());
    Seen {
        running: Slot::A,
        a: Ok(environment(Slot::A, State::Ok, 5, proved)),
        b: Ok(environment(Slot::B, state, revision, record)),
    }
}

/// Slot B runs, and A has proved itself, at revision 5.
fn trial(state: State, record: Trial) -> Seen {
    Seen { running: Slot::B, ..beside(state, 6, record) }
}

fn missing() -> Unreadable {
    Unreadable::Place(place::Fault::NoFile)
}

/// What a plan leaves of slot B: state, revision, phase, used and silent tries.
fn check(seen: &Seen, request: Request, then: Then, left: (State, u32, Phase, u8, u8)) {
    let plan = plan(seen, request).unwrap();

    assert_eq!((plan.slot, plan.then), (Slot::B, then), "{request:?}");
    let mut bytes = seen.b.as_ref().unwrap().as_bytes().to_vec();
    for write in &plan.writes {
        let offset = usize::try_from(write.offset).unwrap();
        bytes[offset..offset + write.bytes.len()].copy_from_slice(&write.bytes);
        Environment::parse(&bytes).expect("every write leaves a valid environment");
        assert_eq!((write.bytes.len(), write.offset % 512), (512, 0));
    }
    let b = Environment::parse(&bytes).unwrap();
    let record = b.trial().unwrap();
    let found = (b.state(), b.revision(), record.phase, record.used, record.silent);
    assert_eq!(found, left, "{request:?}");
}

fn check_nothing(seen: &Seen, request: Request) {
    let plan = plan(seen, request).unwrap();

    assert_eq!((plan.writes.len(), plan.then), (0, Then::Nothing), "{request:?}");
}

fn check_refused(seen: &Seen, request: Request, expected: Refusal) {
    assert_eq!(plan(seen, request), Err(expected), "{request:?}");
}

const WATCHDOG: Duration = Duration::from_secs(120);
const ACTIVATE: Request = Request::Activate { tries: 3, again: false, watchdog: WATCHDOG };
const BACK: Request = Request::RollBack { tries: 3, by: Initiator::Node, watchdog: Duration::ZERO };
const BACK_IN_OLD: Request = Request::BackInOld { watchdog: Duration::MAX };

#[test]
fn installed_slot_is_set_on_trial_above_all_others() {
    let ready = beside(State::Failed, 0, record(Phase::Ready, 0, 0, 0));

    check(&ready, ACTIVATE, Then::Reboot, (State::Installed, 6, Phase::Trying, 0, 0));
}

#[test]
fn half_installed_slot_is_not_tried() {
    let half = beside(State::Failed, 0, record(Phase::Receiving, 0, 0, 0));

    check_refused(&half, ACTIVATE, Refusal::NotInstalled(Slot::B));
}

#[test]
fn failed_slot_is_tried_again_for_a_person_only() {
    let reason = Reason::Unhealthy(2);
    let failed = beside(State::Failed, 0, record(Phase::Failed(reason), 3, 1, 0));
    let again = Request::Activate { tries: 2, again: true, watchdog: WATCHDOG };

    check_refused(&failed, ACTIVATE, Refusal::FailedBefore { slot: Slot::B, reason });
    check_refused(&failed, BACK, Refusal::FailedBefore { slot: Slot::B, reason });
    check(&failed, again, Then::Reboot, (State::Installed, 6, Phase::Trying, 0, 0));
}

#[test]
fn every_start_costs_a_try_and_the_last_one_is_the_choosers() {
    let first = trial(State::Testing, record(Phase::Trying, 3, 0, 2));
    let last = trial(State::Testing, record(Phase::Trying, 3, 2, 0));
    let installed = (State::Installed, 6, Phase::Trying, 1, 0);

    check(&first, Request::Begin, Then::Nothing, installed);
    check(&last, Request::Begin, Then::Nothing, (State::Testing, 6, Phase::Trying, 3, 0));
}

#[test]
fn only_slot_that_boots_is_never_given_up() {
    let last = trial(State::Testing, record(Phase::Trying, 3, 2, 0));
    let alone = Seen { a: Err(missing()), ..last };
    let fail = Request::Fail { reason: Reason::Unhealthy(1) };

    check(&alone, Request::Begin, Then::Nothing, (State::Installed, 6, Phase::Trying, 3, 0));
    check_refused(&alone, fail, Refusal::Unreadable { slot: Slot::A, source: missing() });
}

#[test]
fn proved_slot_is_left_alone_at_boot() {
    let ready = beside(State::Failed, 0, record(Phase::Ready, 0, 0, 0));

    check_nothing(&ready, Request::Begin);
    check_nothing(&ready, BACK_IN_OLD);
}

#[test]
fn silent_end_costs_no_try_until_the_third() {
    let first = beside(State::Failed, 0, record(Phase::Trying, 3, 1, 0));
    let third = beside(State::Failed, 0, record(Phase::Trying, 3, 1, 2));
    let phase = Phase::Failed(Reason::NeverReachedUserspace);

    check(&first, BACK_IN_OLD, Then::Reboot, (State::Installed, 6, Phase::Trying, 1, 1));
    check(&third, BACK_IN_OLD, Then::Nothing, (State::Failed, 0, phase, 1, 3));
}

#[test]
fn used_up_tries_are_a_verdict() {
    let used_up = beside(State::Failed, 0, record(Phase::Trying, 3, 3, 0));
    let phase = Phase::Failed(Reason::TriesUsedUp);

    check(&used_up, BACK_IN_OLD, Then::Nothing, (State::Failed, 0, phase, 3, 0));
}

#[test]
fn changes_that_were_cut_off_are_completed() {
    let arming = beside(State::Installed, 0, record(Phase::Trying, 3, 0, 0));
    let failing = beside(State::Testing, 0, record(Phase::Failed(Reason::Asked), 3, 1, 0));

    let armed = (State::Installed, 6, Phase::Trying, 0, 0);
    check(&arming, BACK_IN_OLD, Then::Reboot, armed);
    let failed = (State::Failed, 0, Phase::Failed(Reason::Asked), 1, 0);
    check(&failing, BACK_IN_OLD, Then::Nothing, failed);
}

#[test]
fn proof_ends_a_trial_for_good() {
    let proving = trial(State::Installed, record(Phase::Trying, 3, 1, 0));

    check(&proving, Request::Commit, Then::Nothing, (State::Ok, 6, Phase::Committed, 1, 0));
    let idle = beside(State::Failed, 0, record(Phase::Ready, 0, 0, 0));
    check_refused(&idle, Request::Commit, Refusal::NotOnTrial(Slot::A));
}

#[test]
fn verdict_and_rollback_end_a_trial_at_once() {
    let failing = trial(State::Installed, record(Phase::Trying, 3, 1, 0));
    let reasons = [
        (Request::Fail { reason: Reason::Unhealthy(4) }, Reason::Unhealthy(4)),
        (Request::RollBack { tries: 1, by: Initiator::Person, watchdog: WATCHDOG }, Reason::Asked),
    ];

    for (request, reason) in reasons {
        let left = (State::Failed, 0, Phase::Failed(reason), 1, 0);
        check(&failing, request, Then::Reboot, left);
    }
}

#[test]
fn first_write_of_a_verdict_decides_already() {
    let failing = trial(State::Installed, record(Phase::Trying, 3, 1, 0));
    let plan = plan(&failing, Request::Fail { reason: Reason::Asked }).unwrap();
    let mut b = failing.b.as_ref().unwrap().as_bytes().to_vec();
    b[512..1024].copy_from_slice(&plan.writes[0].bytes);

    let a = failing.a.as_ref().unwrap().as_bytes();
    let choice = super::super::chooser::choose(Some(a), Some(&b));

    assert_eq!(choice.slot, Some(Slot::A));
}

#[test]
fn rollback_tries_the_slot_before() {
    let proved = beside(State::Ok, 4, record(Phase::Committed, 3, 1, 0));

    check(&proved, BACK, Then::Reboot, (State::Installed, 6, Phase::Trying, 0, 0));
}

#[test]
fn slot_that_never_proved_itself_is_no_way_back() {
    for phase in [Phase::Ready, Phase::Receiving] {
        let unproved = beside(State::Failed, 0, record(phase, 0, 0, 0));
        check_refused(&unproved, BACK, Refusal::NothingToGoBackTo(Slot::B));
    }
}

#[test]
fn node_goes_back_once_and_a_person_as_often_as_they_like() {
    let came = Trial { begun_by: Initiator::Node, ..record(Phase::Committed, 3, 1, 0) };
    let mut seen = beside(State::Ok, 4, record(Phase::Committed, 3, 1, 0));
    seen.a = Ok(environment(Slot::A, State::Ok, 5, came));

    check_refused(&seen, BACK, Refusal::BackAndForth(Slot::B));
    let person = Request::RollBack { tries: 3, by: Initiator::Person, watchdog: WATCHDOG };
    check(&seen, person, Then::Reboot, (State::Installed, 6, Phase::Trying, 0, 0));
}

#[test]
fn slot_to_fall_back_to_takes_no_image() {
    let trying = trial(State::Installed, record(Phase::Trying, 3, 1, 0));
    let idle = beside(State::Failed, 0, record(Phase::Ready, 0, 0, 0));
    let broken = Seen { b: Err(missing()), ..idle.clone() };
    let cut_off = beside(State::Installed, 0, record(Phase::Trying, 3, 0, 0));

    assert_eq!(trying.receiver(), Err(Refusal::OnTrial(Slot::B)));
    assert_eq!(cut_off.receiver(), Ok(Slot::B));
    assert_eq!(idle.receiver(), Ok(Slot::B));
    assert_eq!(broken.receiver(), Ok(Slot::B));
}

#[test]
fn slot_that_boots_next_takes_no_image() {
    let armed = beside(State::Installed, 6, record(Phase::Trying, 3, 0, 0));

    assert_eq!(armed.receiver(), Err(Refusal::AboutToBeTried(Slot::B)));
}

#[test]
fn impossible_requests_are_refused_by_name() {
    let ready = record(Phase::Ready, 0, 0, 0);
    let idle = beside(State::Failed, 0, ready);
    let mut last = idle.clone();
    last.a = Ok(environment(Slot::A, State::Ok, u32::MAX, ready));
    let broken = Seen { b: Err(missing()), ..idle.clone() };

    let no_tries = Request::Activate { tries: 0, again: false, watchdog: WATCHDOG };
    check_refused(&idle, no_tries, Refusal::NoTries);
    check_refused(&last, ACTIVATE, Refusal::RevisionsUsedUp);
    let unreadable = Refusal::Unreadable { slot: Slot::B, source: missing() };
    check_refused(&broken, ACTIVATE, unreadable);
    check_refused(&trial(State::Installed, ready), ACTIVATE, Refusal::OnTrial(Slot::B));
}

/// Slot B as a plan leaves it.
fn after(seen: &Seen, request: Request) -> Environment {
    let plan = plan(seen, request).unwrap();
    let mut bytes = seen.b.as_ref().unwrap().as_bytes().to_vec();
    for write in &plan.writes {
        let offset = usize::try_from(write.offset).unwrap();
        bytes[offset..offset + write.bytes.len()].copy_from_slice(&write.bytes);
    }
    Environment::parse(&bytes).unwrap()
}

#[test]
fn watchdog_waits_for_a_trial_from_its_first_write_on_and_for_nothing_else() {
    let ready = beside(State::Failed, 0, record(Phase::Ready, 0, 0, 0));
    let first = plan(&ready, ACTIVATE).unwrap().writes.swap_remove(0);
    assert_eq!(first.bytes[510..], [120, 0], "bytes 1022 and 1023 of the file");

    let armed = after(&ready, ACTIVATE);
    assert_eq!(armed.kernel().watchdog, WATCHDOG);

    let on_trial = Seen { running: Slot::B, b: Ok(armed), ..ready };
    let verdict = Request::Fail { reason: Reason::Unhealthy(1) };
    let cases =
        [(Request::Begin, WATCHDOG), (Request::Commit, Duration::ZERO), (verdict, Duration::ZERO)];
    for (request, expected) in cases {
        assert_eq!(after(&on_trial, request).kernel().watchdog, expected, "{request:?}");
    }
    let alone = Seen { a: Err(missing()), ..on_trial };
    assert_eq!(after(&alone, Request::Begin).kernel().watchdog, Duration::ZERO);
}

#[test]
fn silent_slot_is_armed_again_without_a_watchdog_that_has_gone() {
    let mut silent = beside(State::Failed, 0, record(Phase::Trying, 3, 0, 0));
    let watched = silent.b.as_mut().unwrap();
    watched.change(State::Failed, watched.trial().unwrap(), WATCHDOG).unwrap();
    let shorter = Duration::from_secs(30);

    for (longest, expected) in
        [(Duration::MAX, WATCHDOG), (shorter, shorter), (Duration::ZERO, Duration::ZERO)]
    {
        let again = after(&silent, Request::BackInOld { watchdog: longest });
        assert_eq!((again.state(), again.kernel().watchdog), (State::Installed, expected));
    }
}

#[test]
fn environment_is_as_long_as_the_chooser_wants() {
    let made = environment(Slot::A, State::Ok, 1, record(Phase::Ready, 0, 0, 0));

    assert_eq!(made.as_bytes().len(), LENGTH);
}
