//! What batman-adv tells its multicast groups.

use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_sys::protocols::NETLINK_GENERIC;

use super::{
    BatadvFrame, Kernel,
    exchange::Frames,
    listener::{Listener, Told},
};
use crate::{Error, Notification, Request, Result};

/// BATADV_NL_MCAST_GROUP_CONFIG: changes of settings, whoever makes them.
pub(super) const CONFIG: &str = "config";

/// BATADV_NL_MCAST_GROUP_TPMETER: ends of throughput measurements.
pub(super) const TPMETER: &str = "tpmeter";

/// What batman-adv tells of every mesh in this network namespace: changes of settings, and how
/// throughput measurements ended. Changes of neighbours, originators and clients are told nobody.
///
/// The groups have the numbers they had when this was opened: open it anew when the module was
/// unloaded in between.
pub struct Notifications {
    listener: Listener,
}

impl Kernel {
    /// Starts to listen to batman-adv; anybody may.
    ///
    /// # Errors
    /// [`Error::NoBatmanAdv`], or the socket cannot be had.
    pub async fn notifications(&mut self) -> Result<Notifications> {
        self.listen(&[CONFIG, TPMETER]).await
    }

    pub(super) async fn listen(&mut self, groups: &[&str]) -> Result<Notifications> {
        let listener = Listener::open(NETLINK_GENERIC, 0).map_err(failed)?;
        for group in groups {
            let group = self.group(group).await?;
            listener.join(group).map_err(failed)?;
        }
        Ok(Notifications { listener })
    }
}

impl Notifications {
    /// Waits until something is told and returns it, in order. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Only if the socket fails; being too slow for the kernel is [`Notification::Missed`].
    pub async fn next(&mut self) -> Result<Vec<Notification>> {
        Ok(match self.listener.next().await.map_err(failed)? {
            Told::Datagram(datagram) => read(datagram),
            Told::Missed => vec![Notification::Missed],
        })
    }
}

fn failed(source: std::io::Error) -> Error {
    Error::Socket { request: Request::Notifications, source }
}

fn read(datagram: &[u8]) -> Vec<Notification> {
    let told = Frames(datagram).map(|frame| {
        let message = NetlinkMessage::<BatadvFrame>::deserialize(frame?.bytes)?;
        Ok(match message.payload {
            NetlinkPayload::InnerMessage(frame) => Notification::read(&frame.payload),
            _ => Notification::Missed,
        })
    });
    told.map(|told: Result<_, netlink_packet_core::DecodeError>| {
        told.unwrap_or(Notification::Missed)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::NetlinkHeader;
    use netlink_packet_generic::GenlMessage;
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::codec::{BatadvAttr, BatadvCmd, BatadvMessage, VlanNumber};

    fn datagram(message: BatadvMessage) -> Vec<u8> {
        let mut frame = GenlMessage::from_payload(message);
        frame.set_resolved_family_id(30);
        let mut message =
            NetlinkMessage::new(NetlinkHeader::default(), NetlinkPayload::from(frame));
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        bytes
    }

    #[test]
    fn change_of_a_setting_is_told() {
        let attributes = vec![
            BatadvAttr::MeshIfindex(5),
            BatadvAttr::MeshIfname("bat0".to_owned()),
            BatadvAttr::VlanId(VlanNumber(7)),
            BatadvAttr::ApIsolationEnabled(true),
        ];

        let told = read(&datagram(BatadvMessage::new(BatadvCmd::SetVlan, attributes)));

        let [Notification::Vlan(vlan)] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((vlan.id.number(), vlan.settings.ap_isolation), (7, Some(true)));
    }

    #[test]
    fn what_cannot_be_read_was_missed() {
        assert_eq!(read(&[1, 2, 3]), [Notification::Missed]);
    }

    proptest! {
        #[test]
        fn no_datagram_makes_the_reader_panic(bytes in vec(any::<u8>(), 0..128)) {
            let _ = read(&bytes);
        }
    }
}
