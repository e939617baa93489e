//! The data partition: its growth, its check, its mount.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};

use crate::io::disk::{Disk, Partition};
use crate::io::kernel_calls;
use crate::prepare::growth::{self, Growth, HEAD};
use crate::prepare::ladder::{Outcome, Step};

/// The empty file system that a hopeless one is replaced by, packed with gzip if it has that ending.
const TEMPLATES: [&str; 2] =
    ["/usr/share/mesh-node/data.ext4", "/usr/share/mesh-node/data.ext4.gz"];

const CHECKER: &str = "/sbin/e2fsck";

/// e2fsck(8): below this, all that was wrong has been mended.
const LEFT_UNCORRECTED: i32 = 4;

/// e2fsck(8): from this on, the program could not do its work, which it also says of what is no file system at all.
const OPERATIONAL: i32 = 8;

/// e2fsck(8): from this on, it did not begin, or was told to end.
const NOT_BEGUN: i32 = 16;

/// fs/ext4/ext4.h: the superblock lies at byte 1024, and its magic at 0x38 in it.
const SUPERBLOCK: u64 = 1024;
const MAGIC_AT: u64 = SUPERBLOCK + 0x38;
const MAGIC: [u8; 2] = 0xef53_u16.to_le_bytes();

/// A partition is erased in pieces of this size: a slow medium takes a few seconds for one.
const PIECE: u64 = 64 << 20;

/// Enough for configuration and identity; a router has no memory to spare.
const MEMORY: &str = "mode=0755,size=16m";

/// Lets the data partition fill the disk; tells whether it grew.
pub(super) fn grow_partition(disk: &Disk, name: &str) -> anyhow::Result<bool> {
    let file = File::options().read(true).write(true).open(&disk.device)?;
    match grow_table(&file, name)? {
        None => Ok(false),
        Some(growth) => {
            kernel_calls::resize_partition(&file, growth.number, growth.start, growth.length)?;
            Ok(true)
        }
    }
}

fn grow_table(disk: &File, name: &str) -> anyhow::Result<Option<Growth>> {
    let mut head = vec![0; HEAD];
    disk.read_exact_at(&mut head, 0)?;
    let length = io::Seek::seek(&mut &*disk, io::SeekFrom::End(0))?;
    let Some(growth) = growth::plan(&head, length, name)? else { return Ok(None) };
    for write in &growth.writes {
        disk.write_all_at(&write.bytes, write.offset)?;
        disk.sync_all()?;
    }
    Ok(Some(growth))
}

/// Lets the mounted file system fill its partition; tells whether it grew.
pub(super) fn grow_file_system(partition: &Partition, mounted: &Path) -> io::Result<bool> {
    // s_blocks_count_lo lies at 4 in it, s_log_block_size at 24.
    let mut superblock = [0; 28];
    File::open(&partition.device)?.read_exact_at(&mut superblock, SUPERBLOCK)?;
    let field = |at: usize| {
        let bytes = superblock.get(at..).and_then(|rest| rest.first_chunk());
        u32::from_le_bytes(bytes.copied().unwrap_or_default())
    };
    let block = 1024_u64.checked_shl(field(24)).filter(|block| *block <= 65_536);
    let block = block.ok_or(io::ErrorKind::InvalidData)?;
    let blocks = partition.length / block;
    if blocks <= u64::from(field(4)) {
        return Ok(false);
    }
    kernel_calls::resize_ext4(&File::open(mounted)?, blocks)?;
    Ok(true)
}

/// Erases all of the data partition: its keys are not to be found under the new file system, however large the disk.
/// Tells how far it is after every piece.
pub(super) fn erase(partition: &Partition, mut told: impl FnMut(u64)) -> io::Result<()> {
    let device = File::options().write(true).open(&partition.device)?;
    let mut start = 0;
    while start < partition.length {
        let length = PIECE.min(partition.length - start);
        // Flash that can gives up the copies it has beside; what is read afterwards is up to it.
        let _ = kernel_calls::erase_securely(&device, start, length);
        if kernel_calls::write_zeros(&device, start, length).is_err() {
            write_zeros(&device, start, length)?;
        }
        start += length;
        told(start);
    }
    device.sync_all()
}

fn write_zeros(device: &File, start: u64, length: u64) -> io::Result<()> {
    let zeros = vec![0; 1 << 20];
    let (mut offset, end) = (start, start + length);
    while offset < end {
        let length = usize::try_from(end - offset).unwrap_or(usize::MAX).min(zeros.len());
        device.write_all_at(zeros.get(..length).unwrap_or_default(), offset)?;
        offset += length as u64;
    }
    Ok(())
}

/// Tries one step of the ladder.
pub(super) fn climb(step: Step, device: &Path, target: &Path) -> Outcome {
    match step {
        Step::Check => check(device, &["-p"]),
        Step::Repair => check(device, &["-f", "-y"]),
        Step::Mount => mount_ext4(device, target, MsFlags::empty()),
        Step::MountReadOnly => mount_ext4(device, target, MsFlags::MS_RDONLY),
        Step::Format => match format(device) {
            Ok(()) => Outcome::Done,
            Err(error) => Outcome::Failed(format!("{error:#}")),
        },
        Step::MountMemory => outcome(mount(
            Some("data"),
            target,
            Some("tmpfs"),
            MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
            Some(MEMORY),
        )),
    }
}

fn check(device: &Path, how: &[&str]) -> Outcome {
    let ran = Command::new(CHECKER).args(how).arg(device).stdin(Stdio::null()).status();
    match ran {
        Err(error) => Outcome::Unable(format!("{CHECKER}: {error}")),
        Ok(status) => judge(status, || has_no_superblock(device)),
    }
}

/// A check that was killed, or could not do its work, says nothing about the file system, unless there is none.
fn judge(status: ExitStatus, has_no_superblock: impl FnOnce() -> bool) -> Outcome {
    let told = format!("{CHECKER}: {status}");
    match status.code() {
        Some(code) if code < LEFT_UNCORRECTED => Outcome::Done,
        Some(code) if code < OPERATIONAL => Outcome::Failed(told),
        Some(code) if code < NOT_BEGUN && has_no_superblock() => Outcome::Failed(told),
        _ => Outcome::Unable(told),
    }
}

/// Tells whether no file system begins there; a medium that cannot be read does not tell.
fn has_no_superblock(device: &Path) -> bool {
    let mut found = [0; 2];
    let read = File::open(device).and_then(|it| it.read_exact_at(&mut found, MAGIC_AT));
    read.is_ok() && found != MAGIC
}

fn mount_ext4(device: &Path, target: &Path, flags: MsFlags) -> Outcome {
    let flags = flags | MsFlags::MS_NOATIME | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    outcome(mount(Some(device), target, Some("ext4"), flags, None::<&str>))
}

fn outcome(result: nix::Result<()>) -> Outcome {
    match result {
        Ok(()) => Outcome::Done,
        // The kernel has no such file system or no memory, or we may not, or there is nothing to mount on.
        Err(
            errno @ (Errno::ENODEV | Errno::ENOMEM | Errno::EPERM | Errno::ENOENT | Errno::EBUSY),
        ) => Outcome::Unable(errno.to_string()),
        Err(errno) => Outcome::Failed(errno.to_string()),
    }
}

/// Writes the image's empty file system over whatever is there.
fn format(device: &Path) -> anyhow::Result<()> {
    let template = TEMPLATES.iter().map(Path::new).find(|template| template.exists());
    let template = template.ok_or_else(|| anyhow::anyhow!("no empty file system in the image"))?;
    let mut target = File::options().write(true).open(device)?;
    if template.extension().is_some_and(|it| it == "gz") {
        let mut unpacking = Command::new("zcat")
            .arg(template)
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()?;
        let output = unpacking.stdout.take();
        let copied = output.map_or(Ok(0), |mut output| io::copy(&mut output, &mut target));
        let status = unpacking.wait()?;
        copied?;
        anyhow::ensure!(status.success(), "zcat: {status}");
    } else {
        io::copy(&mut File::open(template)?, &mut target)?;
    }
    target.flush()?;
    target.sync_all()?;
    Ok(())
}

/// Reads the kernel's command line.
pub(super) fn command_line() -> String {
    let mut text = String::new();
    let read = File::open("/proc/cmdline").map(|file| file.take(65_536).read_to_string(&mut text));
    if read.is_err() { String::new() } else { text }
}

/// Tells whether something is mounted there already: a boot that was prepared by others is left alone.
pub(super) fn is_mounted(target: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    mounts.lines().any(|line| line.split(' ').nth(1).map(Path::new) == Some(target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_cannot_be_done_says_so_and_harms_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let nowhere = directory.path().join("nowhere");

        for step in [Step::Mount, Step::MountReadOnly, Step::MountMemory] {
            assert!(!matches!(climb(step, &nowhere, &nowhere), Outcome::Done), "{step:?}");
        }
    }

    /// Makes a file system as the image has it, on a partition of so many MiB.
    fn file_system(length: u64) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(length << 20).unwrap();
        let made = Command::new("mke2fs")
            .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
            .args(["-q", "-F", "-t", "ext4", "-b", "4096"])
            .arg(file.path())
            .status();
        assert!(made.unwrap().success(), "these tests need e2fsprogs");
        file
    }

    fn wreck(file: &File, bytes: impl Iterator<Item = u8>) {
        file.write_all_at(&bytes.collect::<Vec<u8>>(), 0).unwrap();
    }

    #[test]
    fn a_file_system_that_is_overwritten_is_beyond_repair() {
        let file = file_system(64);
        assert_eq!(climb(Step::Repair, file.path(), Path::new("/")), Outcome::Done);

        // What looks random, and is the same every time.
        let random = (0_u32..32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8);
        wreck(file.as_file(), random);

        for step in [Step::Check, Step::Repair] {
            let outcome = climb(step, file.path(), Path::new("/"));
            assert!(matches!(outcome, Outcome::Failed(_)), "{step:?}: {outcome:?}");
        }
    }

    #[test]
    fn a_check_that_gives_up_on_a_file_system_does_not_condemn_it() {
        let file = file_system(64);
        // The kernel sees a shorter partition than the file system was made for; e2fsck asks what to do, and aborts.
        file.as_file().set_len(32 << 20).unwrap();

        let outcome = climb(Step::Repair, file.path(), Path::new("/"));

        assert!(matches!(outcome, Outcome::Unable(_)), "{outcome:?}");
    }

    #[test]
    fn what_a_check_ends_with_is_told_apart() {
        use std::os::unix::process::ExitStatusExt as _;
        let judged = |raw, is_none| match judge(ExitStatus::from_raw(raw), || is_none) {
            Outcome::Done => "done",
            Outcome::Failed(_) => "failed",
            Outcome::Unable(_) => "unable",
        };
        let code = |code: i32| code << 8;

        for (raw, with_superblock, without) in [
            (code(0), "done", "done"),
            (code(3), "done", "done"),
            (code(4), "failed", "failed"),
            (code(8), "unable", "failed"),
            (code(12), "unable", "failed"),
            (code(16), "unable", "unable"),
            (code(32), "unable", "unable"),
            (code(128), "unable", "unable"),
            (9, "unable", "unable"),
            (11, "unable", "unable"),
        ] {
            assert_eq!(
                (judged(raw, false), judged(raw, true)),
                (with_superblock, without),
                "{raw}"
            );
        }
    }

    #[test]
    fn erasing_leaves_nothing_of_what_was_there_to_the_last_byte() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let length = PIECE + (2 << 20) + 512;
        file.as_file().set_len(length).unwrap();
        let places = [0, 4096, PIECE - 1, PIECE, length - 1];
        for place in places {
            file.as_file().write_all_at(&[7], place).unwrap();
        }
        let device = file.path().to_owned();
        let mut told = Vec::new();

        let partition = Partition { device, number: 7, length, is_read_only: false };
        erase(&partition, |erased| told.push(erased)).unwrap();

        let left = fs::read(file.path()).unwrap();
        assert_eq!(left.len() as u64, length);
        assert!(left.iter().all(|byte| *byte == 0));
        assert_eq!(told, [PIECE, length]);
    }

    #[test]
    fn a_table_that_is_none_is_left_alone() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(1 << 20).unwrap();

        assert!(grow_table(&file, "data").is_err());
        let mut bytes = Vec::new();
        io::Seek::rewind(&mut &file).unwrap();
        (&file).read_to_end(&mut bytes).unwrap();
        assert!(bytes.iter().all(|byte| *byte == 0));
    }
}
