//! Large tables as they come, for a program that asks once and ends.

use std::{
    future::Future,
    io,
    pin::pin,
    task::{Context, Poll, Waker},
};

use netlink_packet_core::NLM_F_DUMP;
use netlink_packet_generic::constants::GENL_HDRLEN;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_GENERIC};
use nix::net::if_::if_nametoindex;

use super::{
    Streamed,
    exchange::{Datagrams, Exchange, Failure, KERNEL, Steadiness},
    family,
    tables::{refusal, request},
};
use crate::{
    Errno, Error, IfIndex, IfName, Result,
    codec::{Attributes, BatadvCmd},
};

/// Hands the rows of a table over as the kernel tells them, without making anything of them first,
/// and needs no runtime: it returns when the table has ended. It is asked for once, as by
/// [`Kernel::stream`](crate::Kernel::stream).
///
/// # Errors
/// As [`Kernel::stream`](crate::Kernel::stream), but a link that is no mesh device is what the
/// kernel says of it.
pub fn stream_now(
    mesh: &IfName,
    command: BatadvCmd,
    row: &mut dyn FnMut(Attributes<'_>),
) -> Result<Streamed> {
    let mut streaming = pin!(stream(mesh, command, row));
    let mut context = Context::from_waker(Waker::noop());
    loop {
        // A socket that waits by itself never leaves it to others.
        if let Poll::Ready(outcome) = streaming.as_mut().poll(&mut context) {
            return outcome;
        }
    }
}

async fn stream(
    mesh: &IfName,
    command: BatadvCmd,
    row: &mut dyn FnMut(Attributes<'_>),
) -> Result<Streamed> {
    let request = || request(command, mesh.clone());
    let absent = |_| Error::Refused { request: request(), errno: Errno::ENODEV, reason: None };
    let index = if_nametoindex(mesh.as_str()).map_err(absent)?;
    let opened = Exchange::<Waiting>::open(NETLINK_GENERIC);
    let mut exchange = opened.map_err(|source| Error::Socket { request: request(), source })?;
    let question = family::find(&mut exchange).await?.ask(command, IfIndex(index), []);
    let dumped = exchange.bytes(question, NLM_F_DUMP, |bytes| {
        row(Attributes::new(bytes.get(GENL_HDRLEN..).unwrap_or_default()));
    });
    match dumped.await {
        Ok(steadiness) => {
            Ok(Streamed { left_out: 0, changed: steadiness == Steadiness::Interrupted })
        }
        // A mesh without an active hard interface: its tables are empty.
        Err(Failure::Refused { errno: Errno::ENOENT, .. }) => Ok(Streamed::default()),
        Err(failure) => Err(refusal(failure, command, mesh.clone())),
    }
}

/// A socket whose calls return when they are done.
struct Waiting(Socket);

impl Datagrams for Waiting {
    fn open(protocol: isize) -> io::Result<Self> {
        let socket = Socket::new(protocol)?;
        socket.set_ext_ack(true)?;
        socket.set_cap_ack(true)?;
        Ok(Self(socket))
    }

    async fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        self.0.send_to(datagram, &SocketAddr::new(KERNEL, 0), 0).map(drop)
    }

    async fn receive(&mut self, datagram: &mut Vec<u8>) -> io::Result<u32> {
        self.0.recv_from(datagram, 0).map(|(_, from)| from.port_number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_a_link_that_is_not_there_is_refused_at_once() {
        let nowhere = "nowhere0".parse().unwrap();

        let refusal = stream_now(&nowhere, BatadvCmd::GetOriginators, &mut |_| {}).unwrap_err();

        assert!(matches!(refusal, Error::Refused { errno: Errno::ENODEV, .. }), "{refusal}");
    }
}
