//! A socket to which the kernel tells things unasked.

use std::io;

use netlink_sys::{AsyncSocket, AsyncSocketExt, SocketAddr, TokioSocket};

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
}

impl Listener {
    /// Listens to the groups that this mask has, of the first 32.
    pub(super) fn open(protocol: isize, groups: u32) -> io::Result<Self> {
        let mut socket = TokioSocket::new(protocol)?;
        socket.socket_mut().bind(&SocketAddr::new(KERNEL, groups))?;
        Ok(Self { socket, datagram: Vec::with_capacity(DATAGRAM) })
    }

    /// Listens to a group of any number too.
    pub(super) fn join(&self, group: u32) -> io::Result<()> {
        self.socket.socket_ref().add_membership(group)
    }

    /// Waits for the next datagram of the kernel's. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> io::Result<Told<'_>> {
        loop {
            self.datagram.clear();
            match self.socket.recv_from(&mut self.datagram).await {
                Ok(from) if from.port_number() == KERNEL => break,
                Ok(_) => {}
                Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS.0) => {
                    return Ok(Told::Missed);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Told::Datagram(&self.datagram))
    }
}
