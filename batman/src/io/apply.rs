//! Taking steps.

use super::{Kernel, error, exchange::Failure};
use crate::{
    Errno, Error, IfName, Request, Result, Setting, Step,
    codec::{BatadvAttr, BatadvCmd, VlanNumber},
};

impl Kernel {
    /// Takes one step. Whether it had the wanted effect is for the next observation to tell.
    ///
    /// # Errors
    /// The kernel's refusal, with the step that it refused. Creating a mesh device is what finds
    /// out that a kernel has no batman-adv.
    pub async fn apply(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::CreateMesh { mesh, algorithm } => self.create(step, mesh, *algorithm).await,
            Step::DeleteMesh { mesh, .. } => self.delete(step, mesh).await,
            Step::Rename { link, to } => self.rename(step, link, to).await,
            Step::SetUp { link } => self.set_up(step, link).await,
            Step::SetAddress { link, address } => self.set_address(step, link, *address).await,
            Step::SetMtu { link, mtu } => self.set_mtu(step, link, *mtu).await,
            Step::Attach { link, mesh } => self.attach(step, link, mesh).await,
            Step::Detach { link, .. } => self.detach(step, link).await,
            Step::Set { mesh, setting } => {
                self.set_setting(step, BatadvCmd::SetMesh, mesh, None, setting).await
            }
            Step::SetHardInterface { mesh, link, setting } => {
                let index = self.index(step, link).await?;
                let place = BatadvAttr::HardIfindex(index);
                self.set_setting(step, BatadvCmd::SetHardif, mesh, Some(place), setting).await
            }
            Step::SetVlan { mesh, vlan, setting } => {
                let place = BatadvAttr::VlanId(VlanNumber(vlan.number()));
                self.set_setting(step, BatadvCmd::SetVlan, mesh, Some(place), setting).await
            }
            Step::CreateVlan { mesh, vlan, link } => {
                self.create_vlan(step, mesh, *vlan, link).await
            }
            Step::CreateBridge { bridge } => self.create_bridge(step, bridge).await,
            Step::AddPort { port, bridge } => self.add_port(step, port, bridge).await,
            Step::AddAddress { link, address } => self.add_address(step, link, *address).await,
            Step::AddLinkLocal { link } => self.add_link_local(step, link).await,
            Step::RemoveAddress { link, address, .. } => {
                self.remove_address(step, link, *address).await
            }
        }
    }

    async fn set_setting(
        &mut self,
        step: &Step,
        command: BatadvCmd,
        mesh: &IfName,
        place: Option<BatadvAttr>,
        setting: &Setting,
    ) -> Result<()> {
        let Some(attribute) = setting.attribute() else { return Err(refused(step, Errno::EINVAL)) };
        let Some(link) = self.existing_mesh(step, mesh).await? else {
            return Err(refused(step, Errno::ENODEV));
        };
        let more = place.into_iter().chain([attribute]);
        let question = self.family().await?.ask(command, link.index, more);
        let outcome = self.generic.change(question, 0).await;
        outcome.map_err(|failure| error(failure, Request::Step(step.clone())))
    }

    /// The number of a link that must be there.
    pub(super) async fn index(&mut self, step: &Step, link: &IfName) -> Result<u32> {
        let link = self.link(link).await?;
        link.map(|link| link.index.0).ok_or_else(|| refused(step, Errno::ENODEV))
    }
}

/// Finds that the kernel would refuse a step.
pub(super) fn refused(step: &Step, errno: Errno) -> Error {
    error(Failure::Refused { errno, reason: None }, Request::Step(step.clone()))
}
