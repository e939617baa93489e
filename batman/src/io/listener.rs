//! A socket to which the kernel tells things unasked.

use std::{
    future::poll_fn,
    io,
    task::{Context, Poll, ready},
};

use netlink_sys::{AsyncSocket, SocketAddr, TokioSocket};

use super::exchange::{DATAGRAM, KERNEL};
use crate::Errno;

/// What came.
pub(super) enum Told<'a> {
    Datagram(&'a [u8]),
    /// More was told than was read in time, and is lost.
    Missed,
}

pub(super) struct Listener {
    socket: TokioSocket,
    datagram: Vec<u8>,
    has_missed: bool,
}

impl Listener {
    /// Listens to the groups that this mask has, of the first 32.
    pub(super) fn open(protocol: isize, groups: u32) -> io::Result<Self> {
        let mut socket = TokioSocket::new(protocol)?;
        socket.socket_mut().bind(&SocketAddr::new(KERNEL, groups))?;
        Ok(Self { socket, datagram: Vec::with_capacity(DATAGRAM), has_missed: false })
    }

    /// Listens to a group of any number too.
    pub(super) fn join(&self, group: u32) -> io::Result<()> {
        self.socket.socket_ref().add_membership(group)
    }

    /// Waits for the next datagram of the kernel's. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> io::Result<Told<'_>> {
        poll_fn(|cx| self.poll(cx)).await?;
        Ok(self.told())
    }

    /// Looks whether the kernel told anything; if so, [`Self::told`] is it.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            self.datagram.clear();
            match ready!(self.socket.poll_recv_from(cx, &mut self.datagram)) {
                Ok(from) if from.port_number() == KERNEL => self.has_missed = false,
                Ok(_) => continue,
                Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS.0) => {
                    self.has_missed = true;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
            return Poll::Ready(Ok(()));
        }
    }

    /// Returns what was told last.
    pub(super) fn told(&self) -> Told<'_> {
        if self.has_missed { Told::Missed } else { Told::Datagram(&self.datagram) }
    }
}
