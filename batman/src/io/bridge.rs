//! Bridges, their ports, and VLANs' links, over rtnetlink.

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::{RouteNetlinkMessage, link::LinkMessage};
use rtnetlink::{LinkBridge, LinkMessageBuilder, LinkUnspec, LinkVlan};

use super::{Kernel, error};
use crate::{IfName, Request, Result, Step, VlanId};

impl Kernel {
    pub(super) async fn create_bridge(&mut self, step: &Step, bridge: &IfName) -> Result<()> {
        self.create_link(step, LinkMessageBuilder::<LinkBridge>::new(bridge.as_str()).build()).await
    }

    pub(super) async fn create_vlan(
        &mut self,
        step: &Step,
        mesh: &IfName,
        vlan: VlanId,
        link: &IfName,
    ) -> Result<()> {
        let mesh = self.index(step, mesh).await?;
        self.create_link(step, LinkVlan::new(link.as_str(), mesh, vlan.number()).build()).await
    }

    pub(super) async fn add_port(
        &mut self,
        step: &Step,
        port: &IfName,
        bridge: &IfName,
    ) -> Result<()> {
        let bridge = self.index(step, bridge).await?;
        self.set(step, LinkUnspec::new_with_name(port.as_str()).controller(bridge).build()).await
    }

    async fn create_link(&mut self, step: &Step, link: LinkMessage) -> Result<()> {
        let question = RouteNetlinkMessage::NewLink(link);
        let outcome = self.route.change(question, NLM_F_CREATE | NLM_F_EXCL).await;
        outcome.map_err(|failure| error(failure, Request::Step(step.clone())))
    }
}
