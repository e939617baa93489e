use proptest::prelude::*;
use semver::Version;

use super::header::{self, Fault};
use super::install::{Error, Install, read_environment};
use super::installer;
use super::sample::{self, devices, target, update};
use super::tail;
use super::verify::Verification;
use super::*;
use crate::Architecture;
use crate::block::Memory;
use crate::slot::trial::Phase;
use crate::slot::{Slot, place};

fn newer(seed: u32) -> (Vec<u8>, Header) {
    update(seed, Version::new(1, 1, 0))
}

fn begin(devices: Devices<Memory>, header: &Header) -> Install<Memory> {
    Install::begin(devices, header.clone(), &target()).unwrap()
}

fn rest<'a>(install: &Install<Memory>, file: &'a [u8]) -> &'a [u8] {
    &file[usize::try_from(install.offset()).unwrap()..]
}

fn installed(devices: Devices<Memory>, file: &[u8], header: &Header) -> Devices<Memory> {
    let mut install = begin(devices, header);
    install.feed(rest(&install, file)).unwrap();
    install.finish(|_| ()).unwrap()
}

fn phase(devices: &Devices<Memory>) -> Option<Phase> {
    let place = place::find(&devices.boot).ok()?.file;
    Some(read_environment(&devices.boot, place).unwrap().ok()?.trial()?.phase)
}

#[test]
fn update_file_is_read_as_it_was_made() {
    let (file, made) = newer(1);

    let read = Header::begin(&file, Some(made.digest())).unwrap().unwrap();

    assert_eq!(read, made);
    assert_eq!(read.file_length(), file.len() as u64);
    assert!(file.len() < (sample::ROOT + sample::BOOT) / 2, "zeros are packed");
}

#[test]
fn header_is_read_as_soon_as_it_is_there() {
    let (file, header) = newer(1);
    let length = usize::try_from(header.length()).unwrap();

    for cut in [0, 7, 11, 12, length - 1] {
        assert_eq!(Header::begin(&file[..cut], None).unwrap(), None, "{cut} bytes");
    }
    assert!(Header::begin(&file[..length], None).unwrap().is_some());
}

#[test]
fn other_files_are_refused_by_name() {
    let (file, header) = newer(1);
    let changed = |offset: usize, byte: u8| {
        let mut file = file.clone();
        file[offset] = byte;
        Header::begin(&file, Some(header.digest())).unwrap_err()
    };

    assert!(matches!(changed(0, b'X'), Fault::Magic));
    assert!(matches!(changed(11, 1), Fault::Length(_)));
    assert!(matches!(changed(20, b'X'), Fault::Digest));
}

#[test]
fn headers_that_contradict_themselves_are_refused() {
    let (_, header) = newer(1);
    let check = |change: &dyn Fn(&mut Facts)| {
        let mut facts = header.facts().clone();
        change(&mut facts);
        Header::new(&facts).unwrap_err().to_string()
    };

    assert!(check(&|it| it.format = 2).contains("format 2"));
    assert!(check(&|it| it.root.size = 0).contains("empty or too large"));
    assert!(check(&|it| it.root.size += 1 << 20).contains("too many chunks or too few"));
    assert!(check(&|it| it.boot.chunk = 100).contains("odd size"));
    assert!(check(&|it| it.boot.chunks[0].stored = 1 << 30).contains("too many bytes"));
    assert!(check(&|it| it.mutable[0].end = u64::MAX).contains("does not lie in"));
    assert!(check(&|it| it.environment += 1).contains("not among what changes"));
}

#[test]
fn installed_slot_is_ready_and_whole() {
    let (file, header) = newer(1);

    let devices = installed(devices(), &file, &header);

    assert_eq!(phase(&devices), Some(Phase::Ready));
    assert_eq!(tail::read(&devices.root).unwrap(), header);
    assert_eq!(Verification::of(&devices, Slot::B).unwrap().run(&devices).unwrap(), Ok(()));
    let environment = read_environment(&devices.boot, header.facts().environment).unwrap().unwrap();
    assert_eq!(environment.kernel().parameters, "root=PARTLABEL=root-b");
    assert_eq!(environment.revision(), 0);
}

#[test]
fn slot_is_not_ready_before_the_end() {
    let (old_file, old) = newer(1);
    let (file, header) = newer(2);
    let devices = installed(devices(), &old_file, &old);

    let mut install = begin(devices, &header);
    install.feed(&rest(&install, &file)[..55_000]).unwrap();

    let devices = install.into_devices();
    assert_ne!(phase(&devices), Some(Phase::Ready));
    assert!(matches!(begin(devices, &header).finish(|_| ()), Err(Error::Incomplete(_))));
}

#[test]
fn slot_can_be_used_and_still_be_whole() {
    let (file, header) = newer(1);
    let mut devices = installed(devices(), &file, &header);

    for range in &header.facts().mutable {
        let length = usize::try_from(range.end - range.start).unwrap();
        devices.boot.write_at(range.start, &vec![0x5a; length]).unwrap();
    }

    assert_eq!(Verification::of(&devices, Slot::B).unwrap().run(&devices).unwrap(), Ok(()));
}

#[test]
fn rot_is_found_wherever_it_is() {
    let (file, header) = newer(1);
    let whole = installed(devices(), &file, &header);
    let kernel = header.facts().boot.size - 5_000;

    for (part, offset) in
        [(Part::Root, 0), (Part::Root, 50_000), (Part::Boot, 0), (Part::Boot, kernel)]
    {
        let mut devices = Devices { boot: whole.boot.clone(), root: whole.root.clone() };
        let mut byte = [0];
        devices.part(part).read_at(offset, &mut byte).unwrap();
        devices.part_mut(part).write_at(offset, &[byte[0] ^ 1]).unwrap();

        let rot = Verification::of(&devices, Slot::B).unwrap().run(&devices).unwrap().unwrap_err();

        assert_eq!((rot.part, rot.chunk as u64), (part, offset / (16 << 10)));
    }
}

#[test]
fn each_slot_gets_its_label_even_behind_the_last_chunk() {
    let (file, header) = newer(1);
    let label = header.facts().label.clone().unwrap();
    assert!(label.offset > header.facts().boot.size, "the label is the volume's end");

    let mut devices = installed(devices(), &file, &header);

    let mut found = [0; 12];
    devices.boot.read_at(label.offset, &mut found).unwrap();
    assert_eq!(&found, b"b\0o\0o\0t\0-\0b\0");
    devices.boot.write_at(label.offset, b"x").unwrap();
    let rot = Verification::of(&devices, Slot::B).unwrap().run(&devices).unwrap().unwrap_err();
    assert_eq!(rot, verify::Rot { part: Part::Boot, chunk: header.facts().boot.chunks.len() });
}

#[test]
fn damaged_tail_is_no_header() {
    let (file, header) = newer(1);
    let mut devices = installed(devices(), &file, &header);
    let (offset, _) = tail::write(&header, devices.root.len()).unwrap();

    devices.root.write_at(offset + 30, b"XX").unwrap();
    assert!(matches!(tail::read(&devices.root), Err(tail::Fault::Damaged)));

    devices.root.write_at(devices.root.len() - 4096, b"XX").unwrap();
    assert!(matches!(tail::read(&devices.root), Err(tail::Fault::Missing)));
}

#[test]
fn broken_off_update_goes_on_where_it_stopped() {
    let (file, header) = newer(1);
    let mut install = begin(devices(), &header);
    install.feed(&rest(&install, &file)[..60_000]).unwrap();
    let done = install.progress().done;

    let mut install = begin(install.into_devices(), &header);

    assert_eq!(install.progress().done, done);
    assert!(install.offset() > header.length());
    install.feed(rest(&install, &file)).unwrap();
    install.finish(|_| ()).unwrap();
}

#[test]
fn another_update_begins_anew() {
    let (file, header) = newer(1);
    let (_, other) = newer(2);
    let mut install = begin(devices(), &header);
    install.feed(&rest(&install, &file)[..60_000]).unwrap();

    let install = begin(install.into_devices(), &other);

    assert_eq!(install.progress().done, 0);
    assert_eq!(install.offset(), other.length());
}

#[test]
fn wrong_bytes_are_refused_and_right_ones_taken_after() {
    let (file, header) = newer(1);
    let mut wrong = file.clone();
    let offset = usize::try_from(header.length()).unwrap() + 20_000;
    wrong[offset] ^= 1;
    let mut install = begin(devices(), &header);

    let refused = install.feed(rest(&install, &wrong)).unwrap_err();

    let expected = installer::Fault::Chunk { part: Part::Root, chunk: 1 };
    assert!(matches!(refused, Error::File(fault) if fault == expected), "{refused}");
    assert_eq!(install.progress().done, 16 << 10);
    install.feed(rest(&install, &file)).unwrap();
    install.finish(|_| ()).unwrap();
}

#[test]
fn endless_file_is_refused() {
    let (mut file, header) = newer(1);
    file.push(0);
    let mut install = begin(devices(), &header);

    let refused = install.feed(rest(&install, &file)).unwrap_err();

    assert!(matches!(refused, Error::File(installer::Fault::Endless)));
}

#[test]
fn updates_for_others_are_refused_before_anything_is_written() {
    let (_, header) = newer(1);
    let check = |change: &dyn Fn(&mut Target), expected: &str| {
        let mut target = target();
        change(&mut target);
        let refused = Install::begin(devices(), header.clone(), &target).unwrap_err();
        assert!(refused.to_string().contains(expected), "{refused}");
    };

    check(&|it| it.architecture = Architecture::Armv7, "for x86_64, and this is armv7");
    check(&|it| it.board = "rb750".into(), "for generic-x86_64, and this is rb750");
    check(&|it| it.running = Version::new(0, 9, 0), "for version 1.0.0 and newer");
    check(&|it| it.running = Version::new(2, 0, 0), "1.1.0 is older than 2.0.0");
}

#[test]
fn older_update_is_taken_when_a_person_wants_it() {
    let (_, header) = newer(1);
    let target =
        Target { running: Version::new(2, 0, 0), accepts_older: true, slot: Slot::A, ..target() };

    Install::begin(devices(), header, &target).unwrap();
}

#[test]
fn update_that_is_too_large_is_refused() {
    let (_, header) = newer(1);
    let mut small = devices();
    small.root.0.truncate(sample::ROOT);

    let refused = Install::begin(small, header, &target()).unwrap_err();

    let Error::Refused(Refusal::TooLarge { part, needed, available }) = refused else {
        panic!("{refused}");
    };
    assert_eq!((part, available), (Part::Root, sample::ROOT as u64));
    assert!(needed > available);
}

#[test]
fn chunk_that_would_take_much_memory_is_refused() {
    // A frame of 14 bytes that asks for a window of a gigabyte.
    let (_, header) = newer(1);
    let mut facts = header.facts().clone();
    facts.root.chunks[0].encoding = header::Encoding::Zstd;
    facts.root.chunks[0].stored = 14;
    let header = Header::new(&facts).unwrap();
    let mut install = begin(devices(), &header);

    let refused = install.feed(b"\x28\xb5\x2f\xfd\x00\xa0\x01\x00\x00\x00\x00\x00\x00\x00");

    assert!(matches!(refused.unwrap_err(), Error::File(installer::Fault::Chunk { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn file_may_come_in_any_pieces(cuts in prop::collection::vec(1..40_000_usize, 1..20)) {
        let (file, header) = newer(1);
        let mut install = begin(devices(), &header);
        let mut left = rest(&install, &file);

        for cut in cuts.into_iter().chain(std::iter::repeat(40_000)) {
            let (piece, after) = left.split_at(cut.min(left.len()));
            install.feed(piece).unwrap();
            left = after;
            if left.is_empty() {
                break;
            }
        }

        prop_assert!(install.is_complete());
        install.finish(|_| ()).unwrap();
    }

    #[test]
    fn any_bytes_are_a_header_or_none(bytes: Vec<u8>) {
        let _ = Header::begin(&bytes, None);
        let _ = Header::parse(&bytes);
        prop_assert!(tail::read(&Memory(bytes)).is_err());
    }
}
