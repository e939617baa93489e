//! The generic netlink family `batadv` in bytes (include/uapi/linux/batman_adv.h).
//!
//! Attributes and commands that this crate does not know are kept as they came. Numbers here are
//! the kernel's own; units and meaning are given by the values of the crate's root.

mod attribute;
#[cfg(all(test, target_endian = "little"))]
mod captured;
#[cfg(all(test, target_endian = "little"))]
mod captures;
mod command;
mod flags;
mod message;
#[cfg(test)]
mod tests;
mod uevent;
mod value;

pub use attribute::{BatadvAttr, VlanNumber};
pub use command::BatadvCmd;
pub use flags::{McastFlags, McastFlagsPriv, TtFlags};
pub use message::{Attributes, BatadvMessage};
pub use uevent::UeventMessage;
