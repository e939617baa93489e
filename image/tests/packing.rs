//! A tiny image of hand-made parts is packed and read back, by other programs than those that wrote it where there are any.

#![expect(clippy::disallowed_methods, reason = "a test of files writes and reads files")]
#![expect(clippy::unwrap_used, reason = "clippy takes helpers of a test for no test")]

use std::fs::{self, File};
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use image::io::{Packed, Parts, RootSource, pack, provision_disk};
use image::provision::{HostName, JoinToken, Uplink};
use image::slot::environment::{Environment, State};
use image::{Error, Manifest, Provision};

const MANIFEST: &str = r#"
architecture = "x86_64"
board = "generic-x86_64"
[boot]
method = "efi-boot-guard"
version = "0.22"
command_line = "root=PARTLABEL=root-{slot} panic=5"
watchdog = 0
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
size = "8 MiB"
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

fn packed(directory: &Path) -> Packed {
    let manifest = Manifest::parse(MANIFEST).unwrap();
    pack(&manifest, &parts(directory), &directory.join("out")).unwrap()
}

fn provision() -> Provision {
    Provision {
        host_name: HostName::new("router-1").unwrap(),
        config: "[mesh]\n".to_owned(),
        join_token: Some(JoinToken("2c1f".to_owned())),
        trust_bundle: None,
        uplink: Uplink::Dhcp,
    }
}

fn debugfs(disk: &Path, offset: u64, request: &str) -> String {
    let output = Command::new("debugfs")
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
        .args(["-R", request])
        .arg(format!("{}?offset={offset}", disk.display()))
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
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

    pack(&Manifest::parse(MANIFEST).unwrap(), &parts, &out).unwrap();

    assert_eq!(fs::read(out.join("root.squashfs")).unwrap(), b"hsqs and so on");
}

#[test]
fn root_that_outgrew_its_partition_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let large = directory.path().join("rootfs.squashfs");
    File::create(&large).unwrap().set_len((1 << 20) + 1).unwrap();
    let parts = Parts { root: RootSource::Squashfs(large), ..parts(directory.path()) };

    let packed = pack(&Manifest::parse(MANIFEST).unwrap(), &parts, directory.path());

    let told = matches!(&packed, Err(Error::TooLarge { partition, needed: 1_048_577, .. }) if partition == "root-a");
    assert!(told, "{packed:?}");
}

#[test]
fn machine_has_its_own_files_on_a_sparse_disk_and_the_template_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let packed = packed(directory.path());
    let template = fs::read(&packed.disk).unwrap();
    let disk = directory.path().join("router-1.img");

    provision_disk(&packed, &provision(), &disk).unwrap();

    let offset = packed.layout.get("data").unwrap().offset;
    assert_eq!(debugfs(&disk, offset, "cat /hostname"), "router-1\n");
    assert_eq!(debugfs(&disk, offset, "cat /mesh-node/config.toml"), "[mesh]\n");
    let token = debugfs(&disk, offset, "stat /spire/join_token");
    assert!(token.contains("Mode:  0600"), "{token}");
    assert!(token.contains("User:     0   Group:     0"), "{token}");
    assert!(debugfs(&disk, offset, "stat /spire/agent").contains("Mode:  0700"));
    assert!(fs::read(&packed.disk).unwrap() == template, "the template is untouched");
    let metadata = fs::metadata(&disk).unwrap();
    assert!(metadata.blocks() * 512 < metadata.len() / 2, "{} blocks", metadata.blocks());
}
