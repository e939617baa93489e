//! Events of mesh devices as kernel objects (NETLINK_KOBJECT_UEVENT).

use netlink_packet_core::Parseable;
use netlink_sys::protocols::NETLINK_KOBJECT_UEVENT;

use super::{
    Kernel,
    listener::{Listener, Told},
};
use crate::{Error, MeshEvent, Request, Result, codec::UeventMessage};

/// The kernel's own group; a device manager's is the second.
const KERNEL_GROUP: u32 = 1;

/// What batman-adv tells as events of its devices: which gateway is used, and loops.
///
/// A network namespace that belongs to a user namespace of its own is told none.
pub struct Uevents {
    listener: Listener,
}

/// An event, or that some were lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uevent {
    /// Something happened in a mesh.
    Mesh(MeshEvent),
    /// Something was told that could not be read, or more than was read in time: what is so now
    /// is for a question to find out.
    Missed,
}

impl Kernel {
    /// Starts to listen for events of mesh devices; anybody may.
    ///
    /// # Errors
    /// Only if the socket cannot be had.
    pub fn uevents(&self) -> Result<Uevents> {
        let listener = Listener::open(NETLINK_KOBJECT_UEVENT, KERNEL_GROUP);
        listener.map(|listener| Uevents { listener }).map_err(failed)
    }
}

impl Uevents {
    /// Waits for the next event of a mesh device and passes over those of other objects. Dropping
    /// the future loses nothing.
    ///
    /// # Errors
    /// Only if the socket fails; being too slow for the kernel is [`Uevent::Missed`].
    pub async fn next(&mut self) -> Result<Uevent> {
        loop {
            let event = match self.listener.next().await.map_err(failed)? {
                Told::Datagram(datagram) => read(datagram),
                Told::Missed => Some(Uevent::Missed),
            };
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }
}

fn failed(source: std::io::Error) -> Error {
    Error::Socket { request: Request::Uevents, source }
}

fn read(datagram: &[u8]) -> Option<Uevent> {
    // Other objects may say anything, in any encoding.
    let key = UeventMessage::TYPE.as_bytes();
    datagram.windows(key.len()).find(|&window| window == key)?;
    match UeventMessage::parse(datagram).ok().map(|message| MeshEvent::read(&message)) {
        Some(Ok(event)) => event.map(Uevent::Mesh),
        Some(Err(_)) | None => Some(Uevent::Missed),
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::Happening;

    #[test]
    fn only_events_of_a_mesh_are_told() {
        let lost = b"change@/d/bat0\0BATTYPE=gw\0BATACTION=del\0INTERFACE=bat0\0IFINDEX=5\0";

        let told = read(lost);

        let Some(Uevent::Mesh(event)) = told else { panic!("{told:?}") };
        assert_eq!(event.happening, Happening::GatewayLost);
        assert_eq!(read(b"add@/d/eth0\0SUBSYSTEM=net\0"), None);
        assert_eq!(read(b"add@/d/disk\0NAME=\xff\0"), None);
    }

    #[test]
    fn event_of_a_mesh_that_makes_no_sense_was_missed() {
        assert_eq!(read(b"change@/d/bat0\0BATTYPE=gw\0"), Some(Uevent::Missed));
        assert_eq!(read(b"BATTYPE=\xff"), Some(Uevent::Missed));
    }

    proptest! {
        #[test]
        fn no_datagram_makes_the_reader_panic(bytes in vec(any::<u8>(), 0..64)) {
            let _ = read(&[b"change@x\0BATTYPE=gw\0", bytes.as_slice()].concat());
        }
    }
}
