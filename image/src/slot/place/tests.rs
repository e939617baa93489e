use std::io::{Cursor, Write as _};

use fatfs::{FatType, FileSystem, FormatVolumeOptions, FsOptions};
use proptest::prelude::*;

use super::*;
use crate::block::Memory;

/// A file system with the files in it, in that order.
fn fat(kind: FatType, sectors: u32, cluster: u32, files: &[(&str, Vec<u8>)]) -> Memory {
    let mut disk = Cursor::new(vec![0; sectors as usize * 512]);
    let options = FormatVolumeOptions::new().fat_type(kind).bytes_per_cluster(cluster);
    fatfs::format_volume(&mut disk, options).unwrap();
    let system = FileSystem::new(&mut disk, FsOptions::new()).unwrap();
    for (name, content) in files {
        system.root_dir().create_file(name).unwrap().write_all(content).unwrap();
    }
    drop(system);
    Memory(disk.into_inner())
}

fn environment() -> Vec<u8> {
    (0..=250).cycle().take(LENGTH).collect()
}

fn check(kind: FatType, sectors: u32, cluster: u32) {
    let before = vec![1; 3000];
    let files = [("kernel with a long name", before), (FILE, environment())];
    let disk = fat(kind, sectors, cluster, &files);

    let place = find(&disk).unwrap();

    let mut found = vec![0; LENGTH];
    disk.read_at(place.file, &mut found).unwrap();
    assert!(found == environment(), "{kind:?}");
    assert_eq!(place.file % 512, 0);
}

#[test]
fn file_is_found_in_every_kind_of_fat() {
    check(FatType::Fat12, 4000, 512);
    check(FatType::Fat12, 4000, 2048);
    check(FatType::Fat16, 8000, 512);
    check(FatType::Fat16, 65_536, 4096);
    check(FatType::Fat32, 70_000, 512);
}

#[test]
fn what_firmware_changes_beside_the_file_is_told() {
    let disk = fat(FatType::Fat16, 8000, 512, &[(FILE, environment())]);

    let place = find(&disk).unwrap();

    let entry = disk.0.windows(11).position(|it| it == b"BGENV   DAT").unwrap() as u64;
    assert_eq!(place.mutable[0], place.file..place.file + LENGTH as u64);
    assert_eq!(place.mutable[3], entry + 22..entry + 26);
    assert_eq!(place.mutable.len(), 6);
    let mut mark = [0; 2];
    disk.read_at(place.mutable[4].start, &mut mark).unwrap();
    assert_eq!(mark, [0xff, 0xff]);
}

#[test]
fn file_in_pieces_is_no_place() {
    let pieces = {
        let mut disk = Cursor::new(vec![0; 4000 * 512]);
        fatfs::format_volume(&mut disk, FormatVolumeOptions::new()).unwrap();
        let system = FileSystem::new(&mut disk, FsOptions::new()).unwrap();
        let mut file = system.root_dir().create_file(FILE).unwrap();
        file.write_all(&environment()[..5000]).unwrap();
        system.root_dir().create_file("other").unwrap().write_all(&[1; 3000]).unwrap();
        file.write_all(&environment()[5000..]).unwrap();
        drop(file);
        drop(system);
        Memory(disk.into_inner())
    };

    assert_eq!(find(&pieces), Err(Fault::Fragmented));
}

#[test]
fn partitions_without_the_file_are_told_apart() {
    let cases = [
        (fat(FatType::Fat12, 4000, 512, &[("other", vec![1])]), Fault::NoFile),
        (fat(FatType::Fat12, 4000, 512, &[(FILE, vec![1; 99])]), Fault::Length(99)),
        (Memory(vec![0; 4096]), Fault::NoFat("signature")),
        (Memory(vec![0; 100]), Fault::Device(io::ErrorKind::UnexpectedEof)),
    ];

    for (disk, expected) in cases {
        assert_eq!(find(&disk), Err(expected));
    }
}

#[test]
fn no_flipped_byte_of_the_head_does_harm() {
    let disk = fat(FatType::Fat12, 4000, 512, &[(FILE, environment())]);

    for offset in 0..8192 {
        for byte in [0, 1, 0x7f, 0xff] {
            let mut disk = disk.clone();
            disk.0[offset] = byte;
            let _ = find(&disk);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_looked_through_without_harm(mut bytes: Vec<u8>, tail: Vec<u8>) {
        bytes.resize(510, 0);
        bytes.extend([0x55, 0xaa]);
        bytes.extend(tail);
        let _ = find(&Memory(bytes));
    }
}
