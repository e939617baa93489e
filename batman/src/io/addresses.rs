//! Addresses of links, over rtnetlink.

use std::net::IpAddr;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{
        AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressProtocol,
    },
};

use super::{
    ATTEMPTS, Kernel, ROWS,
    apply::refused,
    error,
    exchange::{Failure, Steadiness},
};
use crate::{Address, Errno, Error, IfIndex, IfName, LinkAddress, Request, Result, Step};

/// What the kernel keeps as the origin of the addresses that are added here (IFA_PROTO, Linux 5.18):
/// a number beside the kernel's own and those of others (include/uapi/linux/if_addr.h). An older
/// kernel keeps none, and nothing is ever removed there.
const OURS: AddressProtocol = AddressProtocol::Other(0xba);

impl Kernel {
    /// Lists the addresses of these links.
    pub(super) async fn addresses(&mut self, links: &[IfIndex]) -> Result<Vec<LinkAddress>> {
        for _ in 0..ATTEMPTS {
            let mut addresses = Vec::new();
            let question = RouteNetlinkMessage::GetAddress(AddressMessage::default());
            let dumped = self.route.dump(question, |message| {
                let Ok(RouteNetlinkMessage::NewAddress(message)) = message else { return };
                let address = read(&message).filter(|address| links.contains(&address.link));
                addresses.extend(address.filter(|_| addresses.len() < ROWS));
            });
            match dumped.await.map_err(|failure| error(failure, Request::Addresses))? {
                Steadiness::Steady => return Ok(addresses),
                Steadiness::Interrupted => {}
            }
        }
        Err(Error::Unsteady { request: Request::Addresses, attempts: ATTEMPTS })
    }

    pub(super) async fn add_address(
        &mut self,
        step: &Step,
        link: &IfName,
        address: Address,
    ) -> Result<()> {
        let link = IfIndex(self.index(step, link).await?);
        let question = RouteNetlinkMessage::NewAddress(message(link, address));
        let outcome = self.route.change(question, NLM_F_CREATE | NLM_F_EXCL).await;
        if matches!(outcome, Err(Failure::Refused { errno: Errno::EEXIST, .. })) {
            // IPv6 says the same of one that is there with another prefix.
            let there = self.addresses(&[link]).await?;
            if there.iter().any(|there| there.address == address) {
                return Ok(());
            }
        }
        outcome.map_err(|failure| error(failure, Request::Step(step.clone())))
    }

    /// The kernel mostly makes one by itself when the link comes up, but not where it was told to
    /// leave that (addrgenmode).
    pub(super) async fn add_link_local(&mut self, step: &Step, name: &IfName) -> Result<()> {
        let Some(link) = self.link(name).await? else { return Err(refused(step, Errno::ENODEV)) };
        let there = self.addresses(&[link.index]).await?;
        let address = link.address.map(Address::link_local);
        match address {
            _ if there.iter().any(LinkAddress::is_usable_link_local) => Ok(()),
            Some(address) => self.add_address(step, name, address).await,
            None => Err(refused(step, Errno::EADDRNOTAVAIL)),
        }
    }

    pub(super) async fn remove_address(
        &mut self,
        step: &Step,
        link: &IfName,
        address: Address,
    ) -> Result<()> {
        let link = IfIndex(self.index(step, link).await?);
        let question = RouteNetlinkMessage::DelAddress(message(link, address));
        match self.route.change(question, 0).await {
            Err(Failure::Refused { errno: Errno::EADDRNOTAVAIL, .. }) => Ok(()),
            outcome => outcome.map_err(|failure| error(failure, Request::Step(step.clone()))),
        }
    }
}

fn message(link: IfIndex, address: Address) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.index = link.0;
    message.header.prefix_len = address.prefix();
    message.header.family =
        if address.ip().is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    message.attributes.push(AddressAttribute::Local(address.ip()));
    message.attributes.push(AddressAttribute::Address(address.ip()));
    if let (IpAddr::V4(ip), false) = (address.ip(), address.prefix() >= 31) {
        let hosts = u32::MAX.checked_shr(address.prefix().into()).unwrap_or(0);
        let broadcast = (u32::from(ip) | hosts).into();
        message.attributes.push(AddressAttribute::Broadcast(broadcast));
    }
    message.attributes.push(AddressAttribute::Protocol(OURS));
    message
}

/// Reads an address; nothing for what is no address of a host.
fn read(message: &AddressMessage) -> Option<LinkAddress> {
    let find = |wanted: fn(&AddressAttribute) -> Option<IpAddr>| {
        message.attributes.iter().find_map(wanted)
    };
    // On a point-to-point link IFA_ADDRESS is the other end's.
    let local = find(|a| if let AddressAttribute::Local(ip) = a { Some(*ip) } else { None });
    let ip = local.or_else(|| {
        find(|a| if let AddressAttribute::Address(ip) = a { Some(*ip) } else { None })
    })?;
    let has_failed = |attribute: &AddressAttribute| match attribute {
        AddressAttribute::Flags(flags) => flags.contains(AddressFlags::Dadfailed),
        _ => false,
    };
    Some(LinkAddress {
        link: IfIndex(message.header.index),
        address: Address::new(ip, message.header.prefix_len)?,
        is_ours: message.attributes.contains(&AddressAttribute::Protocol(OURS)),
        is_duplicate: message.header.flags.contains(AddressHeaderFlags::Dadfailed)
            || message.attributes.iter().any(has_failed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_read_as_it_was_written() {
        for text in ["10.0.0.1/24", "10.0.0.1/31", "10.0.0.1/1", "fd00::1/64"] {
            let address = text.parse().unwrap();

            let read = read(&message(IfIndex(7), address));

            let expected =
                LinkAddress { link: IfIndex(7), address, is_ours: true, is_duplicate: false };
            assert_eq!(read, Some(expected), "{text}");
        }
    }

    #[test]
    fn broadcast_is_the_last_of_the_network() {
        let message = message(IfIndex(7), "10.1.2.3/20".parse().unwrap());

        let broadcast = AddressAttribute::Broadcast([10, 1, 15, 255].into());
        assert!(message.attributes.contains(&broadcast));
    }

    #[test]
    fn address_that_somebody_else_has_too_is_told_apart() {
        for (flags, is_duplicate) in [
            (AddressFlags::Permanent, false),
            (AddressFlags::Permanent | AddressFlags::Tentative, false),
            (AddressFlags::Permanent | AddressFlags::Dadfailed, true),
        ] {
            let mut message = message(IfIndex(7), "fd00::1/64".parse().unwrap());
            message.attributes.push(AddressAttribute::Flags(flags));

            assert_eq!(read(&message).unwrap().is_duplicate, is_duplicate, "{flags:?}");
        }
    }

    #[test]
    fn address_without_our_mark_is_anothers() {
        let mut message = message(IfIndex(7), "10.0.0.1/24".parse().unwrap());
        message.attributes.retain(|a| !matches!(a, AddressAttribute::Protocol(_)));

        assert!(!read(&message).unwrap().is_ours);
        message.header.prefix_len = 99;
        assert_eq!(read(&message), None, "a prefix longer than the address");
    }
}
