//! A link's frames as they are.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};

use batman::IfName;
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, bind, recv, send, setsockopt,
    socket, sockopt::ReceiveTimeout,
};
use nix::sys::time::TimeVal;

/// The longest frame of a link is taken whole.
const FRAME: usize = 65_536;

/// How long is listened at a time, in microseconds.
const LISTEN: i64 = 20_000;

pub(super) struct Wire {
    socket: OwnedFd,
    buffer: RefCell<Vec<u8>>,
}

impl Wire {
    pub(super) fn open(link: &IfName) -> io::Result<Self> {
        let named = |it: &nix::ifaddrs::InterfaceAddress| it.interface_name == link.as_str();
        // The link's own address holds its index, which is where a socket of packets is bound to.
        let address = getifaddrs()?
            .filter(named)
            .find_map(|it| it.address.and_then(|it| it.as_link_addr().copied()))
            .ok_or(Errno::ENODEV)?;
        let socket = socket(
            AddressFamily::Packet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::EthAll,
        )?;
        bind(socket.as_raw_fd(), &address)?;
        setsockopt(&socket, ReceiveTimeout, &TimeVal::new(0, LISTEN))?;
        Ok(Self { socket, buffer: RefCell::new(vec![0; FRAME]) })
    }

    pub(super) fn send(&self, frame: &[u8]) -> io::Result<()> {
        loop {
            match send(self.socket.as_raw_fd(), frame, MsgFlags::empty()) {
                // A queue is full: what a link loses is lost.
                Ok(_) | Err(Errno::ENOBUFS) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Waits a moment for a frame.
    pub(super) fn receive(&self) -> io::Result<Option<Vec<u8>>> {
        let mut buffer = self.buffer.borrow_mut();
        match recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
            Ok(length) => Ok(buffer.get(..length).map(<[u8]>::to_vec)),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}
