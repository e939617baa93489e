//! The rows of a table, out of the answers to one question.

use netlink_packet_core::NLM_F_DUMP;
use netlink_packet_generic::constants::GENL_HDRLEN;

use super::{
    ATTEMPTS, BatadvFrame, ROWS,
    exchange::{Datagrams, Exchange, Failure, Steadiness},
};
use crate::{Errno, Row, codec::Attributes};

/// A table of a mesh, as it was at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table<R> {
    /// The rows in the kernel's order.
    pub rows: Vec<R>,
    /// How many rows were not kept, because they could not be read or were beyond the bound of
    /// 16,384.
    pub left_out: usize,
}

/// How a table came that was streamed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Streamed {
    /// How many rows were left out, because they could not be read.
    pub left_out: usize,
    /// Whether the kernel told that the table changed meanwhile: rows may be missing or doubled,
    /// and it is for the caller to ask again.
    pub changed: bool,
}

/// Reads a table until it did not change meanwhile; nothing if it always did.
pub(super) async fn whole<R: Row, S: Datagrams>(
    exchange: &mut Exchange<S>,
    question: impl Fn() -> BatadvFrame,
) -> Result<Option<Table<R>>, Failure> {
    for _ in 0..ATTEMPTS {
        let (mut rows, mut beyond) = (Vec::new(), 0);
        let keep = |row| if rows.len() < ROWS { rows.push(row) } else { beyond += 1 };
        let Streamed { left_out, changed } = streamed(exchange, question(), keep).await?;
        if !changed {
            return Ok(Some(Table { rows, left_out: left_out + beyond }));
        }
    }
    Ok(None)
}

/// Hands over the rows of a table as they come.
pub(super) async fn streamed<R: Row, S: Datagrams>(
    exchange: &mut Exchange<S>,
    question: BatadvFrame,
    mut row: impl FnMut(R),
) -> Result<Streamed, Failure> {
    let mut streamed = Streamed::default();
    let dumped = exchange.dump(question, |message| {
        match message.ok().and_then(|frame: BatadvFrame| R::try_from(&frame.payload).ok()) {
            Some(read) => row(read),
            None => streamed.left_out += 1,
        }
    });
    let changed = has_changed(dumped.await)?;
    Ok(Streamed { changed, ..streamed })
}

/// Hands over the rows of a table as they come and as they are; `row` tells whether it could read
/// one.
pub(super) async fn unread<S: Datagrams>(
    exchange: &mut Exchange<S>,
    question: BatadvFrame,
    mut row: impl FnMut(Attributes<'_>) -> bool,
) -> Result<Streamed, Failure> {
    let mut left_out = 0;
    let dumped = exchange.bytes(question, NLM_F_DUMP, |bytes| {
        let is_read = row(Attributes::new(bytes.get(GENL_HDRLEN..).unwrap_or_default()));
        left_out += usize::from(!is_read);
    });
    let changed = has_changed(dumped.await)?;
    Ok(Streamed { left_out, changed })
}

fn has_changed(dumped: Result<Steadiness, Failure>) -> Result<bool, Failure> {
    match dumped {
        Ok(steadiness) => Ok(steadiness == Steadiness::Interrupted),
        // A mesh without an active hard interface: its tables are empty.
        Err(Failure::Refused { errno: Errno::ENOENT, .. }) => Ok(false),
        Err(failure) => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        future::Future,
        io,
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use netlink_packet_core::{
        DoneMessage, NLM_F_DUMP_INTR, NLM_F_MULTIPART, NetlinkBuffer, NetlinkHeader,
        NetlinkMessage, NetlinkPayload,
    };
    use netlink_packet_generic::GenlMessage;

    use super::*;
    use crate::{
        GlobalClient, Incomplete, MacAddr,
        codec::{BatadvAttr, BatadvCmd, BatadvMessage, TtFlags},
        io::exchange::{DATAGRAM, KERNEL},
    };

    /// A kernel with so many clients, whose table changes while it is read the first few times.
    struct Crowd {
        clients: u32,
        told: u32,
        done: bool,
        changes: u32,
        /// Datagrams of another process that come first.
        strangers: u32,
        sequence: u32,
    }

    thread_local! {
        static CROWD: Cell<(u32, u32)> = const { Cell::new((0, 0)) };
    }

    fn client(number: u32) -> BatadvMessage {
        let [a, b, c, d] = number.to_be_bytes();
        let attributes = vec![
            BatadvAttr::TtAddress(MacAddr([2, 0, a, b, c, d])),
            BatadvAttr::TtCrc32(0),
            BatadvAttr::TtVid(0),
            BatadvAttr::TtFlags(TtFlags::default()),
            BatadvAttr::OrigAddress(MacAddr([2, 0, 0, 0, 0, 1])),
            BatadvAttr::TtTtvn(1),
            BatadvAttr::TtLastTtvn(1),
        ];
        BatadvMessage::new(BatadvCmd::GetTranstableGlobal, attributes)
    }

    impl Crowd {
        fn bytes(&self, payload: NetlinkPayload<BatadvFrame>) -> Vec<u8> {
            let mut message = NetlinkMessage::new(NetlinkHeader::default(), payload);
            let interrupted = if self.changes > 0 { NLM_F_DUMP_INTR } else { 0 };
            message.header.flags = NLM_F_MULTIPART | interrupted;
            message.header.sequence_number = self.sequence;
            message.finalize();
            let mut bytes = vec![0; message.buffer_len()];
            message.serialize(&mut bytes);
            bytes
        }
    }

    impl Datagrams for Crowd {
        fn open(_: isize) -> io::Result<Self> {
            let (clients, changes) = CROWD.get();
            Ok(Self { clients, told: 0, done: false, changes, strangers: 0, sequence: 0 })
        }

        async fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
            self.sequence = NetlinkBuffer::new(datagram).sequence_number();
            (self.told, self.done) = (0, false);
            Ok(())
        }

        async fn receive(&mut self, datagram: &mut Vec<u8>) -> io::Result<u32> {
            assert!(!self.done, "nothing is read beyond the end");
            if self.strangers > 0 {
                self.strangers -= 1;
                let mut frame = GenlMessage::from_payload(client(u32::MAX));
                frame.set_resolved_family_id(30);
                datagram.extend(self.bytes(frame.into()));
                return Ok(KERNEL + 1);
            }
            while self.told < self.clients {
                let mut frame = GenlMessage::from_payload(client(self.told));
                frame.set_resolved_family_id(30);
                let bytes = self.bytes(frame.into());
                if datagram.len() + bytes.len() > DATAGRAM {
                    return Ok(KERNEL);
                }
                datagram.extend(bytes);
                self.told += 1;
            }
            if datagram.is_empty() {
                let done = self.bytes(NetlinkPayload::Done(DoneMessage::default()));
                datagram.extend(done);
                self.done = true;
                self.changes = self.changes.saturating_sub(1);
            }
            Ok(KERNEL)
        }
    }

    fn exchange(clients: u32, changes: u32) -> Exchange<Crowd> {
        CROWD.set((clients, changes));
        Exchange::open(0).unwrap()
    }

    fn question() -> BatadvFrame {
        let mut frame = GenlMessage::from_payload(client(0));
        frame.set_resolved_family_id(30);
        frame
    }

    /// The stand-in never waits.
    fn finished<F: Future>(future: F) -> F::Output {
        let mut context = Context::from_waker(Waker::noop());
        match pin!(future).poll(&mut context) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("the stand-in waits"),
        }
    }

    thread_local! {
        static ALIVE: Cell<usize> = const { Cell::new(0) };
    }

    struct Counted;

    impl TryFrom<&BatadvMessage> for Counted {
        type Error = Incomplete;

        fn try_from(_: &BatadvMessage) -> Result<Self, Incomplete> {
            ALIVE.set(ALIVE.get() + 1);
            assert_eq!(ALIVE.get(), 1, "a row is handed over before the next is read");
            Ok(Self)
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            ALIVE.set(ALIVE.get() - 1);
        }
    }

    impl Row for Counted {
        const COMMAND: BatadvCmd = BatadvCmd::GetTranstableGlobal;
        const CHANGES_ARE_TOLD: bool = false;
    }

    #[test]
    fn ten_thousand_rows_stream_one_by_one_through_one_datagram() {
        let mut exchange = exchange(10_000, 0);
        let mut rows = 0;

        let streamed = streamed(&mut exchange, question(), |_: Counted| rows += 1);
        let streamed = finished(streamed).ok().unwrap();

        assert_eq!((rows, streamed), (10_000, Streamed::default()));
        assert!(exchange.memory() <= DATAGRAM, "{} bytes", exchange.memory());
    }

    #[test]
    fn rows_that_could_not_be_read_are_counted() {
        let mut exchange = exchange(100, 1);
        let mut rows = 0;

        let streamed = unread(&mut exchange, question(), |attributes| {
            rows += 1;
            attributes.into_iter().all(|attribute| attribute.is_ok()) && rows % 10 != 0
        });

        assert_eq!(finished(streamed).ok(), Some(Streamed { left_out: 10, changed: true }));
    }

    #[test]
    fn table_that_changed_is_read_again_and_streamed_with_a_word_about_it() {
        let mut steady_at_last = exchange(100, 2);
        let table = finished(whole(&mut steady_at_last, question));
        let table: Table<GlobalClient> = table.ok().flatten().unwrap();
        let mut changing = exchange(100, 1);
        let streamed = finished(streamed(&mut changing, question(), |_: GlobalClient| {}));

        assert_eq!((table.rows.len(), table.left_out), (100, 0));
        assert_eq!(streamed.ok(), Some(Streamed { left_out: 0, changed: true }));
    }

    #[test]
    fn rows_that_another_process_sends_are_not_believed() {
        let mut exchange = exchange(100, 0);
        exchange.socket.strangers = 3;

        let table = finished(whole::<GlobalClient, _>(&mut exchange, question));

        assert_eq!(table.ok().flatten().unwrap().rows.len(), 100);
        assert_eq!(exchange.socket.strangers, 0);
    }

    #[test]
    fn table_that_always_changes_is_given_up() {
        let mut exchange = exchange(10, u32::MAX);

        let table = finished(whole::<GlobalClient, _>(&mut exchange, question));

        assert_eq!(table.ok(), Some(None));
        let tries = u32::MAX - exchange.socket.changes;
        assert_eq!(tries, u32::try_from(ATTEMPTS).unwrap());
    }

    #[test]
    fn rows_beyond_the_bound_are_counted() {
        let beyond = 10;
        let mut exchange = exchange(u32::try_from(ROWS).unwrap() + beyond, 0);

        let table = finished(whole::<GlobalClient, _>(&mut exchange, question));

        let table = table.ok().flatten().unwrap();
        assert_eq!((table.rows.len(), table.left_out), (ROWS, 10));
    }
}
