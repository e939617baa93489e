//! The checksum that translation tables are compared by.

use batman::MacAddr;

/// CRC-32C, the way in which the kernel's `crc32c()` goes: its bits reversed, and neither begun nor ended with an inversion.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// Sums up the clients of one VLAN as `batadv_tt_global_crc` does (net/batman-adv/translation-table.c), for clients without flags.
pub fn table(vlan: u16, clients: impl IntoIterator<Item = MacAddr>) -> u32 {
    const NO_FLAGS: [u8; 1] = [0];
    let begun = crc32c(crc32c(0, &vlan.to_be_bytes()), &NO_FLAGS);
    clients.into_iter().fold(0, |sum, client| sum ^ crc32c(begun, &client.0))
}

fn crc32c(begun: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(begun, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            let carried = if sum & 1 == 1 { POLYNOMIAL } else { 0 };
            (sum >> 1) ^ carried
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standards_own_example_comes_out() {
        // RFC 3720 inverts before and after; the check value of CRC-32C is that of these digits.
        assert_eq!(!crc32c(!0, b"123456789"), 0xe306_9283);
    }

    #[test]
    fn kernels_sum_comes_out() {
        // What `batctl meshif bat0 transtable_global` of a kernel 6.12 shows of a node with these ten clients.
        let clients = (0..10).map(|number| MacAddr([2, 0xc1, 0, number, 0, 1]));

        assert_eq!(table(0, clients), 0xa541_927e);
    }

    #[test]
    fn order_of_the_clients_makes_no_difference() {
        let clients = [MacAddr([2, 0, 0, 0, 0, 1]), MacAddr([2, 0, 0, 0, 0, 2])];
        let backwards = clients.into_iter().rev();

        assert_eq!(table(0, clients), table(0, backwards));
        assert_eq!(table(0, []), 0);
    }

    #[test]
    fn vlan_makes_a_difference() {
        let client = || [MacAddr([2, 0, 0, 0, 0, 1])];

        assert_ne!(table(0, client()), table(0x8001, client()));
    }
}
