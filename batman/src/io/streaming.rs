//! Large tables as they come, for a program that asks once and ends.

use std::{
    future::Future,
    io,
    pin::pin,
    task::{Context, Poll, Waker},
};

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_GENERIC};
use nix::net::if_::if_nametoindex;

use super::{
    Streamed,
    exchange::{Datagrams, Exchange, KERNEL},
    family, rows,
    tables::{refusal, request},
};
use crate::{
    Errno, Error, IfIndex, IfName, Request, Result,
    codec::{Attributes, BatadvCmd},
};

/// Hands the rows of a table over as the kernel tells them, without making anything of them first,
/// and needs no runtime: it returns when the table has ended. `row` tells whether it could read one,
/// else that one counts as left out. It is asked for once, as by
/// [`Kernel::stream`](crate::Kernel::stream).
///
/// # Errors
/// As [`Kernel::stream`](crate::Kernel::stream), but a link that is no mesh device is what the
/// kernel says of it.
pub fn stream_now(
    mesh: &IfName,
    command: BatadvCmd,
    row: &mut dyn FnMut(Attributes<'_>) -> bool,
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
    row: &mut dyn FnMut(Attributes<'_>) -> bool,
) -> Result<Streamed> {
    let request = || request(command, mesh.clone());
    let index = if_nametoindex(mesh.as_str()).map_err(|errno| unknown(request(), errno))?;
    let opened = Exchange::<Waiting>::open(NETLINK_GENERIC);
    let mut exchange = opened.map_err(|source| Error::Socket { request: request(), source })?;
    let question = family::find(&mut exchange).await?.ask(command, IfIndex(index), []);
    let streamed = rows::unread(&mut exchange, question, row).await;
    streamed.map_err(|failure| refusal(failure, command, mesh.clone()))
}

/// A name without a number is not always that of no link: the question may have failed.
fn unknown(request: Request, errno: nix::errno::Errno) -> Error {
    Error::Refused { request, errno: Errno(errno as i32), reason: None }
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

        let refusal = stream_now(&nowhere, BatadvCmd::GetOriginators, &mut |_| true).unwrap_err();

        assert!(matches!(refusal, Error::Refused { errno: Errno::ENODEV, .. }), "{refusal}");
    }

    #[test]
    fn question_for_a_number_fails_with_its_own_errno() {
        let refusal = unknown(Request::Links, nix::errno::Errno::EMFILE);

        assert!(matches!(refusal, Error::Refused { errno: Errno(24), .. }), "{refusal}");
    }
}
