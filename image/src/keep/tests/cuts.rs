//! The keep when the power is cut: what was flushed is there, and what was not costs nothing that was there before.

use std::rc::Rc;

use super::*;
use crate::power_cut::{Cut, Disk, Image, Kind, Recording};

const SECRET: &str = "very secret";

/// Files of several sectors, so that a copy can be torn.
fn named(name: &str) -> Keep {
    keep(&[("hostname", name), ("mesh-node/config.toml", &name.repeat(1000))])
}

/// A partition on which both copies are whole, and the newest says "two".
fn partition() -> Memory {
    let mut partition = empty();
    for name in ["one", "two"] {
        store(&mut partition, &named(name), Manner::Change);
    }
    partition
}

fn recorded(partition: Memory, keep: &Keep, manner: Manner) -> Recording<Memory> {
    let start = Image::new(Rc::new(partition));
    let disk = Disk::new(start.clone());
    let mut part = disk.part(0..start.len());
    let seen = observe(&part).unwrap();
    apply(&mut part, &plan(&seen, keep, manner).unwrap()).unwrap();
    Recording { start, events: disk.take_events() }
}

/// What is on the medium when the power goes just after the keep was said to be written.
fn after_all(recording: &Recording<Memory>) -> Image<Memory> {
    recording.at(Cut { after: recording.events.len(), kind: Kind::Dropped }).unwrap()
}

fn kept(partition: &impl BlockDevice) -> Option<Keep> {
    observe(partition).unwrap().newest().cloned()
}

/// At every cut one of these is kept, and can be exchanged for another.
fn check(recording: &Recording<Memory>, allowed: &[Keep]) {
    let cuts = recording.cuts(1);
    assert!(cuts.len() > 10, "{} cuts", cuts.len());
    for cut in cuts {
        let mut partition = recording.at(cut).unwrap();
        let found = kept(&partition);
        assert!(found.as_ref().is_some_and(|it| allowed.contains(it)), "{cut}: {found:?} is kept");

        let seen = observe(&partition).unwrap();
        let writes = plan(&seen, &named("next"), Manner::Change).unwrap();
        apply(&mut partition, &writes).unwrap();
        assert_eq!(kept(&partition), Some(named("next")), "{cut}");
    }
}

#[test]
fn change_whose_flush_is_lost_leaves_what_was_kept_before() {
    for manner in [Manner::Change, Manner::Wipe] {
        let recording = recorded(partition(), &named("three"), manner);

        check(&recording, &[named("two"), named("three")]);
    }
}

#[test]
fn change_is_on_the_medium_once_it_is_said_to_be() {
    for manner in [Manner::Change, Manner::Wipe] {
        let recording = recorded(partition(), &named("three"), manner);

        assert_eq!(kept(&after_all(&recording)), Some(named("three")), "{manner:?}");
    }
}

#[test]
fn wiped_secret_is_off_the_medium_once_it_is_said_to_be() {
    let mut partition = empty();
    let secret = keep(&[("hostname", "one"), ("spire/join_token", SECRET)]);
    store(&mut partition, &secret, Manner::Change);
    store(&mut partition, &secret, Manner::Change);

    let recording = recorded(partition, &keep(&[("hostname", "one")]), Manner::Wipe);

    let medium = after_all(&recording);
    let mut bytes = vec![0; 2 * COPY];
    medium.read_at(0, &mut bytes).unwrap();
    assert!(!holds(&Memory(bytes), SECRET));
}

#[test]
fn wipe_that_was_cut_off_is_finished_at_the_next_look() {
    let mut partition = empty();
    let secret = keep(&[("hostname", "one"), ("spire/join_token", SECRET)]);
    let without = keep(&[("hostname", "one")]);
    store(&mut partition, &secret, Manner::Change);
    store(&mut partition, &secret, Manner::Change);
    let recording = recorded(partition, &without, Manner::Wipe);

    let mut finished = 0;
    for cut in recording.cuts(1) {
        let mut medium = recording.at(cut).unwrap();
        let seen = observe(&medium).unwrap();
        if seen.newest() != Some(&without) {
            // Still kept: whoever wanted it wiped wants it again.
            assert_eq!(seen.newest(), Some(&secret), "{cut}");
            continue;
        }
        if seen.is_wipe_unfinished() {
            apply(&mut medium, &plan(&seen, &without, Manner::Wipe).unwrap()).unwrap();
            finished += 1;
        }

        let mut bytes = vec![0; 2 * COPY];
        medium.read_at(0, &mut bytes).unwrap();
        assert!(!holds(&Memory(bytes), SECRET), "{cut}");
        let seen = observe(&medium).unwrap();
        assert_eq!((seen.newest(), seen.is_wipe_unfinished()), (Some(&without), false), "{cut}");
    }
    assert!(finished > 0, "no cut came between");
}

#[test]
fn change_alone_is_no_wipe_that_was_cut_off() {
    let mut partition = partition();
    assert!(!observe(&partition).unwrap().is_wipe_unfinished());

    store(&mut partition, &named("three"), Manner::Wipe);
    store(&mut partition, &named("four"), Manner::Change);

    assert!(!observe(&partition).unwrap().is_wipe_unfinished());
    assert!(!observe(&empty()).unwrap().is_wipe_unfinished());
}
