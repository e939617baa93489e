//! What batman-adv may answer and tell.

use std::fmt::Debug;

use batman::codec::{BatadvMessage, UeventMessage};
use batman::{
    Backbone, CachedAddress, Claim, Gateway, GlobalClient, HardInterface, LocalClient, MeshEvent,
    MeshSettings, MeshState, MulticastFlags, Neighbour, Originator, Report, Row, Vlan,
};
use netlink_packet_core::{Emitable as _, Parseable as _, ParseableParametrized as _};
use netlink_packet_generic::GenlMessage;

/// The family's number does not matter to what is read.
const ANY_FAMILY: u16 = 0x1c;

/// An answer of the family and an event of a mesh device: what can be read can be written and is
/// the same again, and every row takes it or says why not.
pub fn batadv(bytes: &[u8]) {
    event(bytes);
    let Ok(message) = GenlMessage::<BatadvMessage>::parse_with_param(bytes, ANY_FAMILY) else {
        return;
    };
    let mut again = vec![0; message.buffer_len()];
    message.emit(&mut again);
    let parsed = GenlMessage::<BatadvMessage>::parse_with_param(&again, ANY_FAMILY);
    assert_eq!(parsed.ok().map(|it| it.payload), Some(message.payload.clone()));
    rows(&message.payload);
}

fn rows(message: &BatadvMessage) {
    row::<Backbone>(message);
    row::<CachedAddress>(message);
    row::<Claim>(message);
    row::<Gateway>(message);
    row::<GlobalClient>(message);
    row::<HardInterface>(message);
    row::<LocalClient>(message);
    row::<MulticastFlags>(message);
    row::<Neighbour>(message);
    row::<Originator>(message);
    if let Ok(report) = Report::try_from(message) {
        let _ = report.outcome.map(|it| it.throughput());
    }
    let _ = Vlan::try_from(message).map(|it| format!("{it:?}"));
    let _ = MeshState::try_from(message).map(|it| format!("{it:?}"));
    let _ = MeshSettings::from(message).iter().count();
}

fn row<R: Row + Debug>(message: &BatadvMessage) {
    if let Ok(row) = R::try_from(message) {
        let _ = format!("{row:?}");
    }
}

fn event(bytes: &[u8]) {
    if let Ok(message) = UeventMessage::parse(bytes) {
        let mut again = vec![0; message.buffer_len()];
        message.emit(&mut again);
        assert_eq!(UeventMessage::parse(&again).ok().as_ref(), Some(&message));
        let _ = MeshEvent::read(&message);
    }
}
