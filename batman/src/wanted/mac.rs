use crate::MacAddr;

/// Where the hardware address of the mesh device comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MacPolicy {
    /// The kernel makes one up when it creates the device.
    Kernel,
    /// It is made out of the first hard interface's, so that it is the same after each start. While
    /// that interface is not there the address stays as it is.
    Stable,
    /// This one.
    Fixed(MacAddr),
}

impl MacPolicy {
    /// Returns the address that follows from the first hard interface's; nothing to leave it.
    pub fn address(self, first_hard_interface: Option<MacAddr>) -> Option<MacAddr> {
        match self {
            Self::Kernel => None,
            Self::Stable => first_hard_interface.map(derived),
            Self::Fixed(address) => Some(address),
        }
    }
}

/// Bits of the first octet: locally administered, and one more by which the result differs from an
/// address that was local already.
const LOCAL: u8 = 0x02;
const OURS: u8 = 0x40;
const GROUP: u8 = 0x01;

fn derived(MacAddr([first, rest @ ..]): MacAddr) -> MacAddr {
    let first = ((first | LOCAL) ^ OURS) & !GROUP;
    let [b, c, d, e, f] = rest;
    MacAddr([first, b, c, d, e, f])
}
