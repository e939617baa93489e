//! The running slot's environment after it has rotted: the one time that it is written beside a trial.
//!
//! What is whole is never touched. What is not is passed over by the chooser, so that no cut of these writes takes away
//! what a power-on would have found: a slot to fall back to is not written, and where there is none the chooser goes by
//! the first partition's bytes as they are, of which only the rotten sectors change.

use super::environment::{Environment, State, Unfit, Write};
use super::state::{Plan, Then};
use super::trial::{Initiator, Phase, Trial};
use super::{Slot, environment};
use crate::update::Header;

const SECTOR: usize = 512;

/// Why an environment cannot be made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The slot was on trial, and nobody knows how far it had come.
    #[error("it was on trial: the slot before it is what boots next")]
    OnTrial,
    /// What the slot's header has it boot does not fit.
    #[error("its header names a kernel that does not fit")]
    Kernel(#[from] Unfit),
}

/// Plans the writes that make a rotten environment what it was, or what it should be; none to one that is whole.
pub fn plan(slot: Slot, rotten: &[u8], whole: &Environment) -> Plan {
    let is_whole = Environment::parse(rotten).is_ok();
    let sectors = whole.as_bytes().chunks(SECTOR).zip(rotten.chunks(SECTOR)).enumerate();
    let differing = sectors.filter(|(_, (right, found))| !is_whole && right != found);
    let write = |(at, (right, _)): (usize, (&[u8], _))| Write {
        offset: (at * SECTOR) as u64,
        bytes: right.to_vec(),
    };
    Plan { slot, writes: differing.map(write).collect(), then: Then::Nothing }
}

/// Makes the environment of a slot that proved itself anew, from the header at the end of its root file system and
/// what is left of the old one. Its revision is above the other slot's.
///
/// # Errors
/// [`Fault`] where the slot may not have proved itself.
pub fn rebuild(
    slot: Slot,
    rotten: &[u8],
    header: &Header,
    other: Option<&Environment>,
) -> Result<Environment, Fault> {
    let left = environment::record_left_in(rotten);
    if left.is_some_and(|record| record.phase == Phase::Trying) {
        return Err(Fault::OnTrial);
    }
    // Nobody knows whether it was the node that came here: then it does not go back by itself.
    let unknown =
        Trial { begun_by: Initiator::Node, ..Trial::new(Phase::Committed, header.image()) };
    let record = left.filter(|it| it.phase == Phase::Committed).unwrap_or(unknown);
    let revision = other.map_or(0, Environment::revision).saturating_add(1);
    Ok(Environment::new(&header.facts().kernel.of(slot), State::Ok, revision, record)?)
}

#[cfg(test)]
mod tests {
    use semver::Version;

    use super::*;
    use crate::slot::chooser::choose;
    use crate::slot::environment::LENGTH;
    use crate::slot::trial::{ImageId, Reason};
    use crate::update::sample::update;

    fn header() -> Header {
        update(3, Version::new(1, 0, 0)).1
    }

    fn environment(slot: Slot, revision: u32, phase: Phase) -> Environment {
        let header = header();
        let record = Trial { used: 1, ..Trial::new(phase, header.image()) };
        let kernel = header.facts().kernel.of(slot);
        Environment::new(&kernel, State::Ok, revision, record).unwrap()
    }

    fn rot(environment: &Environment, at: usize) -> Vec<u8> {
        let mut bytes = environment.as_bytes().to_vec();
        bytes[at] ^= 0x40;
        bytes
    }

    /// What lies there after each of the writes.
    fn written(rotten: &[u8], plan: &Plan) -> Vec<Vec<u8>> {
        let mut bytes = rotten.to_vec();
        let write = |write: &Write| {
            let offset = usize::try_from(write.offset).unwrap();
            bytes[offset..offset + write.bytes.len()].copy_from_slice(&write.bytes);
            bytes.clone()
        };
        plan.writes.iter().map(write).collect()
    }

    const PLACES: [usize; 9] = [3, 600, 990, 1021, 1025, 1030, 50_000, LENGTH - 5, LENGTH - 1];

    #[test]
    fn rot_anywhere_is_one_sector_to_what_it_was() {
        let whole = environment(Slot::A, 4, Phase::Committed);

        for at in PLACES {
            let rotten = rot(&whole, at);
            let plan = plan(Slot::A, &rotten, &whole);

            assert_eq!((plan.slot, plan.writes.len(), plan.then), (Slot::A, 1, Then::Nothing));
            assert_eq!(written(&rotten, &plan).pop().unwrap(), whole.as_bytes(), "{at}");
        }
    }

    #[test]
    fn what_is_whole_is_never_written() {
        let found = environment(Slot::A, 4, Phase::Committed);
        let other = environment(Slot::A, 5, Phase::Committed);

        assert_eq!(plan(Slot::A, found.as_bytes(), &other).writes, []);
    }

    #[test]
    fn environment_that_nobody_remembers_is_made_from_the_slots_header() {
        let was = environment(Slot::B, 9, Phase::Committed);
        let other = environment(Slot::A, 3, Phase::Failed(Reason::Asked));

        for at in PLACES {
            let rotten = rot(&was, at);
            let made = rebuild(Slot::B, &rotten, &header(), Some(&other)).unwrap();
            let plan = plan(Slot::B, &rotten, &made);
            let mended = Environment::parse(written(&rotten, &plan).last().unwrap()).unwrap();

            assert_eq!(mended, made, "{at}");
            assert_eq!((made.kernel(), made.state()), (was.kernel(), State::Ok));
            assert_eq!(made.revision(), 4);
            let record = made.trial().unwrap();
            assert_eq!((record.phase, record.image), (Phase::Committed, header().image()));
            let is_left = !(988..1012).contains(&at);
            let expected = if is_left { Initiator::Person } else { Initiator::Node };
            assert_eq!(record.begun_by, expected, "{at}");
        }
    }

    #[test]
    fn slot_that_was_on_trial_is_not_made_a_proved_one() {
        let rotten = rot(&environment(Slot::B, 9, Phase::Trying), 50_000);

        assert_eq!(rebuild(Slot::B, &rotten, &header(), None), Err(Fault::OnTrial));
    }

    #[test]
    fn without_a_slot_to_fall_back_to_every_step_boots_what_rot_left_bootable() {
        let was = environment(Slot::A, 1, Phase::Committed);
        let empty = Environment::receiving(ImageId::default());

        for at in [990, 1025, 1030, 50_000, LENGTH - 1] {
            let rotten = rot(&was, at);
            let made = rebuild(Slot::A, &rotten, &header(), Some(&empty)).unwrap();
            for bytes in written(&rotten, &plan(Slot::A, &rotten, &made)) {
                let choice = choose(Some(&bytes), Some(empty.as_bytes()));

                assert_eq!(choice.slot, Some(Slot::A), "{at}");
                assert_eq!(choice.kernel_file, was.kernel().file, "{at}");
                assert_eq!(choice.kernel_parameters, was.kernel().parameters, "{at}");
            }
        }
    }

    #[test]
    fn second_slot_without_a_first_boots_again_once_it_is_mended() {
        let was = environment(Slot::B, 1, Phase::Committed);
        let empty = Environment::receiving(ImageId::default());
        let rotten = rot(&was, 50_000);
        let chosen = |b: &[u8]| choose(Some(empty.as_bytes()), Some(b)).slot;
        assert_eq!(chosen(&rotten), Some(Slot::A), "which holds nothing");

        let made = rebuild(Slot::B, &rotten, &header(), Some(&empty)).unwrap();
        let mended = written(&rotten, &plan(Slot::B, &rotten, &made)).pop().unwrap();

        assert_eq!(chosen(&mended), Some(Slot::B));
    }
}
