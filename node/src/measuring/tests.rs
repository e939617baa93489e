use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::samples::{PEER, WALL, at, knowledge, mesh, opened};

fn settings() -> Measure {
    Measure {
        schedule: Schedule::On,
        interval: Duration::from_secs(600),
        duration: Duration::from_secs(3),
        air_time: Duration::from_secs(60),
    }
}

fn link(name: &str) -> IfName {
    name.parse().unwrap()
}

fn target(interface: &str, node: u8) -> Target {
    Target { interface: link(interface), node: MacAddr([2, 0, 0, 0, 0, node]) }
}

fn candidate(interface: &str, node: u8) -> Candidate {
    let target = target(interface, node);
    Candidate { next_hop: target.node, target }
}

fn ended(target: &Target, mbit: u64) -> Ended {
    let duration = Duration::from_secs(3);
    let found = Measurement { originator: target.node, bytes: mbit * 375_000, duration };
    Ended {
        target: Some(target.clone()),
        next_hop: Some(target.node),
        wish: Wish::Schedule,
        took: duration,
        outcome: Ok(found),
        wall: WALL,
    }
}

fn failed(target: &Target) -> Ended {
    Ended {
        outcome: Err(Unmeasured::Failed("silent".into())),
        took: Duration::ZERO,
        ..ended(target, 0)
    }
}

fn measured(results: &[(u8, u64)]) -> Measuring {
    let mut measuring = Measuring::default();
    for (second, (node, mbit)) in (0..).zip(results) {
        measuring.ended(ended(&target("eth1", *node), *mbit), &settings(), 0.0, at(second));
    }
    measuring
}

#[test]
fn neighbours_that_can_be_measured_are_near_and_proven() {
    let mut knowledge = knowledge();
    let timeout = Duration::from_secs(10);
    let found = |knowledge: &crate::knowledge::Knowledge, seen: &batman::Seen| {
        candidates(seen, &knowledge.peers, timeout).len()
    };
    assert_eq!(found(&knowledge, &mesh()), 0, "it cannot be asked for the air");

    knowledge.peers.learn(opened(), at(1));

    assert_eq!(candidates(&mesh(), &knowledge.peers, timeout), [candidate("eth1", 2)]);
    let mut far = mesh();
    far.originators[0].address = MacAddr([2, 0, 0, 0, 0, 9]);
    assert_eq!(found(&knowledge, &far), 0, "the way to it is another's too");
    let mut silent = mesh();
    silent.originators[0].last_seen = Duration::from_secs(11);
    assert_eq!(found(&knowledge, &silent), 0);
    assert_eq!(PEER, far.originators[0].neighbour);
}

#[test]
fn nothing_is_due_that_is_switched_off_or_over_radio_where_only_wires_are_measured() {
    let measuring = Measuring::default();
    let candidates = [candidate("wlan0", 1), candidate("eth1", 2)];
    let due = |schedule| {
        let settings = Measure { schedule, ..settings() };
        measuring.due(&settings, &candidates, &[link("wlan0")], at(0))
    };

    assert_eq!(due(Schedule::Off), None);
    assert_eq!(due(Schedule::Wired), Some(target("eth1", 2)));
    assert!(due(Schedule::On).is_some());
}

#[test]
fn one_is_under_way_at_a_time_and_the_oldest_result_is_next() {
    let mut measuring = Measuring::default();
    let candidates = [candidate("eth1", 1), candidate("eth2", 2)];
    let due = |measuring: &Measuring, now| measuring.due(&settings(), &candidates, &[], at(now));

    let first = due(&measuring, 0).unwrap();
    measuring.began(first.clone(), at(0));
    assert_eq!(due(&measuring, 1), None);
    assert!(due(&measuring, 180).is_some(), "its end was lost");
    measuring.ended(ended(&first, 100), &settings(), 0.0, at(3));

    let second = due(&measuring, 4).unwrap();
    assert_ne!(first, second);
    measuring.ended(ended(&second, 100), &settings(), 0.0, at(7));
    assert_eq!(due(&measuring, 8), None);
    assert_eq!(due(&measuring, 602), None);
    assert_eq!(due(&measuring, 603), Some(first));
}

#[test]
fn who_could_not_be_measured_waits_longer_each_time_and_holds_nobody_up() {
    let mut measuring = Measuring::default();
    let one = [candidate("eth1", 1)];
    let mut tries = Vec::<u64, 16>::new();

    for second in 0..400 {
        if let Some(target) = measuring.due(&settings(), &one, &[], at(second)) {
            measuring.began(target.clone(), at(second));
            measuring.ended(failed(&target), &settings(), 0.0, at(second));
            tries.push(second).unwrap();
        }
    }

    assert_eq!(tries, [0, 5, 15, 35, 75, 155, 315]);
    let both = [candidate("eth1", 1), candidate("eth1", 2)];
    assert_eq!(measuring.due(&settings(), &both, &[], at(400)), Some(target("eth1", 2)));
    assert_eq!(measuring.known().next().unwrap().failure.as_deref(), Some("silent"));
}

/// One more than there is room for.
fn crowd() -> std::vec::Vec<Candidate> {
    (1..).map(|node| candidate("eth1", node)).take(NEIGHBOURS + 1).collect()
}

#[test]
fn neighbourhood_that_is_busy_is_asked_for_nobody_else_meanwhile() {
    let mut measuring = Measuring::default();
    let crowd = crowd();
    let mut tries = 0;

    for second in 0..60 {
        if let Some(target) = measuring.due(&settings(), &crowd, &[], at(second)) {
            measuring.began(target.clone(), at(second));
            let busy = Err(Unmeasured::Busy("bravo measures".into()));
            let ended = Ended { outcome: busy, took: Duration::ZERO, ..ended(&target, 0) };
            measuring.ended(ended, &settings(), 0.0, at(second));
            tries += 1;
        }
    }

    assert_eq!(tries, 20, "once in every three seconds");
}

#[test]
fn schedule_measures_as_many_as_it_remembers_until_one_of_them_is_gone() {
    let mut measuring = Measuring::default();
    let crowd = crowd();
    let settings = Measure { air_time: Duration::from_secs(3600), ..settings() };
    let mut measured = BTreeSet::new();

    for second in (0..300).step_by(4) {
        if let Some(target) = measuring.due(&settings, &crowd, &[], at(second)) {
            measuring.began(target.clone(), at(second));
            measuring.ended(ended(&target, 100), &settings, 0.0, at(second + 3));
            assert!(measured.insert(target), "one was measured twice before its time");
        }
    }

    assert_eq!(measured.len(), NEIGHBOURS);
    let without_first = &crowd[1..];
    measuring.make_room(without_first);
    let last = measuring.due(&settings, without_first, &[], at(300));
    assert_eq!(last, Some(crowd[NEIGHBOURS].target.clone()));
    assert!(measuring.known().all(|it| it.target != crowd[0].target));
}

#[test]
fn measurement_through_which_nothing_went_is_none() {
    let mut measuring = Measuring::default();
    let one = target("eth1", 1);
    let nothing = Measurement { originator: one.node, bytes: 1, duration: Duration::ZERO };

    measuring.ended(Ended { outcome: Ok(nothing), ..ended(&one, 0) }, &settings(), 0.0, at(0));

    let known = measuring.known().next().unwrap();
    assert_eq!((known.newest(), known.failure.as_deref()), (None, Some("nothing went through")));
}

#[test]
fn measurement_that_was_cancelled_says_nothing() {
    let mut measuring = Measuring::default();
    let one = target("eth1", 1);
    let soon =
        |bytes| Measurement { originator: one.node, bytes, duration: Duration::from_millis(40) };

    for bytes in [0, 100_000] {
        let cancelled = Ended { outcome: Ok(soon(bytes)), wish: Wish::Person, ..ended(&one, 0) };
        measuring.ended(cancelled, &settings(), 0.0, at(0));
    }

    assert_eq!(measuring.known().count(), 0);
}

#[test]
fn who_was_turned_down_tries_again_soon_however_often() {
    let mut measuring = Measuring::default();
    let one = [candidate("eth1", 1)];
    let busy = || Err(Unmeasured::Busy("bravo measures".into()));
    let mut tries = Vec::<u64, 16>::new();

    for second in 0..20 {
        if let Some(target) = measuring.due(&settings(), &one, &[], at(second)) {
            let ended = Ended { outcome: busy(), ..failed(&target) };
            measuring.ended(ended, &settings(), 0.0, at(second));
            tries.push(second).unwrap();
        }
    }

    assert_eq!(tries, [0, 3, 6, 9, 12, 15, 18]);
}

#[test]
fn two_that_were_in_each_others_way_try_again_at_different_times() {
    let due_from = |jitter| {
        let mut measuring = Measuring::default();
        measuring.ended(failed(&target("eth1", 1)), &settings(), jitter, at(0));
        let one = [candidate("eth1", 1)];
        (0..100).find(|s| measuring.due(&settings(), &one, &[], at(*s)).is_some()).unwrap()
    };

    assert_eq!((due_from(0.0), due_from(1.0)), (5, 10));
}

#[test]
fn measurement_by_hand_takes_air_and_is_a_result() {
    let mut measuring = Measuring::default();
    let by_hand = Ended { wish: Wish::Person, ..ended(&target("eth1", 1), 90) };
    let other = [candidate("eth1", 2)];

    measuring.ended(by_hand, &settings(), 0.0, at(0));

    assert_eq!(measuring.known().next().unwrap().newest().unwrap().throughput.kbit(), 90_000);
    assert_eq!(measuring.due(&settings(), &other, &[], at(100)), None, "3 s of 57 s an hour");
    assert!(measuring.due(&settings(), &other, &[], at(190)).is_some());
}

#[test]
fn a_failure_by_hand_is_told_to_whoever_asked_and_to_nobody_else() {
    let mut measuring = Measuring::default();

    let by_hand = Ended { wish: Wish::Person, ..failed(&target("eth1", 1)) };
    measuring.ended(by_hand, &settings(), 0.0, at(0));

    assert_eq!(measuring.known().count(), 0);
}

#[test]
fn less_than_half_of_the_usual_is_a_fall_once_something_is_usual() {
    let near = [candidate("eth1", 1)];
    let fall = |results: &[u64]| {
        let results: std::vec::Vec<_> = results.iter().map(|mbit| (1, *mbit)).collect();
        measured(&results).falls(&near).next().map(|(_, fall)| fall.usual.kbit() / 1_000)
    };

    assert_eq!(fall(&[100, 100, 10]), None, "two earlier ones are too few");
    assert_eq!(fall(&[100, 20, 90, 44]), Some(90), "the median");
    assert_eq!(fall(&[100, 20, 90, 45]), None);
    let gone = measured(&[(1, 100), (1, 100), (1, 100), (1, 1)]);
    assert_eq!(gone.falls(&[candidate("eth1", 2)]).count(), 0, "it is not there any more");
}

#[test]
fn speed_of_a_link_is_the_most_that_went_over_it_lastly() {
    let near = [candidate("eth1", 1), candidate("eth1", 2)];
    let mut measuring = measured(&[(1, 300), (1, 100), (2, 40)]);
    let mut rate = |candidates: &[Candidate]| {
        measuring.rate(&link("eth1"), None, candidates).map(|rate| rate.kbit() / 1_000)
    };

    assert_eq!(rate(&near), Some(100));
    assert_eq!(rate(&near[1..]), Some(40), "who was faster has gone");
    assert_eq!(rate(&[]), Some(40), "what was taken for it stays");
    assert_eq!(measured(&[(1, 1)]).rate(&link("eth2"), None, &near), None);
}

#[test]
fn way_that_has_changed_says_nothing_of_the_link() {
    let mut measuring = Measuring::default();
    let target = target("eth1", 1);
    measuring.ended(Ended { next_hop: None, ..ended(&target, 50) }, &settings(), 0.0, at(0));

    assert_eq!(measuring.rate(&link("eth1"), None, &[candidate("eth1", 1)]), None);
}

#[test]
fn speed_follows_only_what_differs_by_more_than_a_fifth() {
    let near = [candidate("eth1", 1)];
    let mut measuring = Measuring::default();
    let mut rates = Vec::<u64, 8>::new();

    for (second, mbit) in (0..).zip([100, 119, 81, 121, 145, 146, 20]) {
        measuring.ended(ended(&near[0].target, mbit), &settings(), 0.0, at(second));
        let rate = measuring.rate(&link("eth1"), None, &near).unwrap();
        rates.push(rate.kbit() / 1_000).unwrap();
    }

    assert_eq!(rates, [100, 100, 100, 121, 121, 146, 20]);
    let mut after_a_start = measured(&[(1, 110)]);
    let set = Some(Throughput::from_kbit(100_000));
    assert_eq!(after_a_start.rate(&link("eth1"), set, &near), set, "what is set is about right");
}

#[test]
fn memory_is_bounded_and_the_newest_stay() {
    let results: std::vec::Vec<_> = (0..100).map(|number| (number, 10)).collect();

    let measuring = measured(&results);

    let nodes: BTreeSet<u8> = measuring.known().map(|it| it.target.node.0[5]).collect();
    assert_eq!(nodes, (68..100).collect());
    let long = measured(&[(1, 10); 100]);
    assert_eq!(long.known().next().unwrap().results().count(), 8);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_hour_has_more_than_its_air_time_and_everybody_has_a_turn(
        neighbours in 1_u8..6, duration in 1_u64..20, twice in 2_u64..40, interval in 1_u64..3_600
    ) {
        let settings = Measure {
            duration: Duration::from_secs(duration),
            air_time: Duration::from_secs(duration * twice),
            interval: Duration::from_secs(interval),
            ..settings()
        };
        let near: std::vec::Vec<_> = (0..neighbours).map(|it| candidate("eth1", it)).collect();
        let mut measuring = Measuring::default();
        let (mut begun, mut busy_until, mut whom) = (std::vec::Vec::new(), 0, BTreeSet::new());
        for second in 0..30_000_u64 {
            if second < busy_until { continue; }
            if let Some(target) = measuring.due(&settings, &near, &[], at(second)) {
                let took = settings.duration;
                measuring.began(target.clone(), at(second));
                busy_until = second + duration;
                measuring.ended(Ended { took, ..ended(&target, 10) }, &settings, 0.0, at(busy_until));
                begun.push(second);
                whom.insert(target);
            }
        }
        for from in &begun {
            let within = begun.iter().filter(|it| (*from..from + 3_600).contains(*it)).count();
            let spent = u64::try_from(within).unwrap() * duration;
            prop_assert!(spent <= duration * twice, "{spent} s from {from} on of {begun:?}");
        }
        prop_assert_eq!(whom.len(), usize::from(neighbours));
    }
}
