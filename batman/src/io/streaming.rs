//! Large tables as they come, for who wants to look at them once.

use netlink_packet_core::NLM_F_DUMP;
use netlink_packet_generic::constants::GENL_HDRLEN;
use nix::net::if_::if_nametoindex;

use super::{
    Kernel, Streamed,
    exchange::{Failure, Steadiness},
    tables::{refusal, request},
};
use crate::{
    Errno, IfIndex, IfName, Result,
    codec::{Attributes, BatadvCmd},
};

impl Kernel {
    /// Hands the rows of a table over as the kernel tells them, without making anything of them first. It is asked for once, as by
    /// [`Kernel::stream`].
    ///
    /// # Errors
    /// As [`Kernel::stream`].
    pub async fn stream_attributes(
        &mut self,
        mesh: &IfName,
        command: BatadvCmd,
        mut row: impl FnMut(Attributes<'_>),
    ) -> Result<Streamed> {
        // A link that is no mesh is refused by the kernel too; it is looked at when there is something to explain.
        let Ok(index) = if_nametoindex(mesh.as_str()) else {
            let link = self.mesh_link(mesh, |mesh| request(command, mesh)).await?;
            // It came after it was asked for.
            let gone = Failure::Refused { errno: Errno::ENODEV, reason: None };
            return Err(refusal(gone, command, link.name));
        };
        let question = self.family().await?.ask(command, IfIndex(index), []);
        let dumped = self.generic.bytes(question, NLM_F_DUMP, |bytes| {
            row(Attributes::new(bytes.get(GENL_HDRLEN..).unwrap_or_default()));
        });
        match dumped.await {
            Ok(steadiness) => {
                Ok(Streamed { left_out: 0, changed: steadiness == Steadiness::Interrupted })
            }
            // A mesh without an active hard interface: its tables are empty.
            Err(Failure::Refused { errno: Errno::ENOENT, .. }) => Ok(Streamed::default()),
            Err(failure) => {
                self.mesh_link(mesh, |mesh| request(command, mesh)).await?;
                Err(refusal(failure, command, mesh.clone()))
            }
        }
    }
}
