//! Changes to links and their addresses, as the kernel tells them (RTNLGRP_LINK and
//! RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR).

use std::{
    future::poll_fn,
    io,
    task::{Context, Poll},
};

use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage, link::LinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use rtnetlink::MulticastGroup;

use super::exchange::Frames;
use super::listener::{Listener, Told};
use crate::{Error, IfIndex, IfName, Link, Request, Result};

/// How many events are handed over at once; what is beyond comes with the next call.
const BURST: usize = 64;

/// A change to a link or its addresses. What the link is like now is for an observation to tell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A link appeared, or something about it changed.
    Changed(IfName),
    /// A link is gone.
    Gone(IfName),
    /// An address of a link appeared, changed or is gone.
    Addresses(IfIndex),
    /// Something happened and it is not known to which link: more was told than was read in time,
    /// or what was told could not be read.
    Missed,
}

/// The changes to links since it was opened.
pub struct Events {
    listener: Listener,
}

impl Events {
    pub(super) fn open() -> io::Result<Self> {
        let groups = [MulticastGroup::Link, MulticastGroup::Ipv4Ifaddr, MulticastGroup::Ipv6Ifaddr];
        let mask = groups.iter().fold(0, |mask, group| mask | 1 << (*group as u32 - 1));
        Ok(Self { listener: Listener::open(NETLINK_ROUTE, mask)? })
    }

    /// Waits until links changed and returns everything that happened, in order, without
    /// repetitions. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Only if the socket fails; being too slow for the kernel is [`Event::Missed`].
    pub async fn next(&mut self) -> Result<Vec<Event>> {
        let burst = poll_fn(|cx| self.poll_burst(cx)).await;
        burst.map_err(|source| Error::Socket { request: Request::Events, source })
    }

    fn poll_burst(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Vec<Event>>> {
        let mut burst = Vec::new();
        while burst.len() < BURST {
            match self.listener.poll(cx) {
                Poll::Ready(Ok(())) => match self.listener.told() {
                    Told::Datagram(datagram) => {
                        for frame in Frames(datagram) {
                            note(&mut burst, frame.map_or(Event::Missed, |it| read(it.bytes)));
                        }
                    }
                    Told::Missed => note(&mut burst, Event::Missed),
                },
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if burst.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(Ok(burst))
    }
}

fn note(burst: &mut Vec<Event>, event: Event) {
    if !burst.contains(&event) {
        burst.push(event);
    }
}

fn read(frame: &[u8]) -> Event {
    let name = |message: &LinkMessage| Link::try_from(message).ok().map(|link| link.name);
    let payload = NetlinkMessage::<RouteNetlinkMessage>::deserialize(frame).map(|m| m.payload);
    let event = match payload {
        Ok(NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(message))) => {
            name(&message).map(Event::Changed)
        }
        Ok(NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelLink(message))) => {
            // A bridge tells so of a port that leaves it (br_ifinfo_notify in net/bridge/br_netlink.c).
            let is_port = message.header.interface_family == AddressFamily::Bridge;
            name(&message).map(if is_port { Event::Changed } else { Event::Gone })
        }
        Ok(NetlinkPayload::InnerMessage(
            RouteNetlinkMessage::NewAddress(message) | RouteNetlinkMessage::DelAddress(message),
        )) => Some(Event::Addresses(IfIndex(message.header.index))),
        _ => None,
    };
    event.unwrap_or(Event::Missed)
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::NetlinkHeader;
    use netlink_packet_route::link::LinkAttribute;
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn frame(message: RouteNetlinkMessage) -> Vec<u8> {
        let payload = NetlinkPayload::InnerMessage(message);
        let mut message = NetlinkMessage::new(NetlinkHeader::default(), payload);
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        bytes
    }

    fn link(name: &str) -> LinkMessage {
        let mut message = LinkMessage::default();
        message.attributes = vec![LinkAttribute::IfName(name.to_owned())];
        message
    }

    #[test]
    fn event_names_its_link() {
        let bat0: IfName = "bat0".parse().unwrap();
        let changed = frame(RouteNetlinkMessage::NewLink(link("bat0")));
        let gone = frame(RouteNetlinkMessage::DelLink(link("bat0")));

        assert_eq!(read(&changed), Event::Changed(bat0.clone()));
        assert_eq!(read(&gone), Event::Gone(bat0));
    }

    #[test]
    fn port_that_leaves_its_bridge_is_not_gone() {
        let mut port = link("eth1");
        port.header.interface_family = AddressFamily::Bridge;

        let left = frame(RouteNetlinkMessage::DelLink(port));

        assert_eq!(read(&left), Event::Changed("eth1".parse().unwrap()));
    }

    #[test]
    fn event_that_cannot_be_read_is_one_that_was_missed() {
        let nameless = frame(RouteNetlinkMessage::NewLink(LinkMessage::default()));

        assert_eq!(read(&nameless), Event::Missed);
        assert_eq!(read(&[]), Event::Missed);
    }

    #[test]
    fn burst_tells_each_thing_once() {
        let mut burst = Vec::new();

        for event in [Event::Missed, Event::Changed("lo".parse().unwrap()), Event::Missed] {
            note(&mut burst, event);
        }

        assert_eq!(burst, [Event::Missed, Event::Changed("lo".parse().unwrap())]);
    }

    proptest! {
        #[test]
        fn no_event_makes_the_reader_panic(bytes in vec(any::<u8>(), 0..128)) {
            let _ = read(&bytes);
        }
    }
}
