use std::time::Duration;

use gpt::disk::LogicalBlockSize;
use gpt::{GptConfig, partition_types};
use semver::Version;

use super::*;
use crate::block::BlockDevice as _;
use crate::keep::{File as Kept, Keep, Manner};
use crate::slot::environment::{Environment, State};
use crate::slot::state::{Request, Then};
use crate::slot::trial::{ImageId, Phase as Progress, Trial};
use crate::update::sample::{self, target, update};

const MIB: u64 = 1 << 20;

/// A disk fresh from the factory, and an update for it.
fn disk() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let disk = directory.path().join("disk.img");
    let file = File::options().read(true).write(true).create_new(true).open(&disk).unwrap();
    file.set_len(16 * MIB).unwrap();
    let config = GptConfig::new().writable(true).logical_block_size(LogicalBlockSize::Lb512);
    let mut table = config.create_from_device(file, None).unwrap();
    for (number, name) in (1..).zip(["esp", "boot-a", "boot-b", "root-a", "root-b", "keep"]) {
        let kind = partition_types::LINUX_FS;
        table.add_partition_at(name, number, u64::from(number) * 2048, 2048, kind, 0).unwrap();
    }
    table.write().unwrap();

    let slots = Slots::of_image(&disk, Slot::B).unwrap();
    let (file, header) = update(1, Version::new(1, 0, 0));
    install(&slots, Slot::A, &file, &header);
    let kernel = header.facts().kernel.of(Slot::A);
    let proved = Trial::new(Progress::Committed, header.image());
    let a = Environment::new(&kernel, State::Ok, 1, proved).unwrap();
    let mut boot = slots.open("boot-a", Access::Write).unwrap();
    boot.write_at(header.facts().environment, a.as_bytes()).unwrap();
    let mut boot = slots.open("boot-b", Access::Write).unwrap();
    boot.write_at(0, &sample::boot(b"none")).unwrap();
    let b = Environment::receiving(ImageId::default());
    boot.write_at(header.facts().environment, b.as_bytes()).unwrap();

    let news = directory.path().join("news.update");
    fs::write(&news, update(7, Version::new(1, 1, 0)).0).unwrap();
    (directory, disk, news)
}

fn install(slots: &Slots, slot: Slot, file: &[u8], header: &Header) {
    let mut install = slots.install(header.clone(), &Target { slot, ..target() }).unwrap();
    install.feed(&file[usize::try_from(install.offset()).unwrap()..]).unwrap();
    install.finish(|_| ()).unwrap();
}

#[test]
fn update_is_installed_and_verified_on_a_disk() {
    let (_directory, disk, news) = disk();
    let slots = Slots::of_image(&disk, Slot::A).unwrap();
    let file = fs::read(news).unwrap();
    let header = Header::begin(&file, None).unwrap().unwrap();

    install(&slots, slots.observe().receiver().unwrap(), &file, &header);
    let activate = Request::Activate { tries: 3, again: false, watchdog: Duration::ZERO };
    let plan = state::plan(&slots.observe(), activate).unwrap();
    slots.apply(&plan).unwrap();

    assert_eq!(plan.then, Then::Reboot);
    let (verification, devices) = slots.verify(Slot::B).unwrap();
    assert_eq!(verification.run(&devices).unwrap(), Ok(()));
    let b = slots.observe().b.unwrap();
    assert_eq!((b.state(), b.revision()), (State::Installed, 2));
}

#[test]
fn what_is_kept_is_read_again() {
    let (_directory, disk, _) = disk();
    let slots = Slots::of_image(&disk, Slot::A).unwrap();
    let mut keep = Keep::default();
    keep.put("hostname", Kept { mode: 0o644, bytes: b"router".to_vec() }).unwrap();

    slots.keep(&keep, Manner::Change).unwrap();

    assert_eq!(slots.kept().unwrap().newest(), Some(&keep));
}

#[test]
fn sampled_cuts_are_written_as_they_were_expected() {
    let (directory, disk, news) = disk();
    let before = fs::read(&disk).unwrap();
    let sweep = Sweep::record(&disk, &news).unwrap();
    let copy = directory.path().join("cut.img");

    let cuts: Vec<_> = sweep.sample(11, 24).map(Result::unwrap).collect();

    assert_eq!(cuts.len(), 24);
    assert_eq!(fs::read(&disk).unwrap(), before, "the disk itself stays");
    for cut in &cuts {
        cut.write_to(&copy).unwrap();
        let base = FileDevice::open(&copy, Access::Read).unwrap();
        let found = expect(Image::new(Rc::new(base)), &sweep.places).unwrap();
        assert_eq!(found, cut.expected, "{}", cut.label);
    }
    let slots: BTreeSet<_> = cuts.iter().map(|it| it.expected.chosen).collect();
    assert_eq!(slots.len(), 2, "both slots are chosen at some cut");
}

#[test]
fn same_seed_gives_the_same_cuts() {
    let (_directory, disk, news) = disk();
    let sweep = Sweep::record(&disk, &news).unwrap();
    let labels = |seed| sweep.sample(seed, 6).map(|it| it.unwrap().label).collect::<Vec<_>>();

    assert_eq!(labels(1), labels(1));
    assert_ne!(labels(1), labels(2));
}
