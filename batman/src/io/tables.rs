//! What batman-adv tells, over its generic netlink family.

use super::{
    ATTEMPTS, BatadvFrame, Kernel, Streamed, Table, error,
    exchange::{Failure, Steadiness},
    family::Family,
    rows,
};
use crate::{
    Backbone, CachedAddress, Claim, Errno, Error, Gateway, GlobalClient, HardInterface, IfIndex,
    IfName, Incomplete, Link, LocalClient, MeshDevice, MeshState, MulticastFlags, Neighbour,
    Originator, Request, Result, Row, Vlan, VlanId,
    codec::{BatadvAttr, BatadvCmd, BatadvMessage, VlanNumber},
};

impl Kernel {
    /// Reads a mesh device and its settings; anybody may.
    ///
    /// # Errors
    /// [`Errno::ENODEV`] if there is no such link, [`Error::NotAMesh`] if it is of another kind.
    pub async fn mesh_device(&mut self, mesh: &IfName) -> Result<MeshDevice> {
        let link = self.mesh_link(mesh, Request::Mesh).await?;
        let family = self.family().await?;
        self.mesh(family, &link).await
    }

    /// Reads what a mesh device is at, beside how it is set; anybody may.
    ///
    /// # Errors
    /// As [`Kernel::mesh_device`].
    pub async fn mesh_state(&mut self, mesh: &IfName) -> Result<MeshState> {
        let link = self.mesh_link(mesh, Request::Mesh).await?;
        let question = self.family().await?.ask(BatadvCmd::GetMesh, link.index, []);
        self.one(question, || Request::Mesh(mesh.clone()), |message| message.try_into()).await
    }

    /// Reads all that the kernel tells of a mesh device, what has no name in this crate too; anybody may.
    ///
    /// # Errors
    /// As [`Kernel::mesh_device`].
    pub async fn mesh_attributes(&mut self, mesh: &IfName) -> Result<Vec<BatadvAttr>> {
        let link = self.mesh_link(mesh, Request::Mesh).await?;
        let question = self.family().await?.ask(BatadvCmd::GetMesh, link.index, []);
        let request = || Request::Mesh(mesh.clone());
        self.one(question, request, |message| Ok(message.attributes.clone())).await
    }

    /// Reads a VLAN on a mesh device; anybody may.
    ///
    /// # Errors
    /// As [`Kernel::mesh_device`], and [`Errno::ENOENT`] if there is no such VLAN.
    pub async fn vlan(&mut self, mesh: &IfName, vlan: VlanId) -> Result<Vlan> {
        let request = |mesh| Request::Vlan(mesh, vlan);
        let link = self.mesh_link(mesh, request).await?;
        let number = BatadvAttr::VlanId(VlanNumber(vlan.number()));
        let question = self.family().await?.ask(BatadvCmd::GetVlan, link.index, [number]);
        self.one(question, || request(mesh.clone()), |message| message.try_into()).await
    }

    /// Reads one hard interface of a mesh; anybody may.
    ///
    /// # Errors
    /// As [`Kernel::mesh_device`]; [`Errno::ENODEV`] too if the link carries another mesh or none.
    pub async fn hard_interface(
        &mut self,
        mesh: &IfName,
        interface: IfIndex,
    ) -> Result<HardInterface> {
        let link = self.mesh_link(mesh, Request::HardInterfaces).await?;
        let index = BatadvAttr::HardIfindex(interface.0);
        let question = self.family().await?.ask(BatadvCmd::GetHardif, link.index, [index]);
        let request = || Request::HardInterfaces(mesh.clone());
        self.one(question, request, |message| message.try_into()).await
    }

    /// Lists the routing algorithms that the kernel offers, by its own names.
    ///
    /// # Errors
    /// [`Error::Permission`] without CAP_NET_ADMIN, [`Error::NoBatmanAdv`] without the module.
    pub async fn routing_algorithms(&mut self) -> Result<Vec<String>> {
        let family = self.family().await?;
        for _ in 0..ATTEMPTS {
            let mut names = Vec::new();
            let question = family.ask_all(BatadvCmd::GetRoutingAlgos);
            let dumped = self.generic.dump(question, |message| {
                let attributes = message.map(|frame: BatadvFrame| frame.payload.attributes);
                names.extend(attributes.unwrap_or_default().into_iter().filter_map(|attribute| {
                    let BatadvAttr::AlgoName(name) = attribute else { return None };
                    Some(name)
                }));
            });
            match dumped.await.map_err(|failure| error(failure, Request::Algorithms))? {
                Steadiness::Steady => return Ok(names),
                Steadiness::Interrupted => {}
            }
        }
        Err(Error::Unsteady { request: Request::Algorithms, attempts: ATTEMPTS })
    }

    /// Reads a table, again if the kernel tells that it changed meanwhile, and keeps at most
    /// 16,384 rows of it. A mesh without an active hard interface has empty tables.
    ///
    /// # Errors
    /// [`Error::Permission`] without CAP_NET_ADMIN, which every table but that of the hard
    /// interfaces needs; [`Error::Unsteady`] if it changed during each attempt;
    /// [`Error::NotBuilt`] if this kernel was built without what the table belongs to; else as
    /// [`Kernel::mesh_device`].
    pub async fn table<R: Row>(&mut self, mesh: &IfName) -> Result<Table<R>> {
        let link = self.mesh_link(mesh, |mesh| request(R::COMMAND, mesh)).await?;
        let family = self.family().await?;
        self.rows(family, &link).await
    }

    /// Hands the rows of a table over as they come, in the memory of one datagram however long it
    /// is. It is asked for once: whether it changed meanwhile is in what is returned.
    ///
    /// # Errors
    /// As [`Kernel::table`], but never for a table that changed; rows may have been handed over
    /// before.
    pub async fn stream<R: Row>(&mut self, mesh: &IfName, row: impl FnMut(R)) -> Result<Streamed> {
        let link = self.mesh_link(mesh, |mesh| request(R::COMMAND, mesh)).await?;
        let question = self.family().await?.ask(R::COMMAND, link.index, []);
        let streamed = rows::streamed(&mut self.generic, question, row).await;
        streamed.map_err(|failure| refusal(failure, R::COMMAND, link.name))
    }

    pub(super) async fn mesh(&mut self, family: Family, mesh: &Link) -> Result<MeshDevice> {
        let question = family.ask(BatadvCmd::GetMesh, mesh.index, []);
        let request = || Request::Mesh(mesh.name.clone());
        self.one(question, request, |message| MeshDevice::read(message, mesh.up)).await
    }

    pub(super) async fn rows<R: Row>(&mut self, family: Family, mesh: &Link) -> Result<Table<R>> {
        let question = || family.ask(R::COMMAND, mesh.index, []);
        let name = || mesh.name.clone();
        match rows::whole(&mut self.generic, question).await {
            Ok(Some(table)) => Ok(table),
            Ok(None) => {
                let request = request(R::COMMAND, name());
                Err(Error::Unsteady { request, attempts: ATTEMPTS })
            }
            Err(failure) => Err(refusal(failure, R::COMMAND, name())),
        }
    }

    async fn one<T>(
        &mut self,
        question: BatadvFrame,
        request: impl Fn() -> Request,
        read: impl FnOnce(&BatadvMessage) -> Result<T, Incomplete>,
    ) -> Result<T> {
        let answer = self.generic.read(question).await;
        let answer = answer.map_err(|failure| error(failure, request()))?;
        let value = answer
            .ok_or(Incomplete::Absent("message"))
            .and_then(|answer: BatadvFrame| read(&answer.payload));
        value.map_err(|source| Error::Incomplete { request: request(), source })
    }

    /// The link of this name, if it is a mesh device.
    pub(super) async fn mesh_link(
        &mut self,
        mesh: &IfName,
        request: impl Fn(IfName) -> Request,
    ) -> Result<Link> {
        match self.link(mesh).await? {
            Some(link) if link.is_mesh() => Ok(link),
            Some(link) => Err(Error::NotAMesh { request: request(mesh.clone()), link: link.name }),
            None => {
                let request = request(mesh.clone());
                Err(Error::Refused { request, errno: Errno::ENODEV, reason: None })
            }
        }
    }
}

macro_rules! named {
    ($($(#[$doc:meta])+ $name:ident: $row:ty;)+) => {
        impl Kernel {
            $(
                $(#[$doc])+
                ///
                /// Rows that cannot be read, and those beyond 16,384, are left out;
                /// [`Kernel::table`] tells how many.
                ///
                /// # Errors
                /// As [`Kernel::table`].
                pub async fn $name(&mut self, mesh: &IfName) -> Result<Vec<$row>> {
                    self.table(mesh).await.map(|table| table.rows)
                }
            )+
        }
    };
}

named! {
    /// Lists the hard interfaces of a mesh; anybody may.
    hard_interfaces: HardInterface;
    /// Lists the neighbours, one row for each hard interface that hears one. May be torn.
    neighbours: Neighbour;
    /// Lists the originators, one row for each neighbour that leads to one. May be torn.
    originators: Originator;
    /// Lists the gateways to which a way is known.
    gateways: Gateway;
    /// Lists the clients of this node.
    local_clients: LocalClient;
    /// Lists the clients of other nodes, one row for each node that announces one. May be torn.
    global_clients: GlobalClient;
    /// Lists the claims of bridge loop avoidance.
    claims: Claim;
    /// Lists the backbones of bridge loop avoidance.
    backbones: Backbone;
    /// Lists the cache of the distributed ARP table.
    cached_addresses: CachedAddress;
    /// Lists the multicast flags of the originators.
    multicast_flags: MulticastFlags;
}

/// How a dump is called when it goes wrong.
pub(super) fn request(command: BatadvCmd, mesh: IfName) -> Request {
    match command {
        BatadvCmd::GetHardif => Request::HardInterfaces(mesh),
        BatadvCmd::GetNeighbors => Request::Neighbours(mesh),
        BatadvCmd::GetOriginators => Request::Originators(mesh),
        BatadvCmd::GetGateways => Request::Gateways(mesh),
        BatadvCmd::GetTranstableLocal => Request::LocalClients(mesh),
        BatadvCmd::GetTranstableGlobal => Request::GlobalClients(mesh),
        BatadvCmd::GetBlaClaim => Request::Claims(mesh),
        BatadvCmd::GetBlaBackbone => Request::Backbones(mesh),
        BatadvCmd::GetDatCache => Request::CachedAddresses(mesh),
        BatadvCmd::GetMcastFlags => Request::MulticastFlags(mesh),
        other => Request::Table(other, mesh),
    }
}

/// Joins a failed dump and its table to an error.
pub(super) fn refusal(failure: Failure, command: BatadvCmd, mesh: IfName) -> Error {
    let request = request(command, mesh);
    match (&failure, option(command)) {
        (Failure::Refused { errno: Errno::EOPNOTSUPP, .. }, Some(option)) => {
            Error::NotBuilt { request, option }
        }
        _ => error(failure, request),
    }
}

/// What the kernel has to be built with to have the table (net/batman-adv/Kconfig); without it
/// the header's stand-ins say EOPNOTSUPP.
fn option(command: BatadvCmd) -> Option<&'static str> {
    match command {
        BatadvCmd::GetBlaClaim | BatadvCmd::GetBlaBackbone => Some("CONFIG_BATMAN_ADV_BLA"),
        BatadvCmd::GetDatCache => Some("CONFIG_BATMAN_ADV_DAT"),
        BatadvCmd::GetMcastFlags => Some("CONFIG_BATMAN_ADV_MCAST"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(errno: Errno) -> Failure {
        Failure::Refused { errno, reason: None }
    }

    #[test]
    fn table_that_a_kernel_was_built_without_names_the_option() {
        let mesh: IfName = "bat0".parse().unwrap();

        let claims = refusal(refused(Errno::EOPNOTSUPP), BatadvCmd::GetBlaClaim, mesh.clone());
        let gateways = refusal(refused(Errno::EOPNOTSUPP), BatadvCmd::GetGateways, mesh);

        assert_eq!(
            claims.to_string(),
            "cannot list the claims in bat0: this kernel's batman-adv was built without \
             CONFIG_BATMAN_ADV_BLA"
        );
        assert!(matches!(gateways, Error::Refused { errno: Errno::EOPNOTSUPP, .. }));
    }

    #[test]
    fn table_without_privilege_names_the_capability() {
        let refusal = refusal(refused(Errno::EPERM), BatadvCmd::GetDatCache, "b".parse().unwrap());

        assert!(refusal.to_string().contains("CAP_NET_ADMIN"), "{refusal}");
    }

    #[test]
    fn every_dump_of_a_mesh_has_a_request_of_its_own() {
        let dumps = BatadvCmd::KNOWN.iter().filter(|&&command| {
            !matches!(request(command, "b".parse().unwrap()), Request::Table(..))
        });

        assert_eq!(dumps.count(), 10);
    }
}
