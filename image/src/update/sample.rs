//! Updates, slots and disks that tests use.

use semver::Version;

use super::build::{Contents, build};
use super::header::KernelTemplate;
use super::{Devices, Header, Target};
use crate::Architecture;
use crate::block::Memory;
use crate::fat::{self, File};
use crate::slot::Slot;
use crate::slot::environment::{FILE, LENGTH};

pub(crate) const ROOT: usize = 96 << 10;
pub(crate) const BOOT: usize = 208 << 10;

/// A boot file system with an environment file full of zeros, and a label at its end.
pub(crate) fn boot(kernel: &[u8]) -> Vec<u8> {
    let files =
        [File { path: FILE, content: &[0; LENGTH] }, File { path: "vmlinuz", content: kernel }];
    let label = File { path: "EFILABEL", content: &[0; 12] };
    fat::volume(BOOT as u64, &files, Some(label)).unwrap()
}

/// Bytes that do not repeat, and differ from seed to seed.
pub(crate) fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    })
    .take(length)
    .collect()
}

/// An update file and its header. Its root file system is half noise, half zeros.
pub(crate) fn update(seed: u32, version: Version) -> (Vec<u8>, Header) {
    let mut root = noise(seed, ROOT / 2);
    root.resize(ROOT - 100, 0);
    let contents = Contents {
        version,
        minimum: Version::new(1, 0, 0),
        kernel: KernelTemplate {
            file: "C:boot-{slot}:vmlinuz".into(),
            parameters: "root=PARTLABEL=root-{slot}".into(),
            watchdog: 60,
        },
        root: &root,
        boot: &boot(&noise(seed + 1, 9000)),
        chunk: 16 << 10,
        ..Contents::default()
    };
    let mut file = Vec::new();
    let header = build(&contents, &mut file).unwrap();
    (file, header)
}

pub(crate) fn devices() -> Devices<Memory> {
    Devices { boot: Memory(vec![0; BOOT + 4096]), root: Memory(vec![0; ROOT + 16384]) }
}

pub(crate) fn target() -> Target {
    Target {
        architecture: Architecture::X86_64,
        board: "generic-x86_64".into(),
        running: Version::new(1, 0, 0),
        accepts_older: false,
        slot: Slot::B,
        root: 0,
        boot: 0,
    }
}
