//! What the seeds are made of.

use std::time::Duration;

use image::block::BlockDevice as _;
use image::block::Memory;
use image::fat::{self, File};
use image::keep::{self, Keep, Manner};
use image::slot::environment::{self, Environment, Kernel, State};
use image::slot::trial::{ImageId, Initiator, Phase, Reason, Trial};
use image::slot::{Slot, place};
use image::update::build::{Contents, build};
use image::update::header::KernelTemplate;
use image::update::tail;
use semver::Version;

use super::Seeds;

fn seeds<const N: usize>(seeds: [(&str, Vec<u8>); N]) -> Seeds {
    seeds.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect()
}

pub(crate) fn slots() -> Seeds {
    let kernel = |slot: Slot| Kernel {
        file: slot.fill("C:boot-{slot}:vmlinuz"),
        parameters: slot.fill("root=PARTLABEL=root-{slot}"),
        watchdog: Duration::from_secs(60),
    };
    let start = |slot, state, revision, record| {
        let made = Environment::new(&kernel(slot), state, revision, record).unwrap();
        made.as_bytes()[..1100].to_vec()
    };
    let proved = start(Slot::A, State::Ok, 5, Trial::new(Phase::Committed, ImageId(*b"an image")));
    let beside = |state, revision, phase, used, silent| {
        let record = Trial {
            allowed: 3,
            used,
            silent,
            begun_by: Initiator::Node,
            ..Trial::new(phase, ImageId(*b"an image"))
        };
        [proved.clone(), start(Slot::B, state, revision, record)].concat()
    };
    let failed = Phase::Failed(Reason::Unhealthy(2));
    seeds([
        ("receiving", beside(State::Failed, 0, Phase::Receiving, 0, 0)),
        ("ready", beside(State::Failed, 0, Phase::Ready, 0, 0)),
        ("armed", beside(State::Installed, 6, Phase::Trying, 0, 0)),
        ("trying", beside(State::Testing, 6, Phase::Trying, 2, 1)),
        ("silent", beside(State::Failed, 0, Phase::Trying, 1, 1)),
        ("committed", beside(State::Ok, 6, Phase::Committed, 1, 0)),
        ("failed", beside(State::Failed, 0, failed, 1, 0)),
        ("empty", Vec::new()),
    ])
}

/// A disk as its pieces that are not zero.
fn pieces(disk: &[u8]) -> Vec<u8> {
    let mut packed = u16::try_from(disk.len() / 512).unwrap().to_le_bytes().to_vec();
    for (number, piece) in
        disk.chunks(64).enumerate().filter(|(_, it)| it.iter().any(|it| *it != 0))
    {
        packed.extend(&u32::try_from(number * 64).unwrap().to_le_bytes()[..3]);
        packed.extend(u16::try_from(piece.len()).unwrap().to_le_bytes());
        packed.extend(piece);
    }
    packed
}

fn volume(size: u64) -> Vec<u8> {
    let files = [
        File { path: environment::FILE, content: &[0; environment::LENGTH] },
        File { path: "vmlinuz", content: b"a kernel" },
    ];
    fat::volume(size, &files, Some(File { path: "EFILABEL", content: b"b\0" })).unwrap()
}

pub(crate) fn places() -> Seeds {
    let whole = volume(1 << 20);
    let place = place::find(&Memory(whole.clone())).unwrap();
    let mut no_label = whole.clone();
    let name = no_label.windows(8).position(|it| it == b"EFILABEL").unwrap();
    no_label[name] = 0xe5;
    let mut elsewhere = whole.clone();
    elsewhere[512 + 6] ^= 1;
    assert_eq!(place.file % 512, 0);
    seeds([
        ("whole", pieces(&whole)),
        ("small", pieces(&volume(256 << 10))),
        ("no-label", pieces(&no_label)),
        ("elsewhere", pieces(&elsewhere)),
        ("empty", pieces(&[0; 4096])),
    ])
}

pub(crate) fn updates() -> Seeds {
    let contents = Contents {
        version: Version::new(1, 1, 0),
        minimum: Version::new(1, 0, 0),
        kernel: KernelTemplate {
            file: "C:boot-{slot}:vmlinuz".into(),
            parameters: "root=PARTLABEL=root-{slot}".into(),
            watchdog: 60,
        },
        root: &[7; 3000],
        boot: &volume(256 << 10),
        ..Contents::default()
    };
    let mut file = Vec::new();
    let header = build(&contents, &mut file).unwrap();
    let mut root = Memory(vec![0; 16 << 10]);
    let (offset, bytes) = tail::write(&header, 16 << 10).unwrap();
    root.write_at(offset, &bytes).unwrap();
    let header_only = file[..usize::try_from(header.length()).unwrap()].to_vec();
    let mut wrong = file.clone();
    wrong[header_only.len() + 10] ^= 1;
    seeds([("header", header_only), ("tail", bytes), ("wrong-chunk", wrong), ("file", file)])
}

pub(crate) fn chunks() -> Seeds {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    let pack = |bytes: &[u8]| compress_to_vec(bytes, CompressionLevel::Fastest);
    let text: Vec<u8> = (0..2000_u16).flat_map(|it| (it % 77).to_le_bytes()).collect();
    seeds([("zeros", pack(&[0; 262_144])), ("text", pack(&text)), ("none", pack(&[]))])
}

pub(crate) fn keeps() -> Seeds {
    let mut keep = Keep::default();
    for path in ["hostname", "mesh-node/config.toml", "spire/agent/keys.json"] {
        keep.put(path, keep::File { mode: 0o600, bytes: path.into() }).unwrap();
    }
    let writes = keep::plan(&keep::Seen::parse(&[]), &keep, Manner::Change).unwrap();
    let copy = writes[0].bytes.clone();
    seeds([("body", copy[52..].to_vec()), ("copy", copy), ("empty", Vec::new())])
}

pub(crate) fn manifests() -> Seeds {
    let common = include_bytes!("../../common.toml").to_vec();
    let over = |variant: &[u8]| [&common[..], b"\n---\n", variant].concat();
    seeds([
        ("x86_64", over(include_bytes!("../../x86_64.toml"))),
        ("aarch64", over(include_bytes!("../../aarch64.toml"))),
        ("armv7", over(include_bytes!("../../armv7.toml"))),
        ("common", common),
    ])
}
