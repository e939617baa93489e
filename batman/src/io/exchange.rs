//! One question and its answers on a netlink socket.
//!
//! Nothing is queued in between: a row is handed on as soon as it is read, and the kernel waits
//! with the next ones, so a table of any length takes the memory of one datagram.

use std::io;

use netlink_packet_core::{
    DecodeError, NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkBuffer,
    NetlinkDeserializable, NetlinkHeader, NetlinkMessage, NetlinkPayload, NetlinkSerializable,
    NlasIterator, parse_string,
};
use netlink_sys::{AsyncSocket, AsyncSocketExt, Socket, SocketAddr, TokioSocket};

use crate::Errno;

/// The kernel fills datagrams of at most 32 KiB for a reader that offers as much (`netlink_dump`
/// in net/netlink/af_netlink.c).
pub(super) const DATAGRAM: usize = 32 * 1024;

/// The kernel's port number; datagrams from elsewhere are another process's and not believed.
pub(super) const KERNEL: u32 = 0;

/// NLMSGERR_ATTR_MSG (include/uapi/linux/netlink.h).
const REASON: u16 = 1;

/// Why a question was not answered.
pub(super) enum Failure {
    Refused { errno: Errno, reason: Option<String> },
    Undecodable(DecodeError),
    Socket(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Socket(error)
    }
}

/// Whether a table stayed the same while it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Steadiness {
    Steady,
    Interrupted,
}

/// Where questions go and answers come from.
pub(super) trait Datagrams: Sized {
    fn open(protocol: isize) -> io::Result<Self>;
    async fn send(&mut self, datagram: &[u8]) -> io::Result<()>;
    /// Fills an empty `datagram` with the next one and tells who sent it.
    async fn receive(&mut self, datagram: &mut Vec<u8>) -> io::Result<u32>;
}

impl Datagrams for TokioSocket {
    fn open(protocol: isize) -> io::Result<Self> {
        let socket = Self::new(protocol)?;
        let options: &Socket = socket.socket_ref();
        options.set_ext_ack(true)?;
        options.set_cap_ack(true)?;
        Ok(socket)
    }

    async fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        self.send_to(datagram, &SocketAddr::new(KERNEL, 0)).await.map(drop)
    }

    async fn receive(&mut self, datagram: &mut Vec<u8>) -> io::Result<u32> {
        self.recv_from(datagram).await.map(|from| from.port_number())
    }
}

pub(super) struct Exchange<S = TokioSocket> {
    protocol: isize,
    pub(super) socket: S,
    sequence: u32,
    /// A question was put and its answers were not read to their end.
    unfinished: bool,
    datagram: Vec<u8>,
}

impl Exchange {
    /// The socket that questions are put through, for what is not asked in messages.
    pub(super) fn socket(&self) -> &Socket {
        self.socket.socket_ref()
    }
}

impl<S: Datagrams> Exchange<S> {
    pub(super) fn open(protocol: isize) -> io::Result<Self> {
        let socket = S::open(protocol)?;
        let datagram = Vec::with_capacity(DATAGRAM);
        Ok(Self { protocol, socket, sequence: 0, unfinished: false, datagram })
    }

    /// How many bytes it keeps of what comes.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.datagram.capacity()
    }

    /// Asks for a change and waits until the kernel made it.
    pub(super) async fn change<I>(&mut self, message: I, flags: u16) -> Result<(), Failure>
    where
        I: NetlinkSerializable + NetlinkDeserializable,
    {
        self.converse(message, NLM_F_ACK | flags, |_| Ok(())).await.map(drop)
    }

    /// Asks for one thing.
    pub(super) async fn read<I>(&mut self, message: I) -> Result<Option<I>, Failure>
    where
        I: NetlinkSerializable + NetlinkDeserializable,
    {
        let mut answer = None;
        let keep = |message: Result<I, DecodeError>| {
            answer = Some(message?);
            Ok(())
        };
        self.converse(message, NLM_F_ACK, keep).await?;
        Ok(answer)
    }

    /// Asks for a table and hands its rows to `row`, those that cannot be decoded too.
    pub(super) async fn dump<I>(
        &mut self,
        message: I,
        mut row: impl FnMut(Result<I, DecodeError>),
    ) -> Result<Steadiness, Failure>
    where
        I: NetlinkSerializable + NetlinkDeserializable,
    {
        let infallible = |message| {
            row(message);
            Ok(())
        };
        self.converse(message, NLM_F_DUMP, infallible).await
    }

    /// Asks, and hands the answers to `row` as bytes, without netlink's own header.
    pub(super) async fn bytes<I>(
        &mut self,
        message: I,
        flags: u16,
        mut row: impl FnMut(&[u8]),
    ) -> Result<Steadiness, Failure>
    where
        I: NetlinkSerializable + NetlinkDeserializable,
    {
        let hear = |frame: &Frame<'_>| {
            if frame.kind < NLMSG_MIN_TYPE {
                return hear::<I>(frame, &mut |_| Ok(()));
            }
            row(frame.bytes.get(HEADER..).unwrap_or_default());
            Ok(Heard::More)
        };
        self.listen(message, flags, hear).await
    }

    async fn converse<I>(
        &mut self,
        message: I,
        flags: u16,
        mut row: impl FnMut(Result<I, DecodeError>) -> Result<(), DecodeError>,
    ) -> Result<Steadiness, Failure>
    where
        I: NetlinkSerializable + NetlinkDeserializable,
    {
        self.listen(message, flags, |frame| hear(frame, &mut row)).await
    }

    async fn listen<I: NetlinkSerializable>(
        &mut self,
        message: I,
        flags: u16,
        mut hear: impl FnMut(&Frame<'_>) -> Result<Heard, Failure>,
    ) -> Result<Steadiness, Failure> {
        if self.unfinished {
            self.socket = S::open(self.protocol)?;
        }
        self.unfinished = true;
        self.send(message, flags).await?;
        let mut steadiness = Steadiness::Steady;
        loop {
            self.datagram.clear();
            if self.socket.receive(&mut self.datagram).await? != KERNEL {
                continue;
            }
            for frame in Frames(&self.datagram) {
                let frame = frame.map_err(Failure::Undecodable)?;
                if frame.sequence != self.sequence {
                    continue;
                }
                if frame.flags & NLM_F_DUMP_INTR != 0 {
                    steadiness = Steadiness::Interrupted;
                }
                if hear(&frame)? == Heard::End {
                    self.unfinished = false;
                    return Ok(steadiness);
                }
            }
        }
    }

    async fn send<I: NetlinkSerializable>(&mut self, message: I, flags: u16) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut message =
            NetlinkMessage::new(NetlinkHeader::default(), NetlinkPayload::InnerMessage(message));
        message.header.flags = NLM_F_REQUEST | flags;
        message.header.sequence_number = self.sequence;
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.socket.send(&bytes).await
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Heard {
    More,
    End,
}

fn hear<I: NetlinkDeserializable>(
    frame: &Frame<'_>,
    row: &mut impl FnMut(Result<I, DecodeError>) -> Result<(), DecodeError>,
) -> Result<Heard, Failure> {
    let payload = match NetlinkMessage::<I>::deserialize(frame.bytes) {
        Ok(message) => message.payload,
        Err(error) if frame.kind < NLMSG_MIN_TYPE => return Err(Failure::Undecodable(error)),
        Err(error) => return told(row(Err(error))),
    };
    match payload {
        NetlinkPayload::InnerMessage(message) => told(row(Ok(message))),
        NetlinkPayload::Error(error) => match error.code {
            None => Ok(Heard::End),
            Some(code) => Err(refused(code.get(), error.header.get(HEADER..))),
        },
        NetlinkPayload::Done(done) if done.code < 0 => {
            Err(refused(done.code, Some(&done.extended_ack)))
        }
        NetlinkPayload::Done(_) => Ok(Heard::End),
        _ => Ok(Heard::More),
    }
}

fn told(outcome: Result<(), DecodeError>) -> Result<Heard, Failure> {
    outcome.map(|()| Heard::More).map_err(Failure::Undecodable)
}

/// The size of netlink's own header, all of a request that an answer repeats.
const HEADER: usize = 16;

/// Message types below this are netlink's own (include/uapi/linux/netlink.h).
const NLMSG_MIN_TYPE: u16 = 16;

fn refused(code: i32, attributes: Option<&[u8]>) -> Failure {
    let mut attributes = NlasIterator::new(attributes.unwrap_or_default()).map_while(Result::ok);
    let reason = attributes.find(|nla| nla.kind() == REASON);
    let reason = reason.and_then(|nla| parse_string(nla.value()).ok());
    Failure::Refused { errno: Errno(code.saturating_neg()), reason }
}

/// One message of a datagram, its header read.
pub(super) struct Frame<'a> {
    pub(super) bytes: &'a [u8],
    kind: u16,
    flags: u16,
    sequence: u32,
}

/// The messages of a datagram.
pub(super) struct Frames<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let header = match NetlinkBuffer::new_checked(self.0) {
            Ok(header) => header,
            Err(error) => {
                self.0 = &[];
                return Some(Err(error));
            }
        };
        let (kind, flags) = (header.message_type(), header.flags());
        let (sequence, length) = (header.sequence_number(), header.length() as usize);
        let (bytes, _) = self.0.split_at_checked(length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Ok(Frame { bytes, kind, flags, sequence }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn frame(length: u32, payload: &[u8]) -> Vec<u8> {
        [&length.to_ne_bytes()[..], &[0; 12], payload].concat()
    }

    #[test]
    fn datagram_is_cut_into_its_messages() {
        let bytes = [frame(18, &[1, 2, 0, 0]), frame(16, &[])].concat();

        let lengths: Vec<_> = Frames(&bytes).map(|frame| frame.unwrap().bytes.len()).collect();

        assert_eq!(lengths, [18, 16]);
    }

    #[test]
    fn cut_off_datagram_ends_with_an_error() {
        let bytes = [frame(16, &[]), frame(64, &[0; 8])].concat();

        let frames: Vec<_> = Frames(&bytes).map(|frame| frame.is_ok()).collect();

        assert_eq!(frames, [true, false]);
    }

    #[test]
    fn kernels_own_words_are_found() {
        let attributes = [10, 0, 1, 0, b'b', b'u', b's', b'y', b'!', 0, 0, 0];

        let Failure::Refused { errno, reason } = refused(-16, Some(&attributes)) else {
            panic!("a refusal is expected");
        };

        assert_eq!((errno, reason.as_deref()), (Errno(16), Some("busy!")));
    }

    proptest! {
        #[test]
        fn no_datagram_makes_the_reader_panic(bytes in vec(any::<u8>(), 0..128)) {
            for frame in Frames(&bytes).map_while(Result::ok) {
                let _ = hear::<crate::io::BatadvFrame>(&frame, &mut |_| Ok(()));
            }
        }

        #[test]
        fn no_refusal_makes_the_reader_panic(code in any::<i32>(), bytes in vec(any::<u8>(), 0..64)) {
            let _ = refused(code, Some(&bytes));
        }
    }
}
