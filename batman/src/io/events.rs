//! Changes to links, as the kernel tells them (RTNLGRP_LINK).

use std::{
    future::poll_fn,
    io,
    task::{Context, Poll},
};

use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::{RouteNetlinkMessage, link::LinkMessage};
use netlink_sys::{AsyncSocket, SocketAddr, TokioSocket, protocols::NETLINK_ROUTE};
use rtnetlink::MulticastGroup;

use super::exchange::{DATAGRAM, Frames, KERNEL};
use crate::{Errno, Error, IfName, Link, Request, Result};

/// How many events are handed over at once; what is beyond comes with the next call.
const BURST: usize = 64;

/// A change to a link. What the link is like now is for an observation to tell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A link appeared, or something about it changed.
    Changed(IfName),
    /// A link is gone.
    Gone(IfName),
    /// Something happened and it is not known to which link: more was told than was read in time,
    /// or what was told could not be read.
    Missed,
}

/// The changes to links since it was opened.
pub struct Events {
    socket: TokioSocket,
    datagram: Vec<u8>,
}

impl Events {
    pub(super) fn open() -> io::Result<Self> {
        let mut socket = TokioSocket::new(NETLINK_ROUTE)?;
        let group = 1 << (MulticastGroup::Link as u32 - 1);
        socket.socket_mut().bind(&SocketAddr::new(KERNEL, group))?;
        Ok(Self { socket, datagram: Vec::with_capacity(DATAGRAM) })
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
            self.datagram.clear();
            match self.socket.poll_recv_from(cx, &mut self.datagram) {
                Poll::Ready(Ok(from)) if from.port_number() == KERNEL => {
                    for frame in Frames(&self.datagram) {
                        note(&mut burst, frame.map_or(Event::Missed, |frame| read(frame.bytes)));
                    }
                }
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) if error.raw_os_error() == Some(Errno::ENOBUFS.0) => {
                    note(&mut burst, Event::Missed);
                }
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
            name(&message).map(Event::Gone)
        }
        _ => None,
    };
    event.unwrap_or(Event::Missed)
}
