use std::io::Cursor;

use gpt::GptConfig;
use gpt::disk::LogicalBlockSize;
use gpt::mbr::ProtectiveMBR;
use gpt::partition_types::LINUX_FS;

use super::*;

const MIB: u64 = 1 << 20;

fn place(offset: u64) -> usize {
    usize::try_from(offset).unwrap()
}

/// A disk with a root of 2 MiB and a data partition of 1 MiB, as another program writes it.
fn disk() -> Vec<u8> {
    let mut disk = Cursor::new(vec![0; place(5 * MIB)]);
    let sectors = u32::try_from(5 * MIB / 512 - 1).unwrap();
    ProtectiveMBR::with_lb_size(sectors).overwrite_lba0(&mut disk).unwrap();
    let config = GptConfig::new().writable(true).logical_block_size(LogicalBlockSize::Lb512);
    let mut table = config.create_from_device(&mut disk, None).unwrap();
    for (number, name, offset, size) in [(1, "root-a", 1, 2), (2, "data", 3, 1)] {
        let (first, length) = (offset * MIB / 512, size * MIB / 512);
        table.add_partition_at(name, number, first, length, LINUX_FS, 0).unwrap();
    }
    table.write().unwrap();
    disk.into_inner()
}

fn on_disk_of(mib: u64) -> (Vec<u8>, u64) {
    let mut disk = disk();
    disk.resize(place(mib * MIB), 0);
    (disk, mib * MIB)
}

fn write(disk: &mut [u8], write: &Write) {
    let start = place(write.offset);
    disk[start..start + write.bytes.len()].copy_from_slice(&write.bytes);
}

/// Reads the table as another program does: names with first byte and length.
fn partitions(disk: &[u8]) -> Vec<(String, u64, u64)> {
    let config = GptConfig::new().logical_block_size(LogicalBlockSize::Lb512);
    let table = config.open_from_device(Cursor::new(disk.to_vec())).unwrap();
    let partitions = table.partitions().values().filter(|it| it.is_used());
    partitions
        .map(|it| {
            let length = (it.last_lba - it.first_lba + 1) * 512;
            (it.name.clone(), it.first_lba * 512, length)
        })
        .collect()
}

fn expected(data: u64) -> Vec<(String, u64, u64)> {
    vec![("root-a".into(), MIB, 2 * MIB), ("data".into(), 3 * MIB, data * MIB)]
}

#[test]
fn the_last_partition_grows_to_the_end_of_its_disk() {
    let (mut disk, length) = on_disk_of(20);

    let growth = plan(&disk[..HEAD], length, "data").unwrap().unwrap();
    for it in &growth.writes {
        write(&mut disk, it);
    }

    assert_eq!(partitions(&disk), expected(16));
    assert_eq!((growth.number, growth.start, growth.length), (2, 3 * MIB, 16 * MIB));
    assert_eq!(plan(&disk[..HEAD], length, "data"), Ok(None), "once is enough");
}

#[test]
fn it_grows_again_on_a_larger_disk() {
    let (mut disk, mut length) = on_disk_of(20);

    for mib in [20_u64, 40] {
        disk.resize(place(mib * MIB), 0);
        length = mib * MIB;
        for it in plan(&disk[..HEAD], length, "data").unwrap().unwrap().writes {
            write(&mut disk, &it);
        }
    }

    assert_eq!(partitions(&disk), expected(36));
    assert_eq!(plan(&disk[..HEAD], length, "data"), Ok(None));
}

#[test]
fn wherever_it_is_cut_the_primary_table_is_whole() {
    let (before, length) = on_disk_of(20);
    let growth = plan(&before[..HEAD], length, "data").unwrap().unwrap();
    let mut cuts = 0;

    let mut disk = before.clone();
    for it in &growth.writes {
        let count = it.bytes.len() / SECTOR;
        // Of a write that is cut any sectors may have come through: here the first, or the last, so many.
        for kept in 0..=count {
            for torn in [&it.bytes[..kept * SECTOR], &it.bytes[(count - kept) * SECTOR..]] {
                let at_end = place(it.offset) + it.bytes.len() - torn.len();
                let at = if torn == &it.bytes[..kept * SECTOR] { place(it.offset) } else { at_end };
                let mut cut = disk.clone();
                cut[at..at + torn.len()].copy_from_slice(torn);
                let table = Table::read(&cut[..HEAD]).unwrap();
                let (_, _, last) = table.find("data").unwrap();
                assert!(last + 1 == 4 * MIB / 512 || last + 1 == 19 * MIB / 512);
                cuts += 1;
            }
        }
        write(&mut disk, it);
    }

    assert!(cuts > 100, "{cuts}");
}

#[test]
fn a_disk_without_room_is_left_alone() {
    let (disk, length) = on_disk_of(5);

    assert_eq!(plan(&disk[..HEAD], length, "data"), Ok(None));
}

#[test]
fn what_keeps_it_from_growing_is_named() {
    let (disk, length) = on_disk_of(20);
    let broken = |offset: usize| {
        let mut disk = disk[..HEAD].to_vec();
        disk[offset] ^= 1;
        plan(&disk, length, "data")
    };

    assert_eq!(plan(&[], length, "data"), Err(Fault::NoTable("length")));
    assert_eq!(broken(512), Err(Fault::NoTable("signature")));
    assert_eq!(broken(512 + 60), Err(Fault::NoTable("checksum")));
    assert_eq!(broken(2 * 512 + 130), Err(Fault::NoTable("entries' checksum")));
    assert_eq!(plan(&disk[..HEAD], length, "dat"), Err(Fault::NoPartition("dat".into())));
    assert_eq!(plan(&disk[..HEAD], length, "root-a"), Err(Fault::InTheWay("root-a".into())));
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_grown_or_refused(flips in proptest::collection::vec((0..HEAD, 0..=255_u8), 0..8), length: u64) {
        let (mut disk, _) = on_disk_of(5);
        for (at, byte) in flips {
            disk[at] = byte;
        }

        let _ = plan(&disk[..HEAD], length, "data");
    }
}
