//! A tiny image of hand-made parts is packed and read back, by other programs than those that wrote it where there are any.

#![expect(clippy::disallowed_methods, reason = "a test of files writes and reads files")]
#![expect(clippy::unwrap_used, reason = "clippy takes helpers of a test for no test")]

use std::fs::{self, File};
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use image::block::{BlockDevice, Memory};
use image::io::{Packed, Parts, Release, RootSource, buildroot, pack, provision_disk};
use image::keep::Seen;
use image::provision::{HostName, JoinToken, Uplink};
use image::slot::environment::{Environment, State};
use image::update::{Devices, Digest, Header, Part, tail};
use image::{Error, Manifest, Provision};

const MANIFEST: &str = r#"
architecture = "x86_64"
board = "generic-x86_64"
[boot]
method = "efi-boot-guard"
version = "0.22"
command_line = "root=PARTLABEL=root-{slot} panic=5"
watchdog = 90
[kernel]
source = "debian"
packages = []
series = "6.12"
[modules]
initramfs = []
load = []
[root]
compression = "zstd"
level = 1
[update]
minimum = "0.1.0"
schema = 1
[[partition]]
name = "esp"
content = "esp"
size = "1 MiB"
[[partition]]
name = "boot-a"
content = "boot"
size = "2 MiB"
[[partition]]
name = "boot-b"
content = "boot"
size = "2 MiB"
[[partition]]
name = "root-a"
content = "root"
size = "1 MiB"
[[partition]]
name = "root-b"
content = "root"
size = "1 MiB"
[[partition]]
name = "keep"
content = "keep"
size = "1 MiB"
[[partition]]
name = "data"
content = "data"
size = "16 MiB"
[programs]
mesh-node = "/usr/bin/mesh-node"
"#;

fn parts(directory: &Path) -> Parts {
    let tree = directory.join("tree");
    fs::create_dir_all(tree.join("usr/bin")).unwrap();
    fs::create_dir_all(tree.join("dev")).unwrap();
    fs::write(tree.join("usr/bin/mesh-node"), b"program").unwrap();
    let kernel = directory.join("vmlinux");
    fs::write(&kernel, b"kernel").unwrap();
    let efi_kernel = directory.join("efi-kernel");
    fs::write(&efi_kernel, b"MZ kernel").unwrap();
    let initramfs = directory.join("archive");
    fs::write(&initramfs, b"070701").unwrap();
    let chooser = directory.join("chooser");
    fs::write(&chooser, b"MZ chooser").unwrap();
    let root = RootSource::Tree(tree);
    Parts { kernel, efi_kernel, initramfs: Some(initramfs), chooser, root }
}

/// What is in a partition of a packed disk.
fn partition(packed: &Packed, name: &str) -> Vec<u8> {
    let partition = packed.layout.get(name).unwrap();
    let mut disk = File::open(&packed.disk).unwrap();
    disk.seek(SeekFrom::Start(partition.offset)).unwrap();
    let mut content = vec![0; usize::try_from(partition.size).unwrap()];
    disk.read_exact(&mut content).unwrap();
    content
}

/// A file of a FAT volume, or nothing.
fn file(volume: &[u8], path: &str) -> Option<Vec<u8>> {
    let volume = Cursor::new(volume.to_vec());
    let volume = fatfs::FileSystem::new(volume, fatfs::FsOptions::new()).unwrap();
    let mut content = Vec::new();
    volume.root_dir().open_file(path).ok()?.read_to_end(&mut content).unwrap();
    Some(content)
}

fn manifest() -> Manifest {
    Manifest::parse(MANIFEST).unwrap()
}

fn release() -> Release {
    Release { version: "0.2.0".parse().unwrap(), built: 86_400 }
}

fn packed(directory: &Path) -> Packed {
    pack(&manifest(), &release(), &parts(directory), &directory.join("out")).unwrap()
}

fn provision() -> Provision {
    Provision {
        host_name: HostName::new("router-1").unwrap(),
        config: "[mesh]\n".to_owned(),
        join_token: Some(JoinToken("2c1f".to_owned())),
        trust_bundle: None,
        update_root: None,
        uplink: Uplink::Dhcp,
    }
}

#[test]
fn partition_table_reads_back_as_it_was_planned() {
    let directory = tempfile::tempdir().unwrap();
    let packed = packed(directory.path());

    let table = gpt::GptConfig::new().open(&packed.disk).unwrap();

    let read: Vec<_> = table
        .partitions()
        .iter()
        .map(|(number, it)| {
            (*number, it.name.clone(), it.part_type_guid.clone(), it.first_lba, it.last_lba)
        })
        .collect();
    let planned: Vec<_> = packed
        .layout
        .partitions
        .iter()
        .map(|it| {
            let end = (it.offset + it.size) / 512 - 1;
            (it.number, it.name.clone(), it.kind.clone(), it.offset / 512, end)
        })
        .collect();
    assert_eq!(read, planned);
    assert_eq!(table.primary_header().unwrap().backup_lba, packed.layout.disk / 512 - 1);
    assert!(table.backup_header().is_ok());
}

#[test]
fn first_slot_holds_the_squashfs_and_the_other_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let packed = packed(directory.path());
    let squashfs = fs::read(directory.path().join("out/root.squashfs")).unwrap();

    assert!(squashfs.starts_with(b"hsqs"));
    assert!(partition(&packed, "root-a").starts_with(&squashfs));
    assert!(partition(&packed, "root-b").iter().all(|it| *it == 0), "nothing is in the other slot");
}

#[test]
fn packing_again_gives_the_same_disk() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());

    let disks = [&one, &other].map(|it| fs::read(packed(it.path()).disk).unwrap());

    assert!(disks[0] == disks[1]);
}

#[test]
fn firmware_finds_the_chooser_and_the_chooser_the_first_slot() {
    let directory = tempfile::tempdir().unwrap();
    let packed = packed(directory.path());
    let [esp, a, b] = ["esp", "boot-a", "boot-b"].map(|it| partition(&packed, it));
    let environment = |volume| Environment::parse(&file(volume, "BGENV.DAT").unwrap()).unwrap();
    let label = |volume| String::from_utf16_lossy(&units(&file(volume, "EFILABEL").unwrap()));

    assert_eq!(file(&esp, "EFI/BOOT/BOOTX64.EFI").unwrap(), b"MZ chooser");
    assert_eq!(file(&esp, "BGENV.DAT"), None, "a third one stops the chooser");
    assert_eq!(file(&a, "vmlinuz").unwrap(), b"MZ kernel");
    assert!(file(&a, "initrd.gz").unwrap().starts_with(&[0x1f, 0x8b]));
    assert_eq!((label(&a), label(&b)), ("boot-a".to_owned(), "boot-b".to_owned()));
    assert_eq!(environment(&a).kernel().file, "C:boot-a:vmlinuz");
    assert_eq!(
        environment(&a).kernel().parameters,
        "root=PARTLABEL=root-a panic=5 initrd=\\initrd.gz"
    );
    assert!(environment(&a).kernel().watchdog.is_zero(), "the seconds are for a trial");
    assert_eq!((environment(&a).state(), environment(&a).revision()), (State::Ok, 1));
    assert_eq!((environment(&b).state(), environment(&b).revision()), (State::Failed, 0));
}

fn units(bytes: &[u8]) -> Vec<u16> {
    bytes.as_chunks().0.iter().map(|it| u16::from_le_bytes(*it)).collect()
}

#[test]
fn squashfs_of_another_builder_is_taken_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let foreign = directory.path().join("rootfs.squashfs");
    fs::write(&foreign, b"hsqs and so on").unwrap();
    let parts = Parts { root: RootSource::Squashfs(foreign), ..parts(directory.path()) };
    let out = directory.path().join("out");

    pack(&manifest(), &release(), &parts, &out).unwrap();

    assert_eq!(fs::read(out.join("root.squashfs")).unwrap(), b"hsqs and so on");
}

#[test]
fn root_that_outgrew_its_partition_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let large = directory.path().join("rootfs.squashfs");
    File::create(&large).unwrap().set_len((1 << 20) + 1).unwrap();
    let parts = Parts { root: RootSource::Squashfs(large), ..parts(directory.path()) };

    let packed = pack(&manifest(), &release(), &parts, directory.path());

    let told = matches!(&packed, Err(Error::TooLarge { partition, needed, .. })
        if partition == "root-a" && *needed > 1 << 20);
    assert!(told, "{packed:?}");
}

#[test]
fn machine_keeps_its_own_files_on_a_sparse_disk_and_the_template_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let packed = packed(directory.path());
    let template = fs::read(&packed.disk).unwrap();
    let disk = directory.path().join("router-1.img");

    provision_disk(&packed, &provision(), &disk).unwrap();

    let own = Packed { disk: disk.clone(), ..packed.clone() };
    let kept = Seen::parse(&partition(&own, "keep"));
    assert_eq!(kept.faults(), [None, None], "both copies are whole");
    let kept = kept.newest().unwrap();
    assert_eq!(kept.file("hostname").unwrap().bytes, b"router-1\n");
    assert_eq!(kept.file("mesh-node/config.toml").unwrap().bytes, b"[mesh]\n");
    let token = kept.file("spire/join_token").unwrap();
    assert_eq!((token.mode, token.bytes.as_slice()), (0o600, b"2c1f\n".as_slice()));
    assert!(fs::read(&packed.disk).unwrap() == template, "the template is untouched");
    let metadata = fs::metadata(&disk).unwrap();
    assert!(metadata.blocks() * 512 < metadata.len() / 2, "{} blocks", metadata.blocks());
}

#[test]
fn data_partition_holds_an_empty_file_system_without_faults() {
    let directory = tempfile::tempdir().unwrap();
    let packed = packed(directory.path());
    let file = directory.path().join("data.ext4");
    fs::write(&file, partition(&packed, "data")).unwrap();

    let checked = Command::new("e2fsck")
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
        .args(["-f", "-n"])
        .arg(&file)
        .output()
        .unwrap();

    let told = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success(), "{told}");
    assert!(told.contains("data: 11/"), "nothing but lost+found: {told}");
}

#[test]
fn update_brings_what_the_first_slot_of_the_disk_holds() {
    let directory = tempfile::tempdir().unwrap();
    let packed = packed(directory.path());
    let update = fs::read(&packed.update).unwrap();

    let header = Header::begin(&update, None).unwrap().unwrap();

    let facts = header.facts();
    assert_eq!((facts.version.to_string(), facts.built), ("0.2.0".to_owned(), 86_400));
    assert_eq!(facts.kernel.parameters, "root=PARTLABEL=root-{slot} panic=5 initrd=\\initrd.gz");
    assert_eq!(header.file_length(), update.len() as u64);
    assert_eq!(facts.kernel.watchdog, 90);
    let boot = partition(&packed, "boot-a");
    let environment = Environment::parse(&file(&boot, "BGENV.DAT").unwrap()).unwrap();
    assert_eq!(environment.trial().unwrap().image, header.image());
    let slot = Devices { boot: Memory(boot), root: Memory(partition(&packed, "root-a")) };
    assert_eq!(tail::read(&slot.root).unwrap(), header);
    for part in [Part::Root, Part::Boot] {
        let facts = header.facts().part(part);
        for index in 0..facts.chunks.len() {
            let mut chunk = vec![0; facts.length(index) as usize];
            slot.part(part).read_at(facts.offset(index), &mut chunk).unwrap();
            assert!(header.facts().is_chunk(part, index, &mut chunk), "chunk {index} of {part:?}");
        }
    }
}

#[test]
fn list_of_what_was_packed_has_the_sums_of_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let packed = packed(directory.path());

    let again = image::io::packed(&manifest(), &directory.path().join("out")).unwrap();

    assert_eq!(again, packed);
    for made in &packed.contents.files {
        let content = fs::read(directory.path().join("out").join(&made.name)).unwrap();
        assert_eq!(made.sha256, Digest::of(&content), "{}", made.name);
    }
    let names: Vec<_> = packed.contents.parts.iter().map(|it| it.name.as_str()).collect();
    let expected = ["slot chooser", "vmlinuz", "initrd.gz", "mesh-node", "base system"];
    assert_eq!(names, expected);
}

#[test]
fn folder_of_buildroot_is_packed_with_its_squashfs_or_its_archive() {
    let directory = tempfile::tempdir().unwrap();
    let images = directory.path().join("images");
    let parts = parts(directory.path());
    fs::create_dir(&images).unwrap();
    fs::copy(&parts.efi_kernel, images.join("bzImage")).unwrap();
    fs::copy(&parts.chooser, images.join("efibootguardx64.efi")).unwrap();
    let found = || buildroot::parts(&manifest(), &images, &directory.path().join("work"));
    let missing = found().unwrap_err().to_string();

    let archived = Command::new("tar")
        .arg("--create")
        .arg("--file")
        .arg(images.join("rootfs.tar"))
        .arg("--directory")
        .arg(directory.path().join("tree"))
        .arg(".")
        .status();
    assert!(archived.unwrap().success());
    let unpacked = found().unwrap();
    fs::write(images.join("rootfs.squashfs"), b"hsqs").unwrap();

    assert!(missing.ends_with("images holds no rootfs.tar"), "{missing}");
    let RootSource::Tree(tree) = &unpacked.root else { unreachable!("only an archive was there") };
    assert_eq!(fs::read(tree.join("usr/bin/mesh-node")).unwrap(), b"program");
    assert_eq!(unpacked.initramfs, None);
    let out = directory.path().join("out");
    let packed = pack(&manifest(), &release(), &unpacked, &out).unwrap();
    assert_eq!(file(&partition(&packed, "boot-a"), "initrd.gz"), None);
    let squashfs = RootSource::Squashfs(images.join("rootfs.squashfs"));
    assert_eq!(found().unwrap().root, squashfs);
}
