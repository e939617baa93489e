use std::rc::Rc;
use std::time::Duration;

use semver::Version;

use super::life::{Phase, install, live};
use super::sweep::{self, sweep};
use super::*;
use crate::block::{BlockDevice as _, Memory};
use crate::keep;
use crate::slot::environment::{Environment, State};
use crate::slot::state::Request;
use crate::slot::trial::{self, ImageId, Trial};
use crate::slot::{Slot, place};
use crate::update::Header;
use crate::update::sample::{self, BOOT, ROOT, target, update};

const SEED: u64 = 4;

fn places() -> Places {
    let boot = BOOT as u64 + 4096;
    let root = ROOT as u64 + 16384;
    let boot_b = boot..2 * boot;
    let root_a = boot_b.end..boot_b.end + root;
    let root_b = root_a.end..root_a.end + root;
    let keep = root_b.end..root_b.end + keep::LENGTH;
    Places { boot: [0..boot, boot_b], root: [root_a, root_b], keep }
}

/// A machine fresh from the factory: slot A has proved itself, slot B holds nothing.
fn factory() -> Machine<Memory> {
    let places = places();
    let length = usize::try_from(places.keep.end).unwrap();
    let disk = Disk::new(Image::new(Rc::new(Memory(vec![0; length]))));
    let machine = Machine { disk, places, running: Slot::B, watchdog: Duration::MAX };
    let (file, header) = update(1, Version::new(1, 0, 0));
    install(&machine, Slot::A, &file, &header, &target()).unwrap();
    let proved = Trial::new(trial::Phase::Committed, header.image());
    let kernel = header.facts().kernel.of(Slot::A);
    write_environment(&machine, &Environment::new(&kernel, State::Ok, 1, proved).unwrap());

    let mut boot = machine.boot(Slot::B);
    boot.write_at(0, &sample::boot(b"none")).unwrap();
    let place = place::find(&boot).unwrap().file;
    boot.write_at(place, Environment::receiving(ImageId::default()).as_bytes()).unwrap();
    Machine { disk: Disk::new(machine.disk.image()), running: Slot::A, ..machine }
}

fn write_environment(machine: &Machine<Memory>, environment: &Environment) {
    let mut boot = machine.boot(Slot::A);
    let place = place::find(&boot).unwrap().file;
    boot.write_at(place, environment.as_bytes()).unwrap();
}

fn news() -> (Vec<u8>, Header) {
    update(7, Version::new(1, 1, 0))
}

fn phases() -> Vec<Phase<Memory>> {
    let (file, header) = news();
    live(factory(), &file, &header, &target()).unwrap()
}

#[test]
fn no_power_cut_leaves_a_machine_without_a_whole_slot() {
    let phases = phases();

    let count = sweep(&phases, &places(), SEED).map_err(|it| chain(&it)).unwrap();

    eprintln!("{count}");
    assert!(count.cuts > 1000, "{count}");
}

/// An error and what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |it| it.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A disk of two parts, to the first of which something is written.
fn recording() -> Recording<Memory> {
    let disk = Disk::new(Image::new(Rc::new(Memory(vec![0; 16 << 10]))));
    let start = disk.image();
    let (mut part, mut other) = (disk.part(0..8 << 10), disk.part(8 << 10..16 << 10));
    part.write_at(0, &[1; 1024]).unwrap();
    part.flush().unwrap();
    part.write_at(1024, &[2; 1024]).unwrap();
    other.write_at(0, &[3; 512]).unwrap();
    other.flush().unwrap();
    Recording { start, events: disk.take_events() }
}

fn check_cut(after: usize, kind: Kind, expected: [u8; 6]) {
    let image = recording().at(Cut { after, kind }).unwrap();

    let found = [0, 512, 1024, 1536, 2048, 8192].map(|offset| {
        let mut byte = [0];
        image.read_at(offset, &mut byte).unwrap();
        byte[0]
    });
    assert_eq!(found, expected, "after {after}, {kind:?}");
}

#[test]
fn cuts_lose_what_they_are_named_for() {
    check_cut(0, Kind::Through, [0, 0, 0, 0, 0, 0]);
    check_cut(1, Kind::Through, [1, 1, 0, 0, 0, 0]);
    check_cut(1, Kind::Dropped, [0, 0, 0, 0, 0, 0]);
    check_cut(1, Kind::Torn(512), [1, 0, 0, 0, 0, 0]);
    check_cut(2, Kind::Dropped, [1, 1, 0, 0, 0, 0]);
    check_cut(3, Kind::Torn(513), [1, 1, 2, 2, 0, 0]);
    check_cut(3, Kind::Erased(0), [0xff, 0xff, 0xff, 0xff, 0xff, 0]);
    check_cut(5, Kind::Through, [1, 1, 2, 2, 0, 3]);
}

#[test]
fn flush_of_one_part_says_nothing_of_another() {
    check_cut(5, Kind::Dropped, [1, 1, 0, 0, 0, 3]);
}

#[test]
fn unflushed_sectors_are_on_the_medium_in_any_choice() {
    let recording = recording();
    let mut seen = std::collections::BTreeSet::new();

    for seed in 0..64 {
        let image = recording.at(Cut { after: 4, kind: Kind::Reordered(seed) }).unwrap();
        let mut bytes = [0; 16 << 10];
        image.read_at(0, &mut bytes).unwrap();
        assert_eq!((bytes[0], bytes[512]), (1, 1), "what was flushed is there");
        seen.insert((bytes[1024], bytes[1536], bytes[8192]));
    }

    assert_eq!(seen.len(), 8);
}

#[test]
fn parts_end_where_they_end() {
    let disk = Disk::new(Image::new(Rc::new(Memory(vec![0; 16 << 10]))));
    let mut part = disk.part(4096..8192);

    assert!(part.write_at(4095, &[1; 2]).is_err());
    assert!(part.read_at(u64::MAX, &mut [0]).is_err());
    assert!(disk.image().read_at((16 << 10) - 1, &mut [0; 2]).is_err());
}

/// Sweeps one phase that something wrong is done in.
fn check_found(act: impl FnOnce(&Machine<Memory>), expected: &str) {
    let machine = factory();
    let start = machine.disk.image();
    act(&machine);
    let recording = Recording { start, events: machine.disk.take_events() };
    let kept = [machine.kept().unwrap(), None];
    let phase = Phase { name: "something wrong", recording, proved: Slot::A, kept };

    let found = chain(&sweep(&[phase], &places(), SEED).unwrap_err());

    assert!(found.contains(expected), "{found}");
}

#[test]
fn slot_that_is_chosen_before_it_is_whole_is_found() {
    let (file, header) = news();
    let chosen = |machine: &Machine<Memory>| {
        install(machine, Slot::B, &file, &header, &target()).unwrap();
        let ready = Trial::new(trial::Phase::Ready, header.image());
        let kernel = header.facts().kernel.of(Slot::B);
        let early = Environment::new(&kernel, State::Ok, 2, ready).unwrap();
        let mut devices = machine.devices(Slot::B);
        devices.boot.write_at(header.facts().environment, early.as_bytes()).unwrap();
        devices.root.write_at(0, &[0x55; 4096]).unwrap();
        devices.boot.flush().unwrap();
    };

    check_found(chosen, "slot b is booted and not whole");
}

#[test]
fn slot_that_was_set_on_trial_is_not_chosen_while_it_is_written_anew() {
    let machine = factory();
    let (file, header) = news();
    install(&machine, Slot::B, &file, &header, &target()).unwrap();
    machine
        .request(Request::Activate { tries: 1, again: false, watchdog: Duration::ZERO })
        .unwrap();
    machine.disk.take_events();
    let start = machine.disk.image();

    let (file, header) = update(20, Version::new(1, 2, 0));
    install(&machine, Slot::B, &file, &header, &target()).unwrap();

    let recording = Recording { start, events: machine.disk.take_events() };
    let phase = Phase { name: "install anew", recording, proved: Slot::A, kept: [None, None] };
    sweep(&[phase], &places(), SEED).map_err(|it| chain(&it)).unwrap();
}

#[test]
fn write_to_the_proved_slot_is_found() {
    let written = |machine: &Machine<Memory>| {
        machine.devices(Slot::A).root.write_at(0, &[1]).unwrap();
    };

    check_found(written, "slot a, which proved itself, was written");
}

#[test]
fn lost_keep_is_found() {
    let machine = factory();
    let keep = |name: &str| {
        let mut keep = keep::Keep::default();
        keep.put("hostname", keep::File { mode: 0o600, bytes: name.into() }).unwrap();
        keep
    };
    let first = keep::plan(&keep::Seen::parse(&[]), &keep("one"), keep::Manner::Change).unwrap();
    keep::apply(&mut machine.keep(), &first).unwrap();
    machine.disk.take_events();
    let start = machine.disk.image();

    // Over the only copy there is.
    let again = keep::plan(&keep::Seen::parse(&[]), &keep("two"), keep::Manner::Change).unwrap();
    keep::apply(&mut machine.keep(), &again).unwrap();

    let recording = Recording { start, events: machine.disk.take_events() };
    let kept = [Some(keep("one")), Some(keep("two"))];
    let phase = Phase { name: "keep", recording, proved: Slot::A, kept };
    let found = chain(&sweep(&[phase], &places(), SEED).unwrap_err());
    assert!(found.contains("what was kept is lost"), "{found}");
}

#[test]
fn update_goes_on_after_any_cut() {
    let (file, header) = news();
    let phases = phases();
    let phase = phases.iter().find(|it| it.name == "install").unwrap();

    for cut in phase.recording.cuts(SEED).into_iter().step_by(5) {
        let mut machine = sweep::machine(phase.recording.at(cut).unwrap(), &places());
        machine.power_on().unwrap();

        install(&machine, Slot::B, &file, &header, &target()).unwrap();

        machine.check_whole(Slot::B).map_err(|it| format!("{cut}: {}", chain(&it))).unwrap();
        let b = machine.seen().b.unwrap();
        assert_eq!(b.trial().unwrap().phase, trial::Phase::Ready, "{cut}");
    }
}
