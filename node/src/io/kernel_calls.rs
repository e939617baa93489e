//! What only an ioctl does and no crate offers: a partition and a file system that grow while in use, and a device
//! that is erased.
#![expect(unsafe_code, reason = "an ioctl takes a pointer; what it points to lives on our stack")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::raw::{c_char, c_int, c_void};

/// include/uapi/linux/blkpg.h
const BLKPG_RESIZE_PARTITION: c_int = 3;

#[repr(C)]
struct Partition {
    start: i64,
    length: i64,
    number: c_int,
    device_name: [c_char; 64],
    volume_name: [c_char; 64],
}

#[repr(C)]
pub(super) struct Request {
    operation: c_int,
    flags: c_int,
    length: c_int,
    data: *const c_void,
}

nix::ioctl_write_ptr_bad!(blkpg, nix::request_code_none!(0x12, 105), Request);
nix::ioctl_write_ptr!(ext4_resize, b'f', 16, u64);
// include/uapi/linux/fs.h: both take the first byte and the number of bytes.
nix::ioctl_write_ptr_bad!(secure_discard, nix::request_code_none!(0x12, 125), [u64; 2]);
nix::ioctl_write_ptr_bad!(zero_out, nix::request_code_none!(0x12, 127), [u64; 2]);

/// Tells the kernel that a partition of this disk has another length, in bytes.
pub(super) fn resize_partition(
    disk: &File,
    number: u32,
    start: u64,
    length: u64,
) -> io::Result<()> {
    let too_large = |_| io::Error::from(io::ErrorKind::InvalidInput);
    let partition = Partition {
        start: start.try_into().map_err(too_large)?,
        length: length.try_into().map_err(too_large)?,
        number: number.try_into().map_err(too_large)?,
        device_name: [0; 64],
        volume_name: [0; 64],
    };
    let request = Request {
        operation: BLKPG_RESIZE_PARTITION,
        flags: 0,
        length: c_int::try_from(size_of::<Partition>()).unwrap_or_default(),
        data: (&raw const partition).cast(),
    };
    // SAFETY: the kernel reads both structures, which have its layout and outlive the call, and writes to neither;
    // the descriptor is open for as long as `disk` is borrowed.
    unsafe { blkpg(disk.as_raw_fd(), &raw const request) }?;
    Ok(())
}

/// Has the ext4 that this file or directory is on take so many blocks.
pub(super) fn resize_ext4(mounted: &File, blocks: u64) -> io::Result<()> {
    // SAFETY: the kernel reads one u64, which outlives the call; the descriptor is open while `mounted` is borrowed.
    unsafe { ext4_resize(mounted.as_raw_fd(), &raw const blocks) }?;
    Ok(())
}

/// Has a block device erase a range so that no copy of it is left on the medium, which few devices can.
pub(super) fn erase_securely(device: &File, start: u64, length: u64) -> io::Result<()> {
    let range = [start, length];
    // SAFETY: the kernel reads two u64, which outlive the call; the descriptor is open while `device` is borrowed.
    unsafe { secure_discard(device.as_raw_fd(), &raw const range) }?;
    Ok(())
}

/// Has a block device read zeros in a range from now on, in its own way or by writing them.
pub(super) fn write_zeros(device: &File, start: u64, length: u64) -> io::Result<()> {
    let range = [start, length];
    // SAFETY: the kernel reads two u64, which outlive the call; the descriptor is open while `device` is borrowed.
    unsafe { zero_out(device.as_raw_fd(), &raw const range) }?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_disk_and_no_ext4_is_refused() {
        let nothing = File::open("/dev/null").unwrap();

        assert!(resize_partition(&nothing, 1, 0, 4096).is_err());
        assert!(resize_ext4(&nothing, 1).is_err());
        assert!(erase_securely(&nothing, 0, 512).is_err());
        assert!(write_zeros(&nothing, 0, 512).is_err());
    }

    #[test]
    fn sizes_that_no_kernel_takes_do_not_reach_it() {
        let nothing = File::open("/dev/null").unwrap();

        let refused = resize_partition(&nothing, 1, u64::MAX, 4096).unwrap_err();

        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    }
}
