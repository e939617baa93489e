use proptest::prelude::*;

use super::*;
use crate::block::Memory;

const STEPS: usize = 6;
const LENGTH: usize = STEPS << 20;

/// Lets a flash run to its end, or breaks it off after so many steps.
struct Patience(usize);

impl Watcher for Patience {
    fn advanced(&mut self, _: Stage, _: u64, _: u64) -> ControlFlow<()> {
        match self.0.checked_sub(1) {
            Some(left) => {
                self.0 = left;
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(()),
        }
    }
}

/// A stick as they are sold.
#[derive(Debug)]
struct Stick {
    bytes: Memory,
    fault: Option<Fault>,
    writes: usize,
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    /// It reports an error at the write of this number.
    Refuses(usize),
    /// It says nothing and keeps half of the write of this number.
    Tears(usize),
    /// It says nothing and has less room than it says: what is beyond lands at the start.
    IsSmaller(u64),
    /// It reports an error when it is read from here on.
    CannotBeRead(u64),
    /// It reports an error at every flush.
    DoesNotFlush,
}

impl BlockDevice for Stick {
    fn len(&self) -> u64 {
        self.bytes.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        match self.fault {
            Some(Fault::CannotBeRead(from)) if offset >= from => {
                Err(io::Error::other("medium error"))
            }
            Some(Fault::IsSmaller(room)) => self.bytes.read_at(offset % room, buffer),
            _ => self.bytes.read_at(offset, buffer),
        }
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.writes += 1;
        match self.fault {
            Some(Fault::Refuses(number)) if number == self.writes => {
                Err(io::Error::other("medium error"))
            }
            Some(Fault::Tears(number)) if number == self.writes => {
                self.bytes.write_at(offset, &bytes[..bytes.len() / 2])
            }
            Some(Fault::IsSmaller(room)) => self.bytes.write_at(offset % room, bytes),
            _ => self.bytes.write_at(offset, bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.fault {
            Some(Fault::DoesNotFlush) => Err(io::Error::other("medium error")),
            _ => Ok(()),
        }
    }
}

impl Medium for Stick {
    fn clear(&mut self, offset: u64, length: u64) -> io::Result<()> {
        clear_by_writing(self, offset, length)
    }
}

/// An image with something in every step but one.
fn image() -> Memory {
    let mut bytes = (0..=250).collect::<Vec<u8>>().repeat(LENGTH / 251 + 1);
    bytes.truncate(LENGTH);
    bytes[2 << 20..3 << 20].fill(0);
    Memory(bytes)
}

/// A stick that was used before: nothing on it is zero.
fn used(length: usize, fault: Option<Fault>) -> Stick {
    Stick { bytes: Memory(vec![0xee; length]), fault, writes: 0 }
}

fn flash(stick: &mut Stick, patch: Option<Patch>, patience: usize) -> Result<(), Failure> {
    let image = image();
    let source = Source { image: &image, patch };
    let fingerprint = source.fingerprint(&mut Patience(usize::MAX)).unwrap();
    let plan = Plan::new(image.len(), stick.len());
    write(&plan, &source, &fingerprint, stick, &mut Patience(patience))
}

fn boots(stick: &Stick) -> bool {
    let image = image();
    let is_table = |from: usize| stick.bytes.0[from..from + 512] == image.0[from..from + 512];
    is_table(0) || is_table(LENGTH - (1 << 20))
}

#[test]
fn image_is_on_a_disk_that_was_used_before() {
    let mut stick = used(LENGTH + (2 << 20), None);

    flash(&mut stick, None, usize::MAX).unwrap();

    assert_eq!(stick.bytes.0[..LENGTH], image().0);
    let tail = stick.bytes.0.len() - (1 << 20);
    assert!(is_zero(&stick.bytes.0[tail..]), "an older table is gone");
    assert_eq!(stick.bytes.0[LENGTH], 0xee, "and what is between is left alone");
}

#[test]
fn disk_as_large_as_the_image_is_large_enough() {
    let mut stick = used(LENGTH, None);

    flash(&mut stick, None, usize::MAX).unwrap();

    assert_eq!(stick.bytes, image());
}

#[test]
fn patch_is_on_the_disk_in_place_of_the_image() {
    for (offset, length) in [(1 << 20, 1 << 20), (2 << 20, 10), ((3 << 20) - 5, 10), (7, 3 << 20)] {
        let mut stick = used(LENGTH, None);
        let patch = Patch { offset: offset as u64, bytes: vec![7; length] };

        flash(&mut stick, Some(patch), usize::MAX).unwrap();

        let mut expected = image();
        expected.0[offset..offset + length].fill(7);
        assert!(stick.bytes == expected, "{length} at {offset}");
    }
}

#[test]
fn every_refused_write_is_an_error_and_boots_nothing() {
    let whole = {
        let mut stick = used(LENGTH, None);
        flash(&mut stick, None, usize::MAX).unwrap();
        stick.writes
    };

    for number in 1..=whole {
        let mut stick = used(LENGTH, Some(Fault::Refuses(number)));

        let failure = flash(&mut stick, None, usize::MAX).unwrap_err();

        assert!(matches!(failure, Failure::Write { .. }), "{number}: {failure:?}");
        assert!(!boots(&stick), "{number}");
    }
    assert!(whole > STEPS);
}

#[test]
fn every_torn_write_is_found_by_reading_back() {
    let mut found = 0;
    for number in 3..=STEPS + 2 {
        let mut stick = used(LENGTH, Some(Fault::Tears(number)));

        let outcome = flash(&mut stick, None, usize::MAX);

        assert!(matches!(outcome, Err(Failure::Differs { .. })), "{number}: {outcome:?}");
        assert!(!boots(&stick), "{number}");
        found += 1;
    }
    assert_eq!(found, STEPS);
}

#[test]
fn stick_with_less_room_than_it_says_is_found_out() {
    for room in 1..STEPS as u64 {
        let mut stick = used(LENGTH, Some(Fault::IsSmaller(room << 20)));

        let failure = flash(&mut stick, None, usize::MAX).unwrap_err();

        assert!(matches!(failure, Failure::Differs { .. }), "{room}: {failure:?}");
    }
}

#[test]
fn what_cannot_be_read_back_or_made_durable_is_an_error() {
    let mut stick = used(LENGTH, Some(Fault::CannotBeRead(3 << 20)));
    let failure = flash(&mut stick, None, usize::MAX).unwrap_err();
    assert!(matches!(failure, Failure::ReadBack { offset: 0x0030_0000, .. }), "{failure:?}");
    assert!(!boots(&stick));

    let mut stick = used(LENGTH, Some(Fault::DoesNotFlush));
    let failure = flash(&mut stick, None, usize::MAX).unwrap_err();
    assert!(matches!(failure, Failure::Write { .. }), "{failure:?}");
}

#[test]
fn flash_that_was_broken_off_boots_nothing() {
    // Four steps are written and four read back before the table is.
    for patience in 0..8 {
        let mut stick = used(LENGTH, None);

        let failure = flash(&mut stick, None, patience).unwrap_err();

        assert!(matches!(failure, Failure::Interrupted), "{patience}: {failure:?}");
        assert!(!boots(&stick), "{patience}");
    }
}

#[test]
fn image_that_changed_after_it_was_checked_is_not_taken_for_good() {
    let (checked, mut changed) = (image(), image());
    changed.0[(3 << 20) + 5] ^= 1;
    let source = Source { image: &checked, patch: None };
    let fingerprint = source.fingerprint(&mut Patience(usize::MAX)).unwrap();
    let mut stick = used(LENGTH, None);

    let source = Source { image: &changed, patch: None };
    let plan = Plan::new(changed.len(), stick.len());
    let outcome = write(&plan, &source, &fingerprint, &mut stick, &mut Patience(usize::MAX));

    assert!(matches!(outcome, Err(Failure::Differs { offset: 0x0030_0000 })), "{outcome:?}");
}

#[test]
fn check_can_be_broken_off() {
    let image = image();

    let outcome = Source { image: &image, patch: None }.fingerprint(&mut Patience(2));

    assert!(matches!(outcome, Err(Failure::Interrupted)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn patch_reaches_what_it_covers_and_nothing_else(
        offset in 0_u64..4096,
        length in 0_usize..4096,
        start in 0_u64..4096,
        read in 0_usize..4096,
    ) {
        let image = Memory(Vec::new());
        let patch = Patch { offset, bytes: vec![1; length] };
        let source = Source { image: &image, patch: Some(patch) };
        let mut bytes = vec![0; read];

        source.patch(start, &mut bytes);

        for (at, byte) in (start..).zip(bytes) {
            let is_covered = (offset..offset + length as u64).contains(&at);
            prop_assert_eq!(byte == 1, is_covered);
        }
    }
}
