//! What the mesh should be, what it is and the steps between are pure values; [`io`] asks the
//! kernel and tells it, over netlink.
//!
//! ```text
//! Wanted ──┐
//!          ├─ plan() ──> Vec<Step> ──> Kernel::apply()
//! Seen ────┘                                │
//!   ^                                       v
//!   └────────────── Kernel::observe() <── kernel
//! ```
//!
//! [`plan()`] of a state that is as wanted is empty, so observing again is how a step is verified.
//! Nothing here knows of identities or keys, and no process is ever started.
//!
//! As a client alone, [`Kernel`] reads every table ([`Kernel::table`], [`Kernel::stream`] and the
//! methods with a table's name), [`Notifications`] and [`Uevents`] hear what batman-adv tells of
//! its own accord, and [`Kernel::measure`] is its throughput meter. [`codec`] is the family's bytes,
//! [`json`] shows them as batctl does.
//!
//! ```no_run
//! # async fn neighbours() -> batman::Result<()> {
//! let mut kernel = batman::Kernel::open()?;
//! let mesh = "bat0".parse().expect("bat0 is a link's name");
//! for neighbour in kernel.neighbours(&mesh).await? {
//!     println!("{} on {}, {:?} ago", neighbour.address, neighbour.interface, neighbour.last_seen);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Mesh device, hard interfaces, VLANs and counters may be read by anybody; the other tables, the
//! meter and every change take CAP_NET_ADMIN, and [`Error::Permission`] says so.
#![deny(unsafe_code)]

pub mod codec;
mod error;
pub mod io;
pub mod json;
pub mod knob;
mod mesh;
mod metric;
mod names;
mod plan;
mod wanted;

pub use error::{Errno, Error, Request, Result};
pub use io::{
    Event, Events, Kernel, Measuring, Notifications, Progress, Streamed, Table, Uevent, Uevents,
};
pub use knob::{
    GatewayMode, InterfaceSettings, Knob, LogLevel, Mask, MeshSettings, Setting, Value,
    VlanSettings,
};
pub use mesh::{
    Backbone, CachedAddress, Claim, ClientFlags, Counters, Gateway, GlobalClient, Happening,
    HardInterface, Held, Incomplete, InvalidVlanId, Link, LinkAddress, LocalClient, Measurement,
    MeasurementFault, MeshDevice, MeshEvent, MeshState, MulticastFlags, Neighbour, NeighbourLink,
    Notification, Originator, Primary, Report, Row, Seen, Vlan, VlanId,
};
pub use metric::{LinkQuality, RoutingAlgorithm, Throughput, UnknownAlgorithm};
pub use names::{IfIndex, IfName, InvalidIfName, InvalidMacAddr, MacAddr};
pub use plan::{LinkRate, Named, Obstacle, RateSource, Step, obstacles, plan, was};
pub use wanted::{Address, Contradiction, InvalidAddress, InvalidMtu, Lan, MacPolicy, Mtu, Wanted};
