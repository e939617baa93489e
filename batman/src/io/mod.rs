//! Asks the kernel and tells it: the only place with sockets.
#![expect(clippy::disallowed_methods, reason = "this is where the crate acts on the kernel")]

mod addresses;
mod apply;
mod bridge;
mod counters;
mod ethtool;
mod events;
mod exchange;
mod family;
mod links;
mod listener;
mod measurement;
mod notifications;
mod rates;
mod rows;
mod streaming;
mod tables;
mod uevents;

pub use events::{Event, Events};
use exchange::{Exchange, Failure};
pub use measurement::{Measuring, Progress};
use netlink_packet_generic::GenlMessage;
use netlink_sys::protocols::{NETLINK_GENERIC, NETLINK_ROUTE};
pub use notifications::Notifications;
pub use rows::{Streamed, Table};
pub use streaming::stream_now;
pub use uevents::{Uevent, Uevents};

use crate::{
    Errno, Error, IfName, Link, Request, Result, RoutingAlgorithm, Seen, Step, Wanted,
    codec::BatadvMessage,
};

type BatadvFrame = GenlMessage<BatadvMessage>;

/// How often something that changes while it is read is read before that is an error. A link
/// table changes in bursts of milliseconds, so the second attempt succeeds nearly always.
const ATTEMPTS: usize = 5;

/// How many rows of one table are kept. Peers decide how many originators there are; this bounds
/// what they can make a router hold, at about two megabytes.
const ROWS: usize = 16_384;

/// The kernel's side of a mesh.
///
/// Sockets are bound to the network namespace in which they were opened, and to the tokio runtime
/// that was running then. Dropping any of its futures half way is safe.
pub struct Kernel {
    route: Exchange,
    generic: Exchange,
}

impl Kernel {
    /// Opens the sockets that questions are put through.
    ///
    /// # Errors
    /// Only if this process may not use netlink at all; capabilities and modules are not looked at
    /// before they are needed.
    pub fn open() -> Result<Self> {
        let open = |protocol| {
            let opened = Exchange::open(protocol);
            opened.map_err(|source| Error::Socket { request: Request::Open, source })
        };
        Ok(Self { route: open(NETLINK_ROUTE)?, generic: open(NETLINK_GENERIC)? })
    }

    /// Starts to listen for changes to links. Listen first, then observe, and nothing is missed.
    ///
    /// # Errors
    /// Only if the socket cannot be had.
    pub fn events(&self) -> Result<Events> {
        Events::open().map_err(|source| Error::Socket { request: Request::Events, source })
    }

    /// Reads what there is of the wanted mesh. Changes nothing.
    ///
    /// # Errors
    /// Without CAP_NET_ADMIN the tables of an existing mesh cannot be read. A kernel without
    /// batman-adv is no error here: it has no mesh, and creating one will say why.
    pub async fn observe(&mut self, wanted: &Wanted) -> Result<Seen> {
        self.look(wanted, Depth::Tables).await
    }

    /// Reads what [`plan`](crate::plan()) compares, and no tables of neighbours and originators;
    /// anybody may.
    ///
    /// # Errors
    /// Only if the kernel cannot be asked.
    pub async fn observe_settings(&mut self, wanted: &Wanted) -> Result<Seen> {
        self.look(wanted, Depth::Settings).await
    }

    async fn look(&mut self, wanted: &Wanted, depth: Depth) -> Result<Seen> {
        for _ in 0..ATTEMPTS {
            let (links, left_out) = self.links(wanted).await?;
            let mut seen = Seen { links, left_out, ..Seen::default() };
            let hosts = [wanted.mesh(), wanted.host()].map(|name| seen.link(name));
            let hosts: Vec<_> = hosts.into_iter().flatten().map(|link| link.index).collect();
            if !hosts.is_empty() {
                seen.addresses = self.addresses(&hosts).await?;
            }
            seen.rates = rates::rates(wanted, &seen);
            let mesh = seen.link(wanted.mesh()).filter(|link| link.is_mesh()).cloned();
            let Some(mesh) = mesh else {
                // Asking loads the module: for who only compares, it need not be there.
                if depth == Depth::Tables {
                    seen.algorithms = self.offered_algorithms().await;
                }
                return Ok(seen);
            };
            match self.look_at_mesh(wanted, &mesh, seen, depth).await {
                Err(Error::Refused { errno: Errno::ENODEV, .. }) => {}
                outcome => return outcome,
            }
        }
        Err(Error::Unsteady { request: Request::Mesh(wanted.mesh().clone()), attempts: ATTEMPTS })
    }

    async fn look_at_mesh(
        &mut self,
        wanted: &Wanted,
        mesh: &Link,
        mut seen: Seen,
        depth: Depth,
    ) -> Result<Seen> {
        let family = self.family().await?;
        let device = self.mesh(family, mesh).await?;
        if device.algorithm != Some(wanted.algorithm()) {
            seen.algorithms = self.offered_algorithms().await;
        }
        seen.mesh = Some(device);
        let interfaces = self.rows(family, mesh).await?;
        seen.left_out += interfaces.left_out;
        seen.hard_interfaces = interfaces.rows;
        for (vlan, _) in wanted.vlans() {
            match self.vlan(wanted.mesh(), vlan).await {
                Ok(vlan) => seen.vlans.push(vlan),
                Err(Error::Refused { errno: Errno::ENOENT, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if depth == Depth::Tables {
            let neighbours = self.rows(family, mesh).await?;
            let originators = self.rows(family, mesh).await?;
            seen.left_out += neighbours.left_out + originators.left_out;
            seen.neighbours = neighbours.rows;
            seen.originators = originators.rows;
        }
        Ok(seen)
    }

    /// The algorithms that are known here; nothing where the kernel does not tell.
    async fn offered_algorithms(&mut self) -> Option<Vec<RoutingAlgorithm>> {
        let names = self.routing_algorithms().await.ok().filter(|names| !names.is_empty())?;
        Some(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Removes the mesh device, which sets its hard interfaces free; one that is not there is
    /// removed enough.
    ///
    /// # Errors
    /// A link of this name that is no mesh device is not removed.
    pub async fn remove_mesh(&mut self, mesh: &IfName) -> Result<()> {
        self.apply(&Step::DeleteMesh { mesh: mesh.clone(), to_become: None }).await
    }
}

/// How much of a mesh is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Settings,
    Tables,
}

/// Joins a failed exchange and what it was about to an error.
fn error(failure: Failure, request: Request) -> Error {
    match failure {
        Failure::Refused { errno: Errno::EPERM, .. } => Error::Permission { request },
        Failure::Refused { errno, reason } => Error::Refused { request, errno, reason },
        Failure::Undecodable(source) => Error::Undecodable { request, source },
        Failure::Socket(source) => Error::Socket { request, source },
    }
}
