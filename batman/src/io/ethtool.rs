//! The counters of a link's driver (`ethtool -S`), which nothing but an ioctl tells.
#![expect(unsafe_code, reason = "an ioctl takes a pointer; what it points to is ours")]

use std::{ffi::c_void, io, os::fd::AsRawFd};

use crate::IfName;

// include/uapi/linux/ethtool.h
const ETHTOOL_GSTRINGS: u32 = 0x1b;
const ETHTOOL_GSTATS: u32 = 0x1d;
const ETHTOOL_GSSET_INFO: u32 = 0x37;
const ETH_SS_STATS: u32 = 1;

/// ETH_GSTRING_LEN.
const NAME: usize = 32;

/// The most counters that are asked for; batman-adv has 38.
const COUNTERS: u32 = 1024;

/// Room for an answer, in units of eight bytes. Kernels before 6.18 write as much as the driver
/// counts, whatever there is room for: this is 16 times what is asked for, in case the link's name
/// passes to another driver between two questions. Pages that are not written cost nothing.
const ROOM: usize = 16 * COUNTERS as usize * NAME / 8;

/// struct ifreq, at least as large as on any architecture.
#[repr(C)]
pub(super) struct Interface {
    name: [u8; IfName::MAX + 1],
    data: *mut c_void,
    rest: [u64; 2],
}

nix::ioctl_readwrite_bad!(siocethtool, 0x8946, Interface);

/// Reads the driver's counters with their names.
///
/// # Errors
/// [`io::ErrorKind::Interrupted`] if another driver answered in between.
pub(super) fn statistics(socket: &impl AsRawFd, link: &IfName) -> io::Result<Vec<(String, u64)>> {
    let mut room = vec![0; ROOM];
    // struct ethtool_sset_info: cmd, reserved, sset_mask (64 bits), a count for each of its bits.
    let question = [join(ETHTOOL_GSSET_INFO, 0), 1 << ETH_SS_STATS];
    ethtool(socket, link, &question, &mut room)?;
    let count = number(&room, 16);
    if count > COUNTERS {
        return Err(io::ErrorKind::InvalidData.into());
    }
    // struct ethtool_gstrings: cmd, string_set, len, names.
    let question = [join(ETHTOOL_GSTRINGS, ETH_SS_STATS), join(count, 0)];
    ethtool(socket, link, &question, &mut room)?;
    let named = number(&room, 8);
    let bytes: Vec<_> = bytes(&room).skip(12).take(count as usize * NAME).collect();
    // struct ethtool_stats: cmd, n_stats, values (64 bits each).
    ethtool(socket, link, &[join(ETHTOOL_GSTATS, count)], &mut room)?;
    if named != count || number(&room, 4) != count {
        return Err(io::ErrorKind::Interrupted.into());
    }
    Ok(bytes.chunks(NAME).map(text).zip(room.into_iter().skip(1)).collect())
}

/// Puts a question and has the answer in its place.
fn ethtool(
    socket: &impl AsRawFd,
    link: &IfName,
    question: &[u64],
    room: &mut [u64],
) -> io::Result<()> {
    for (place, word) in room.iter_mut().zip(question) {
        *place = *word;
    }
    let mut name = [0; IfName::MAX + 1];
    for (place, byte) in name.iter_mut().zip(link.as_str().bytes()) {
        *place = byte;
    }
    let mut interface = Interface { name, data: room.as_mut_ptr().cast(), rest: [0; 2] };
    // SAFETY: the kernel reads and writes `interface`, which is no smaller than its struct ifreq
    // and ends the name with NUL, and at `data` the question and its answer, for which there is
    // room: see ROOM. Both are borrowed by us alone until the call returns.
    unsafe { siocethtool(socket.as_raw_fd(), &raw mut interface) }?;
    Ok(())
}

fn join(first: u32, second: u32) -> u64 {
    let [a, b, c, d] = first.to_ne_bytes();
    let [e, f, g, h] = second.to_ne_bytes();
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}

fn bytes(room: &[u64]) -> impl Iterator<Item = u8> {
    room.iter().flat_map(|word| word.to_ne_bytes())
}

/// The number at this place, in bytes.
fn number(room: &[u64], at: usize) -> u32 {
    let mut number = [0; 4];
    for (place, byte) in number.iter_mut().zip(bytes(room).skip(at)) {
        *place = byte;
    }
    u32::from_ne_bytes(number)
}

fn text(name: &[u8]) -> String {
    let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(name).into_owned()
}

#[cfg(test)]
mod tests {
    use netlink_sys::{Socket, protocols::NETLINK_GENERIC};

    use super::*;

    #[test]
    fn structure_is_what_the_kernel_reads() {
        let place = std::mem::offset_of!(Interface, data);

        assert_eq!(place, 16);
        assert!(size_of::<Interface>() >= 40 || size_of::<*mut c_void>() == 4);
    }

    #[test]
    fn words_are_found_where_they_were_put() {
        let room = [join(1, 2), join(3, 4)];

        assert_eq!([0, 4, 8, 12].map(|at| number(&room, at)), [1, 2, 3, 4]);
        assert_eq!(number(&room, 16), 0);
        assert_eq!(text(b"rx_bytes\0\0\0"), "rx_bytes");
    }

    #[test]
    fn link_that_counts_nothing_or_is_not_there_says_so() {
        let socket = Socket::new(NETLINK_GENERIC).unwrap();
        let statistics = |link: &str| statistics(&socket, &link.parse().unwrap());

        let missing = statistics("no-such-link").unwrap_err();

        assert_eq!(missing.raw_os_error(), Some(19));
        match statistics("lo") {
            Ok(counters) => assert!(counters.is_empty(), "{counters:?}"),
            Err(refusal) => assert_eq!(refusal.raw_os_error(), Some(95)),
        }
    }
}
