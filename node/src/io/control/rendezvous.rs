use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::num::NonZeroU16;
use std::sync::{Arc, PoisonError};

use batman::IfIndex;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{MissedTickBehavior, interval};

use super::Shared;
use crate::hello::{Hello, LONGEST};
use crate::peers::{LinkEvent, PeerKey};

/// Transient, link-local scope (RFC 4291 section 2.7); the last four bytes spell "mesh".
const GROUP: Ipv6Addr = Ipv6Addr::new(0xff12, 0, 0, 0, 0, 0, 0x6d65, 0x7368);

/// The socket of the hellos.
pub(super) struct Rendezvous {
    socket: UdpSocket,
    port: NonZeroU16,
}

impl Rendezvous {
    pub(super) fn open(port: NonZeroU16) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_only_v6(true)?;
        socket.set_nonblocking(true)?;
        socket.set_multicast_loop_v6(false)?;
        socket.set_multicast_hops_v6(1)?;
        socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, port.get())).into())?;
        Ok(Self { socket: UdpSocket::from_std(socket.into())?, port })
    }

    /// Starts to hear hellos on a link, and tells whether it can.
    pub(super) fn join(&self, link: IfIndex) -> bool {
        match self.socket.join_multicast_v6(&GROUP, link.0) {
            Ok(()) => true,
            // It has been joined before and has not gone away since.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => true,
            Err(error) => {
                tracing::warn!(%link, %error, "hellos cannot be heard on this link");
                false
            }
        }
    }

    async fn say(&self, link: IfIndex, hello: &Hello) {
        let group = SocketAddrV6::new(GROUP, self.port.get(), 0, link.0);
        if let Err(error) = self.socket.send_to(&hello.encode(), group).await {
            // Everyday for a second or two after a link came up: its address is still being tried.
            tracing::debug!(%link, %error, "no hello said");
        }
    }
}

/// Says hello on every link, for ever.
pub(super) async fn say(rendezvous: Arc<Rendezvous>, shared: Shared) {
    let mut ticks = interval(shared.settings.hello_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let has_identity = shared.identity.current().is_some();
        let links = shared.links.read().unwrap_or_else(PoisonError::into_inner).clone();
        for (link, mac) in links {
            let hello = Hello {
                mesh: shared.settings.mesh.clone(),
                port: shared.settings.port.get(),
                mac,
                nonce: shared.settings.nonce,
                has_identity,
            };
            rendezvous.say(link, &hello).await;
        }
    }
}

/// Hears hellos, for ever.
pub(super) async fn hear(rendezvous: Arc<Rendezvous>, shared: Shared) {
    let mut buffer = [0; LONGEST + 1];
    loop {
        let (length, from) = match rendezvous.socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                // An error that was queued on the socket; reading it has cleared it.
                tracing::debug!(%error, "hello not heard");
                continue;
            }
        };
        let SocketAddr::V6(from) = from else { continue };
        let link = IfIndex(from.scope_id());
        let Some(hello) = buffer.get(..length).and_then(Hello::decode) else { continue };
        let is_ours = hello.mesh == shared.settings.mesh
            && hello.port == shared.settings.port.get()
            && hello.nonce != shared.settings.nonce;
        let is_near = from.ip().is_unicast_link_local() && shared.own_address(link).is_some();
        if is_ours && is_near {
            let from = PeerKey { link, address: *from.ip() };
            // A hello that finds the queue full comes again in a second.
            let _ = shared.hellos.try_send(LinkEvent::Hello { from, hello });
        }
    }
}
