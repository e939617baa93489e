//! Links, over rtnetlink.

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{LinkAttribute, LinkExtentMask, LinkMessage},
};
use rtnetlink::{LinkBatAdv, LinkUnspec};

use super::{
    ATTEMPTS, Kernel, ROWS, error,
    exchange::{Failure, Steadiness},
};
use crate::{
    Errno, Error, IfIndex, IfName, Link, MacAddr, Mtu, Request, Result, RoutingAlgorithm, Step,
    Wanted, mesh::relevant,
};

impl Kernel {
    /// Lists the links that have to do with the wanted mesh, and says how many could not be read.
    pub(super) async fn links(&mut self, wanted: &Wanted) -> Result<(Vec<Link>, usize)> {
        for _ in 0..ATTEMPTS {
            let (mut links, mut left_out) = (Vec::new(), 0);
            let question = RouteNetlinkMessage::GetLink(without_statistics());
            let dumped = self.route.dump(question, |message| {
                let link = match message {
                    Ok(RouteNetlinkMessage::NewLink(message)) => Link::try_from(&message).ok(),
                    _ => None,
                };
                match link {
                    Some(link) if links.len() < ROWS => links.push(link),
                    _ => left_out += 1,
                }
            });
            match dumped.await.map_err(|failure| error(failure, Request::Links))? {
                Steadiness::Steady => return Ok((relevant(links, wanted), left_out)),
                Steadiness::Interrupted => {}
            }
        }
        Err(Error::Unsteady { request: Request::Links, attempts: ATTEMPTS })
    }

    pub(super) async fn link(&mut self, name: &IfName) -> Result<Option<Link>> {
        let request = || Request::Link(name.clone());
        let mut message = without_statistics();
        message.attributes.push(LinkAttribute::IfName(name.to_string()));
        let answer = match self.route.read(RouteNetlinkMessage::GetLink(message)).await {
            Err(Failure::Refused { errno: Errno::ENODEV, .. }) => return Ok(None),
            answer => answer.map_err(|failure| error(failure, request()))?,
        };
        let Some(RouteNetlinkMessage::NewLink(message)) = answer else { return Ok(None) };
        let link = Link::try_from(&message);
        link.map(Some).map_err(|source| Error::Incomplete { request: request(), source })
    }

    /// The mesh device of this name, if there is one and it is one.
    pub(super) async fn existing_mesh(
        &mut self,
        step: &Step,
        mesh: &IfName,
    ) -> Result<Option<Link>> {
        let link = self.link(mesh).await?;
        if link.as_ref().is_some_and(|link| !link.is_mesh()) {
            let request = Request::Step(step.clone());
            return Err(Error::NotAMesh { request, link: mesh.clone() });
        }
        Ok(link)
    }

    pub(super) async fn create(
        &mut self,
        step: &Step,
        mesh: &IfName,
        algorithm: RoutingAlgorithm,
    ) -> Result<()> {
        let device = LinkBatAdv::new(mesh.as_str()).algo_name(algorithm.to_string()).build();
        let question = RouteNetlinkMessage::NewLink(device);
        match self.route.change(question, NLM_F_CREATE | NLM_F_EXCL).await {
            Err(Failure::Refused { errno: Errno::EOPNOTSUPP, .. }) => Err(Error::NoBatmanAdv),
            outcome => outcome.map_err(|failure| error(failure, Request::Step(step.clone()))),
        }
    }

    pub(super) async fn delete(&mut self, step: &Step, mesh: &IfName) -> Result<()> {
        let Some(device) = self.existing_mesh(step, mesh).await? else { return Ok(()) };
        let device = LinkUnspec::new_with_index(device.index.0).build();
        match self.route.change(RouteNetlinkMessage::DelLink(device), 0).await {
            Err(Failure::Refused { errno: Errno::ENODEV, .. }) => Ok(()),
            outcome => outcome.map_err(|failure| error(failure, Request::Step(step.clone()))),
        }
    }

    pub(super) async fn set_up(&mut self, step: &Step, link: &IfName) -> Result<()> {
        self.set(step, LinkUnspec::new_with_name(link.as_str()).up().build()).await
    }

    pub(super) async fn rename(&mut self, step: &Step, link: &IfName, to: &IfName) -> Result<()> {
        let index = self.index(step, link).await?;
        let change = || LinkUnspec::new_with_index(index);
        let named = || change().name(to.to_string());
        match self.set(step, named().build()).await {
            // Before Linux 6.2 only a link that is down can be renamed (dev_change_name in net/core/dev.c).
            Err(Error::Refused { errno: Errno::EBUSY, .. }) => {
                self.set(step, change().down().build()).await?;
                self.set(step, named().up().build()).await
            }
            outcome => outcome,
        }
    }

    pub(super) async fn attach(&mut self, step: &Step, link: &IfName, mesh: &IfName) -> Result<()> {
        let Some(Link { index: IfIndex(mesh), .. }) = self.existing_mesh(step, mesh).await? else {
            let request = Request::Step(step.clone());
            return Err(Error::Refused { request, errno: Errno::ENODEV, reason: None });
        };
        self.set(step, LinkUnspec::new_with_name(link.as_str()).controller(mesh).build()).await
    }

    pub(super) async fn detach(&mut self, step: &Step, link: &IfName) -> Result<()> {
        self.set(step, LinkUnspec::new_with_name(link.as_str()).nocontroller().build()).await
    }

    pub(super) async fn set_mtu(&mut self, step: &Step, link: &IfName, mtu: Mtu) -> Result<()> {
        self.set(step, LinkUnspec::new_with_name(link.as_str()).mtu(mtu.bytes()).build()).await
    }

    pub(super) async fn set_address(
        &mut self,
        step: &Step,
        link: &IfName,
        MacAddr(octets): MacAddr,
    ) -> Result<()> {
        let link = LinkUnspec::new_with_name(link.as_str()).address(octets.into()).build();
        self.set(step, link).await
    }

    pub(super) async fn set(&mut self, step: &Step, link: LinkMessage) -> Result<()> {
        let outcome = self.route.change(RouteNetlinkMessage::SetLink(link), 0).await;
        outcome.map_err(|failure| error(failure, Request::Step(step.clone())))
    }
}

/// Counters make up most of a link's message and are of no use here.
fn without_statistics() -> LinkMessage {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
    message
}
