use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use batman::MacAddr;
use spire_bridge::tls::Peer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use super::PATIENCE;
use crate::peers::PeerKey;

/// From where a connection came, and our own address there.
#[derive(Clone, Copy)]
pub(super) struct Caller {
    pub(super) peer: PeerKey,
    pub(super) own: MacAddr,
}

/// Who is at the other end of a request.
#[derive(Clone)]
pub(super) struct Who {
    pub(super) caller: Caller,
    pub(super) proven: Peer,
    has_session: Arc<AtomicBool>,
}

impl Who {
    /// Takes the connection's one session; nothing if it has been taken.
    pub(super) fn take_session(&self) -> Option<()> {
        (!self.has_session.swap(true, Ordering::Relaxed)).then_some(())
    }
}

/// A connection whose caller has proven itself. It is dropped if no session begins on it.
pub(super) struct Proven {
    stream: TlsStream<TcpStream>,
    who: Who,
    patience: Pin<Box<Sleep>>,
}

impl Proven {
    pub(super) fn new(stream: TlsStream<TcpStream>, caller: Caller, proven: Peer) -> Self {
        let who = Who { caller, proven, has_session: Arc::default() };
        Self { stream, who, patience: Box::pin(sleep(PATIENCE)) }
    }
}

impl Connected for Proven {
    type ConnectInfo = Who;

    fn connect_info(&self) -> Who {
        self.who.clone()
    }
}

impl AsyncRead for Proven {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let has_session = self.who.has_session.load(Ordering::Relaxed);
        if !has_session && self.patience.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Proven {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
