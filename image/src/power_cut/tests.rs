use std::rc::Rc;

use semver::Version;

use super::life::{Phase, install, live};
use super::sweep::sweep;
use super::*;
use crate::block::{BlockDevice as _, Memory};
use crate::keep;
use crate::slot::environment::{Environment, State};
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
    let machine = Machine { disk, places, running: Slot::B };
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
