//! A disk with two slots in a file.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use gpt::disk::LogicalBlockSize;
use gpt::{GptConfig, partition_types};
use image::block::BlockDevice as _;
use image::fat;
use image::io::block_device::Access;
use image::io::slots::Slots;
use image::slot::environment::{Environment, FILE, Kernel, LENGTH, State};
use image::slot::trial::{ImageId, Phase, Trial};
use image::slot::{Slot, place};
use tempfile::TempDir;

const MIB: u64 = 1 << 20;

pub(crate) struct Disk {
    home: TempDir,
    running: Slot,
}

impl Disk {
    /// A disk whose slots hold this, and of which one runs.
    pub(crate) fn new(a: &Environment, b: &Environment, running: Slot) -> Self {
        let disk = Self { home: tempfile::tempdir().unwrap(), running };
        disk.partition();
        for (slot, environment) in [(Slot::A, a), (Slot::B, b)] {
            let mut device = disk.slots().open(&format!("boot-{slot}"), Access::Write).unwrap();
            let content = &[0; LENGTH];
            let volume = fat::volume(256 << 10, &[fat::File { path: FILE, content }], None);
            device.write_at(0, &volume.unwrap()).unwrap();
            let place = place::find(&device).unwrap();
            device.write_at(place.file, environment.as_bytes()).unwrap();
        }
        disk
    }

    pub(crate) fn slots(&self) -> Slots {
        Slots::of_image(&self.path("disk.img"), self.running).unwrap()
    }

    /// Lets a slot's environment rot in its last byte but one.
    pub(crate) fn rot_environment(&self, slot: Slot) {
        let mut device = self.slots().open(&format!("boot-{slot}"), Access::Write).unwrap();
        let at = place::find(&device).unwrap().file + LENGTH as u64 - 2;
        let mut byte = [0];
        device.read_at(at, &mut byte).unwrap();
        device.write_at(at, &[byte[0] ^ 1]).unwrap();
        device.flush().unwrap();
    }

    /// Where another file may be, beside the disk.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn partition(&self) {
        let options = &mut File::options();
        let file = options.read(true).write(true).create_new(true).open(self.path("disk.img"));
        let file = file.unwrap();
        file.set_len(6 * MIB).unwrap();
        let config = GptConfig::new().writable(true).logical_block_size(LogicalBlockSize::Lb512);
        let mut table = config.create_from_device(file, None).unwrap();
        for (number, name) in (1..).zip(["boot-a", "boot-b", "root-a", "root-b"]) {
            let (start, length) = (u64::from(number) * 2048, 2048);
            let kind = partition_types::LINUX_FS;
            table.add_partition_at(name, number, start, length, kind, 0).unwrap();
        }
        table.write().unwrap();
    }
}

/// The environment of a slot in a state.
pub(crate) fn environment(state: State, revision: u32, phase: Phase) -> Environment {
    environment_of(state, revision, phase, ImageId([7; 8]))
}

/// The environment of a slot that holds an image.
pub(crate) fn environment_of(
    state: State,
    revision: u32,
    phase: Phase,
    image: ImageId,
) -> Environment {
    let (file, parameters) = ("C:BOOT:vmlinuz".into(), "quiet".into());
    let kernel = Kernel { file, parameters, watchdog: Duration::ZERO };
    let record = Trial { allowed: 3, used: 1, ..Trial::new(phase, image) };
    Environment::new(&kernel, state, revision, record).unwrap()
}
