//! What batman-adv tells, over its generic netlink family.

use netlink_packet_generic::{
    GenlFamily, GenlMessage,
    ctrl::{GenlCtrl, GenlCtrlCmd, nlas::GenlCtrlAttrs},
};

use super::{
    ATTEMPTS, BatadvFrame, Kernel, ROWS, error,
    exchange::{Failure, Steadiness},
};
use crate::{
    Errno, Error, HardInterface, IfName, Incomplete, Link, MeshDevice, Neighbour, Originator,
    Request, Result, Seen,
    codec::{BatadvAttr, BatadvCmd, BatadvMessage},
};

/// The number that the kernel gave the family when batman-adv was loaded.
#[derive(Clone, Copy)]
pub(super) struct Family(u16);

/// A table of a mesh: what to ask for, and how to call that when it goes wrong.
pub(super) struct Table<R> {
    command: BatadvCmd,
    request: fn(IfName) -> Request,
    read: fn(&BatadvMessage) -> Result<R, Incomplete>,
}

pub(super) const HARD_INTERFACES: Table<HardInterface> = Table {
    command: BatadvCmd::GetHardif,
    request: Request::HardInterfaces,
    read: |message| message.try_into(),
};

pub(super) const NEIGHBOURS: Table<Neighbour> = Table {
    command: BatadvCmd::GetNeighbors,
    request: Request::Neighbours,
    read: |message| message.try_into(),
};

pub(super) const ORIGINATORS: Table<Originator> = Table {
    command: BatadvCmd::GetOriginators,
    request: Request::Originators,
    read: |message| message.try_into(),
};

impl Kernel {
    /// Finds the family. It gets a new number whenever the module is loaded, so none is kept.
    pub(super) async fn family(&mut self) -> Result<Family> {
        let name = BatadvMessage::family_name().to_owned();
        let question =
            GenlCtrl { cmd: GenlCtrlCmd::GetFamily, nlas: vec![GenlCtrlAttrs::FamilyName(name)] };
        let answer = match self.generic.read(GenlMessage::from_payload(question)).await {
            Err(Failure::Refused { errno: Errno::ENOENT, .. }) => return Err(Error::NoBatmanAdv),
            answer => answer.map_err(|failure| error(failure, Request::Family))?,
        };
        let attributes = answer.into_iter().flat_map(|answer| answer.payload.nlas);
        let mut numbers = attributes.filter_map(|attribute| match attribute {
            GenlCtrlAttrs::FamilyId(number) => Some(Family(number)),
            _ => None,
        });
        numbers.next().ok_or(Error::Incomplete {
            request: Request::Family,
            source: Incomplete::Absent("CTRL_ATTR_FAMILY_ID"),
        })
    }

    pub(super) async fn mesh(&mut self, family: Family, mesh: &Link) -> Result<MeshDevice> {
        let request = || Request::Mesh(mesh.name.clone());
        let question = question(family, BatadvCmd::GetMesh, mesh);
        let answer = self.generic.read(question).await;
        let answer = answer.map_err(|failure| error(failure, request()))?;
        let device = answer
            .ok_or(Incomplete::Absent("message"))
            .and_then(|answer| MeshDevice::read(&answer.payload, mesh.up));
        device.map_err(|source| Error::Incomplete { request: request(), source })
    }

    /// Reads a table; says how many rows have been left out of `seen` by then.
    pub(super) async fn table<R>(
        &mut self,
        table: &Table<R>,
        family: Family,
        mesh: &Link,
        seen: &Seen,
    ) -> Result<(Vec<R>, usize)> {
        let request = || (table.request)(mesh.name.clone());
        for _ in 0..ATTEMPTS {
            let (mut rows, mut left_out) = (Vec::new(), seen.left_out);
            let question = question(family, table.command, mesh);
            let dumped = self.generic.dump(question, |message| {
                let row = message.ok().and_then(|m: BatadvFrame| (table.read)(&m.payload).ok());
                match row {
                    Some(row) if rows.len() < ROWS => rows.push(row),
                    _ => left_out += 1,
                }
            });
            match dumped.await {
                Ok(Steadiness::Interrupted) => {}
                // ENOENT is a mesh without an active hard interface: its tables are empty.
                Ok(Steadiness::Steady) | Err(Failure::Refused { errno: Errno::ENOENT, .. }) => {
                    return Ok((rows, left_out));
                }
                Err(failure) => return Err(error(failure, request())),
            }
        }
        Err(Error::Unsteady { request: request(), attempts: ATTEMPTS })
    }
}

fn question(Family(number): Family, command: BatadvCmd, mesh: &Link) -> BatadvFrame {
    let attributes = vec![BatadvAttr::MeshIfindex(mesh.index.0)];
    let mut message = GenlMessage::from_payload(BatadvMessage::new(command, attributes));
    message.set_resolved_family_id(number);
    message
}
