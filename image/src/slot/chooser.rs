//! A model of EFI Boot Guard 0.22: which slot it boots, and what it writes meanwhile.
//!
//! It trusts nothing that the program does not: it takes the files' bytes as they are, and does with them what
//! `load_config` does, its mistakes included. Of two equal revisions the first wins. A state of FAILED alone keeps no
//! slot from being chosen, its revision of zero does. A valid but unconfirmed slot beside an invalid one falls back to
//! whatever the invalid file says. With fewer than two files nothing is ever written.

use super::Slot;
use super::environment::{LENGTH, State};

const IN_PROGRESS: usize = 1020;
const STATE: usize = 1021;
const WATCHDOG: usize = 1022;
const REVISION: usize = 1024;
const CHECKSUM: usize = LENGTH - 4;

/// What the chooser does at power-on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The slot whose environment it follows; none where there is no environment at all.
    pub slot: Option<Slot>,
    /// The file it starts.
    pub kernel_file: String,
    /// What it hands to the kernel.
    pub kernel_parameters: String,
    /// The watchdog's time in seconds; zero leaves it off.
    pub watchdog: u16,
    /// What it does when the kernel cannot be loaded.
    pub without_kernel: WithoutKernel,
    /// The file it rewrites first, as a whole.
    pub written: Option<(Slot, Vec<u8>)>,
}

impl Choice {
    /// Tells whether it leaves the machine to the firmware instead of starting the kernel, after it has written what
    /// it writes: it is to arm a watchdog and finds none.
    pub const fn is_refused(&self, has_watchdog: bool) -> bool {
        self.watchdog > 0 && !has_watchdog
    }
}

/// What the chooser does when the kernel cannot be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithoutKernel {
    /// It resets the machine, and chooses again.
    Resets,
    /// It leaves the machine to the firmware: nothing boots.
    GivesUp,
}

/// Chooses as EFI Boot Guard does among the environment files of slots A and B, in the order of their partitions;
/// `None` is a partition without such a file.
pub fn choose(a: Option<&[u8]>, b: Option<&[u8]>) -> Choice {
    let found = [(Slot::A, a), (Slot::B, b)];
    let found: Vec<_> = found.into_iter().filter_map(|(slot, file)| Some((slot, file?))).collect();
    let mut read: Vec<Read> =
        found.iter().map(|(slot, file)| Read::new(Some(*slot), file)).collect();
    // What is missing counts as a valid file full of zeros, as its memory is.
    read.resize_with(2, Read::missing);
    let (latest, before) = rank(&read);

    let mut chosen = latest;
    let mut written = None;
    if let Some(newest) = read.get_mut(latest) {
        if newest.byte(IN_PROGRESS) == 1 {
            chosen = before;
        } else if newest.byte(STATE) == State::Testing.encode() {
            newest.put(STATE, &[State::Failed.encode()]);
            newest.put(REVISION, &[0; 4]);
            written = newest.saved();
            chosen = before;
        } else if newest.byte(STATE) == State::Installed.encode() {
            newest.put(STATE, &[State::Testing.encode()]);
            written = newest.saved();
        }
    }
    let resets = read.get(latest).is_some_and(|it| it.byte(STATE) == State::Testing.encode());
    let missing = Read::missing();
    let followed = read.get(chosen).unwrap_or(&missing);
    Choice {
        slot: followed.slot,
        kernel_file: followed.text(0),
        kernel_parameters: followed.text(510),
        watchdog: u16::from_le_bytes([followed.byte(WATCHDOG), followed.byte(WATCHDOG + 1)]),
        without_kernel: if resets { WithoutKernel::Resets } else { WithoutKernel::GivesUp },
        // It saves only where it found both.
        written: written.filter(|_| found.len() == 2),
    }
}

/// The places of the newest environment and of the one before it.
fn rank(read: &[Read]) -> (usize, usize) {
    let mut latest = (0, 0);
    let mut before = (0, 0);
    for (index, environment) in read.iter().enumerate().filter(|(_, it)| it.is_valid) {
        let revision = environment.revision();
        if revision > latest.0 {
            before = (latest.0, latest.1);
            latest = (revision, index);
        } else if revision > before.0 {
            before = (revision, index);
        }
    }
    (latest.1, before.1)
}

/// A file as it lies in the chooser's memory.
struct Read {
    slot: Option<Slot>,
    bytes: Vec<u8>,
    is_valid: bool,
}

impl Read {
    fn new(slot: Option<Slot>, file: &[u8]) -> Self {
        let mut bytes = file.get(..LENGTH).unwrap_or(file).to_vec();
        let is_whole = bytes.len() == LENGTH;
        bytes.resize(LENGTH, 0);
        let (checked, stored) = bytes.split_at(CHECKSUM);
        let is_valid = is_whole && super::checksum::of(checked).to_le_bytes() == stored;
        let mut read = Self { slot, bytes, is_valid };
        // Neither string may lack its end; a file that could not be read keeps what it has.
        if is_whole {
            read.put(508, &[0, 0]);
            read.put(1018, &[0, 0]);
        }
        read
    }

    fn missing() -> Self {
        Self { slot: None, bytes: vec![0; LENGTH], is_valid: true }
    }

    fn byte(&self, offset: usize) -> u8 {
        self.bytes.get(offset).copied().unwrap_or_default()
    }

    fn put(&mut self, offset: usize, bytes: &[u8]) {
        if let Some(place) = self.bytes.get_mut(offset..).and_then(|it| it.get_mut(..bytes.len())) {
            place.copy_from_slice(bytes);
        }
    }

    fn revision(&self) -> u32 {
        u32::from_le_bytes([0, 1, 2, 3].map(|it| self.byte(REVISION + it)))
    }

    fn text(&self, offset: usize) -> String {
        let (units, _) = self.bytes.get(offset..).unwrap_or_default().as_chunks();
        let units = units.iter().map(|it| u16::from_le_bytes(*it)).take(254);
        char::decode_utf16(units.take_while(|it| *it != 0))
            .map(|it| it.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    }

    fn saved(&mut self) -> Option<(Slot, Vec<u8>)> {
        let checked = self.bytes.get(..CHECKSUM).unwrap_or_default();
        let checksum = super::checksum::of(checked).to_le_bytes();
        self.put(CHECKSUM, &checksum);
        Some((self.slot?, self.bytes.clone()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::environment::{Environment, Kernel};
    use super::super::trial::{ImageId, Phase, Trial};
    use super::*;

    fn file(slot: Slot, state: State, revision: u32) -> Vec<u8> {
        let kernel = Kernel {
            file: slot.fill("{slot}:kernel"),
            parameters: slot.fill("root={slot}"),
            watchdog: Duration::from_secs(9),
        };
        let record = Trial::new(Phase::Ready, ImageId::default());
        Environment::new(&kernel, state, revision, record).unwrap().as_bytes().to_vec()
    }

    fn broken(mut file: Vec<u8>) -> Vec<u8> {
        file[2000] ^= 1;
        file
    }

    /// The slot chosen, and the state and revision written.
    fn check(a: (State, u32), b: (State, u32), slot: Slot, written: Option<(Slot, State, u32)>) {
        let a_file = file(Slot::A, a.0, a.1);
        let b_file = file(Slot::B, b.0, b.1);

        let choice = choose(Some(&a_file), Some(&b_file));

        assert_eq!(choice.slot, Some(slot), "{a:?} {b:?}");
        assert_eq!(choice.kernel_file, slot.fill("{slot}:kernel"));
        assert_eq!(choice.watchdog, 9);
        let found = choice.written.map(|(slot, bytes)| {
            let environment = Environment::parse(&bytes).unwrap();
            (slot, environment.state(), environment.revision())
        });
        assert_eq!(found, written, "{a:?} {b:?}");
    }

    #[test]
    fn newest_of_two_good_slots_boots() {
        check((State::Ok, 3), (State::Ok, 2), Slot::A, None);
        check((State::Ok, 3), (State::Ok, 4), Slot::B, None);
        check((State::Ok, 3), (State::Ok, 3), Slot::A, None);
        check((State::Ok, 3), (State::Failed, 0), Slot::A, None);
        check((State::Failed, 0), (State::Ok, 1), Slot::B, None);
    }

    #[test]
    fn installed_slot_is_tested_once_and_then_fails() {
        let testing = Some((Slot::B, State::Testing, 2));
        let failed = Some((Slot::B, State::Failed, 0));

        check((State::Ok, 1), (State::Installed, 2), Slot::B, testing);
        check((State::Ok, 1), (State::Testing, 2), Slot::A, failed);
        let failed = Some((Slot::A, State::Failed, 0));
        check((State::Testing, 5), (State::Ok, 4), Slot::B, failed);
    }

    #[test]
    fn failed_slot_with_the_highest_revision_boots_all_the_same() {
        check((State::Ok, 1), (State::Failed, 2), Slot::B, None);
    }

    #[test]
    fn slot_in_progress_is_passed_over() {
        let a = file(Slot::A, State::Ok, 1);
        let mut b = file(Slot::B, State::Ok, 2);
        b[IN_PROGRESS] = 1;
        let checksum = super::super::checksum::of(&b[..CHECKSUM]).to_le_bytes();
        b[CHECKSUM..].copy_from_slice(&checksum);

        assert_eq!(choose(Some(&a), Some(&b)).slot, Some(Slot::A));
    }

    #[test]
    fn broken_environment_is_passed_over() {
        let good = file(Slot::A, State::Ok, 1);
        let bad = broken(file(Slot::B, State::Ok, 2));

        assert_eq!(choose(Some(&good), Some(&bad)).slot, Some(Slot::A));
        assert_eq!(choose(Some(&good), Some(&bad[..600])).slot, Some(Slot::A));
    }

    #[test]
    fn of_two_broken_environments_the_first_is_followed_as_it_is() {
        let a = broken(file(Slot::A, State::Failed, 0));
        let b = broken(file(Slot::B, State::Ok, 2));

        let choice = choose(Some(&a), Some(&b));

        assert_eq!(choice.slot, Some(Slot::A));
        assert_eq!(choice.kernel_file, "a:kernel");
    }

    #[test]
    fn trial_beside_a_broken_environment_ends_in_the_broken_one() {
        let a = broken(file(Slot::A, State::Ok, 1));
        let b = file(Slot::B, State::Testing, 2);

        assert_eq!(choose(Some(&a), Some(&b)).slot, Some(Slot::A));
    }

    #[test]
    fn nothing_is_written_where_one_file_is_missing() {
        let b = file(Slot::B, State::Installed, 2);

        let choice = choose(None, Some(&b));

        assert_eq!((choice.slot, choice.written), (Some(Slot::B), None));
    }

    #[test]
    fn missing_kernel_resets_a_trial_and_stops_anything_else() {
        let a = file(Slot::A, State::Ok, 1);
        let cases = [
            (State::Installed, WithoutKernel::Resets),
            (State::Testing, WithoutKernel::GivesUp),
            (State::Ok, WithoutKernel::GivesUp),
        ];

        for (state, expected) in cases {
            let choice = choose(Some(&a), Some(&file(Slot::B, state, 2)));
            assert_eq!(choice.without_kernel, expected, "{state:?}");
        }
    }

    #[test]
    fn slot_whose_watchdog_has_gone_is_refused_once_if_it_is_on_trial() {
        let unwatched = |slot, state, revision| {
            let old = Environment::parse(&file(slot, state, revision)).unwrap();
            let kernel = Kernel { watchdog: Duration::ZERO, ..old.kernel() };
            let new = Environment::new(&kernel, state, revision, old.trial().unwrap()).unwrap();
            new.as_bytes().to_vec()
        };
        let a = unwatched(Slot::A, State::Ok, 1);
        let on_trial = file(Slot::B, State::Installed, 2);

        let first = choose(Some(&a), Some(&on_trial));
        let (_, written) = first.written.clone().unwrap();
        let second = choose(Some(&a), Some(&written));

        assert!(first.is_refused(false) && !first.is_refused(true));
        assert_eq!((first.slot, second.slot), (Some(Slot::B), Some(Slot::A)));
        assert!(!second.is_refused(false));
        let proved = choose(Some(&a), Some(&file(Slot::B, State::Ok, 2)));
        assert!(proved.is_refused(false), "for ever: nothing was written");
        assert_eq!(proved.written, None);
    }

    #[test]
    fn without_any_file_nothing_boots() {
        let choice = choose(None, None);

        assert_eq!((choice.slot, choice.kernel_file.as_str()), (None, ""));
    }
}
