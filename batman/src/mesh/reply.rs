//! Reading what rows of several tables have in common.

use std::time::Duration;

use super::Incomplete;
use crate::{IfName, LinkQuality, Throughput, VlanId, codec::BatadvMessage};

/// The value of the first attribute of this kind, if there is one: absent is not zero.
macro_rules! attribute {
    ($message:expr, $variant:ident) => {
        $message.attributes.iter().find_map(|attribute| match attribute {
            $crate::codec::BatadvAttr::$variant(value) => Some(value.clone()),
            _ => None,
        })
    };
}

/// The same for what every such reply carries.
macro_rules! required {
    ($message:expr, $variant:ident) => {
        $crate::mesh::reply::attribute!($message, $variant)
            .ok_or($crate::mesh::Incomplete::Absent(stringify!($variant)))
    };
}

/// Whether the flag is set: a flag that is not is absent.
macro_rules! flag {
    ($message:expr, $variant:ident) => {
        $message.attributes.contains(&$crate::codec::BatadvAttr::$variant)
    };
}

pub(crate) use attribute;
pub(super) use {flag, required};

pub(super) fn hard_interface_name(message: &BatadvMessage) -> Result<IfName, Incomplete> {
    let name = required!(message, HardIfname)?;
    name.parse().map_err(|_| Incomplete::Senseless("HardIfname"))
}

/// Reads the measure of the mesh's algorithm, whichever is there; a throughput is in the table's
/// own unit.
pub(super) fn quality(
    message: &BatadvMessage,
    unit: fn(u32) -> Throughput,
) -> Result<LinkQuality, Incomplete> {
    let tq = attribute!(message, Tq).map(LinkQuality::Tq);
    let throughput = || attribute!(message, Throughput).map(unit).map(LinkQuality::Throughput);
    tq.or_else(throughput).ok_or(Incomplete::Absent("Tq or Throughput"))
}

pub(super) fn kbit(count: u32) -> Throughput {
    Throughput::from_kbit(count.into())
}

pub(super) fn milliseconds(count: u32) -> Duration {
    Duration::from_millis(count.into())
}

/// BATADV_VLAN_HAS_TAG (net/batman-adv/main.h): without this bit the row is of untagged packets.
const HAS_TAG: u16 = 1 << 15;

pub(crate) fn vlan(number: u16) -> Option<VlanId> {
    (number & HAS_TAG != 0).then(|| VlanId::from_tag(number))
}
