//! A mesh as a value: as it is wanted, and as it was seen.

mod backbone;
mod cached_address;
mod claim;
mod client;
mod counters;
mod device;
mod gateway;
mod hard_interface;
mod held;
mod measurement;
mod mesh_event;
mod multicast;
mod neighbour;
mod neighbour_links;
mod notification;
mod originator;
pub(crate) mod reply;
mod row;
mod seen;
mod state;
mod vlan;

pub use backbone::Backbone;
pub use cached_address::CachedAddress;
pub use claim::Claim;
pub use client::{ClientFlags, GlobalClient, LocalClient};
pub use counters::Counters;
pub use device::MeshDevice;
pub use gateway::Gateway;
pub use hard_interface::HardInterface;
pub use held::Held;
pub use measurement::{Measurement, MeasurementFault, Report};
pub use mesh_event::{Happening, MeshEvent};
pub use multicast::MulticastFlags;
pub use neighbour::Neighbour;
pub use neighbour_links::NeighbourLink;
pub use notification::Notification;
pub use originator::Originator;
pub use row::Row;
pub(crate) use seen::relevant;
pub use seen::{Link, LinkAddress, Seen};
pub use state::{MeshState, Primary};
use thiserror::Error;
pub use vlan::{InvalidVlanId, Vlan, VlanId};

/// A reply of the kernel without something that every such reply has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Incomplete {
    /// The attribute is not there.
    #[error("the reply has no {0}")]
    Absent(&'static str),
    /// The attribute is there and says nothing sensible.
    #[error("the reply's {0} makes no sense")]
    Senseless(&'static str),
}
