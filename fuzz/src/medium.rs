//! What a medium may hold: slots, updates, the keep, and an image's manifest. `image/tests/seeds/main.rs` calls the same
//! functions with every seed.

use std::time::Duration;

use image::block::{BlockDevice as _, Memory};
use image::keep::{self, Keep, Manner};
use image::slot::state::{Plan, Request, Seen, plan};
use image::slot::trial::{Initiator, Reason};
use image::slot::{Environment, Slot, checksum, chooser, environment, place};
use image::update::{Digest, Facts, Header, Installer, Part, Target, tail};
use image::{Architecture, Manifest};
use semver::Version;

/// What of an environment is arbitrary: all that anybody reads. Zeros and the right checksum follow.
const ENVIRONMENT: usize = 1100;

/// The largest disk that a file system is looked for on.
const DISK: usize = 1 << 20;

/// Two environments that may say anything: what the chooser makes of them, and every plan there is.
pub fn slots(bytes: &[u8]) {
    let (a, b) = bytes.split_at(bytes.len().min(ENVIRONMENT));
    let files = [file(a), file(b)];
    let [a, b] = &files;
    let choice = chooser::choose(Some(a), Some(b));
    let cut = files.each_ref().map(|it| it.get(..it.len() / 2).unwrap_or_default());
    let _ = chooser::choose(Some(cut[0]), Some(b));
    let _ = chooser::choose(None, Some(cut[1]));

    let read = |file: &[u8]| Environment::parse(file).map_err(Into::into);
    for running in Slot::ALL.into_iter().chain(choice.slot) {
        let seen = Seen { running, a: read(a), b: read(b) };
        for request in requests() {
            if let Ok(plan) = plan(&seen, request) {
                check_plan(&seen, &files, &plan);
            }
        }
    }
}

/// A file system that may be any: our file is found within it or not at all.
pub fn place(bytes: &[u8]) {
    let disk = Memory(patched(bytes));
    if let Ok(place) = place::find(&disk) {
        let ranges = place.mutable.iter().chain(&place.label);
        for range in ranges {
            assert!(range.start <= range.end && range.end <= disk.len(), "{place:?}");
        }
        assert_eq!(place.file % 512, 0);
    }
}

/// An update file, or the end of a root partition.
pub fn update(bytes: &[u8]) {
    let _ = tail::read(&Memory(bytes.to_vec()));
    let Ok(Some(header)) = Header::begin(bytes, None) else { return };
    assert_eq!(Header::parse(header.json()).ok().as_ref(), Some(&header));
    if let Some((offset, tail)) = tail::write(&header, 1 << 22) {
        let mut root = Memory(vec![0; 1 << 22]);
        root.write_at(offset, &tail).expect("the tail lies within the partition");
        assert_eq!(tail::read(&root).ok().as_ref(), Some(&header));
    }
    let offset = usize::try_from(header.length()).unwrap_or(usize::MAX);
    feed(header, bytes.get(offset..).unwrap_or_default());
}

/// A packed chunk: whatever it unpacks to, it is not what the header says.
pub fn chunk(bytes: &[u8]) {
    let Some(header) = header_of_chunk(bytes) else { return };
    feed(header, bytes);
}

/// The partition of what is kept, its digest made right.
pub fn keep(bytes: &[u8]) {
    let _ = keep::Seen::parse(bytes);
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    let head = [&b"MESHKEEP"[..], &7_u64.to_le_bytes(), &length].concat();
    let digest = Digest::of(&[&head[..], bytes].concat());
    let seen = keep::Seen::parse(&[&head[..], &digest.0, bytes].concat());
    let Some(keep) = seen.newest() else { return };
    for (path, _) in keep.files() {
        assert!(!path.starts_with('/') && !path.split('/').any(|it| it == ".."), "{path:?}");
    }
    let mut partition = Memory(vec![0; 1 << 20]);
    if let Ok(writes) = keep::plan(&seen, keep, Manner::Wipe) {
        keep::apply(&mut partition, &writes).expect("both copies lie within the partition");
        let again = keep::observe(&partition).expect("memory can be read");
        assert_eq!(
            again.newest().map(Keep::files).map(Iterator::count),
            Some(keep.files().count())
        );
    }
}

/// An image's manifest.
pub fn manifest(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Manifest::parse(text);
        let (base, text) = text.split_once("\n---\n").unwrap_or(("", text));
        let _ = Manifest::parse_layers([base, text]);
    }
}

fn file(start: &[u8]) -> Vec<u8> {
    let mut file = start.to_vec();
    file.resize(environment::LENGTH - 4, 0);
    file.extend(checksum::of(&file).to_le_bytes());
    file
}

fn requests() -> [Request; 8] {
    let [person, node] = [Initiator::Person, Initiator::Node];
    [
        Request::Begin,
        Request::BackInOld { watchdog: Duration::MAX },
        Request::Activate { tries: 3, again: false, watchdog: Duration::from_secs(120) },
        Request::Activate { tries: 1, again: true, watchdog: Duration::ZERO },
        Request::Commit,
        Request::Fail { reason: Reason::Asked },
        Request::RollBack { tries: 3, by: person, watchdog: Duration::ZERO },
        Request::RollBack { tries: 3, by: node, watchdog: Duration::from_secs(120) },
    ]
}

/// Each write is a sector that leaves a valid environment, and none is to the slot to fall back to.
fn check_plan(seen: &Seen, files: &[Vec<u8>; 2], plan: &Plan) {
    let proved = if seen.is_on_trial() { seen.running.other() } else { seen.running };
    assert!(plan.writes.is_empty() || plan.slot != proved, "{plan:?}");
    let [a, b] = files;
    let mut file = if plan.slot == Slot::A { a.clone() } else { b.clone() };
    for write in &plan.writes {
        let offset = usize::try_from(write.offset).expect("an offset within the file");
        let sector = file.get_mut(offset..).and_then(|it| it.get_mut(..512));
        sector.expect("a sector of the file").copy_from_slice(&write.bytes);
        Environment::parse(&file).expect("every write leaves a valid environment");
    }
}

/// A disk of zeros with pieces on it: its length in sectors, then offset, length and bytes of each piece.
fn patched(bytes: &[u8]) -> Vec<u8> {
    let mut rest = bytes;
    let Some(sectors) = rest.split_off(..2) else { return Vec::new() };
    let sectors = sectors.iter().rev().fold(0, |sum, it| sum << 8 | usize::from(*it));
    let mut disk = vec![0; (sectors * 512).min(DISK)];
    while let Some(&[o0, o1, o2, l0, l1]) = rest.split_off(..5) {
        let offset = usize::from(o0) | usize::from(o1) << 8 | usize::from(o2) << 16;
        let length = (usize::from(l0) | usize::from(l1) << 8).min(rest.len());
        let piece = rest.split_off(..length).unwrap_or_default();
        if let Some(place) = disk.get_mut(offset..).and_then(|it| it.get_mut(..length)) {
            place.copy_from_slice(piece);
        }
    }
    disk
}

/// The header of an update whose first chunk is stored in these bytes.
fn header_of_chunk(bytes: &[u8]) -> Option<Header> {
    let part = |size, chunks| format!(r#"{{"size":{size},"chunk":262144,"chunks":[{chunks}]}}"#);
    let chunk = |stored, encoding| {
        let digest = Digest([0; 32]);
        format!(r#"{{"stored":{stored},"encoding":"{encoding}","sha256":"{digest}"}}"#)
    };
    let json = format!(
        r#"{{"format":1,"architecture":"x86_64","board":"generic-x86_64","version":"1.0.0","minimum":"1.0.0",
        "schema":1,"built":0,"kernel":{{"file":"k","parameters":""}},"root":{},"boot":{},
        "environment":0,"mutable":[{{"start":0,"end":132104}}],"volume":262144}}"#,
        part(262_144, chunk(bytes.len(), "zstd")),
        part(262_144, chunk(262_144, "raw")),
    );
    Header::parse(json.as_bytes()).ok()
}

fn feed(header: Header, mut bytes: &[u8]) {
    let facts: &Facts = header.facts();
    let Ok(architecture) = facts.architecture.parse::<Architecture>() else { return };
    let target = Target {
        architecture,
        board: facts.board.clone(),
        running: Version::new(1, 0, 0),
        accepts_older: true,
        slot: Slot::B,
        root: 1 << 24,
        boot: 1 << 24,
    };
    let Ok(mut installer) = Installer::new(header, &target) else { return };
    while !bytes.is_empty() {
        match installer.feed(&mut bytes) {
            Ok(Some(write)) => {
                let end = write.offset + write.bytes.len() as u64;
                let partition = if write.part == Part::Root { target.root } else { target.boot };
                assert!(end <= partition, "{:?} {end}", write.part);
            }
            Ok(None) => {}
            Err(_) => return,
        }
    }
}
