use netlink_packet_core::{DecodeError, Emitable, Parseable};

/// A kernel object's event (`kobject_uevent_env` in lib/kobject_uevent.c): `ACTION@DEVPATH`, then
/// its variables, each ended by NUL. There is no netlink header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UeventMessage {
    /// What happened to the object, such as `change`.
    pub action: String,
    /// The object's path below `/sys`.
    pub path: String,
    /// The variables in the order on the wire, each `KEY=VALUE`.
    pub variables: Vec<String>,
}

impl UeventMessage {
    /// BATADV_UEV_TYPE_VAR: what about a mesh changed.
    pub const TYPE: &str = "BATTYPE";
    /// BATADV_UEV_ACTION_VAR: how it changed.
    pub const ACTION: &str = "BATACTION";
    /// BATADV_UEV_DATA_VAR: to what it changed.
    pub const DATA: &str = "BATDATA";

    /// Joins an object's path and what happened to it with the variables.
    pub fn new(action: String, path: String, variables: Vec<String>) -> Self {
        Self { action, path, variables }
    }

    /// Returns the value of the first variable of this name.
    pub fn value(&self, key: &str) -> Option<&str> {
        let mut pairs = self.variables.iter().filter_map(|variable| variable.split_once('='));
        pairs.find_map(|(name, value)| (name == key).then_some(value))
    }
}

impl Emitable for UeventMessage {
    fn buffer_len(&self) -> usize {
        let variables = self.variables.iter().map(|variable| variable.len() + 1);
        self.action.len() + 1 + self.path.len() + 1 + variables.sum::<usize>()
    }

    fn emit(&self, buffer: &mut [u8]) {
        let variables = self.variables.iter().flat_map(|variable| [variable.as_str(), "\0"]);
        let texts = [self.action.as_str(), "@", self.path.as_str(), "\0"].into_iter();
        let bytes = texts.chain(variables).flat_map(str::bytes);
        for (place, byte) in buffer.iter_mut().zip(bytes) {
            *place = byte;
        }
    }
}

impl Parseable<[u8]> for UeventMessage {
    fn parse(buf: &[u8]) -> Result<Self, DecodeError> {
        let text = str::from_utf8(buf).map_err(|_| DecodeError::from("uevent is not UTF-8"))?;
        let text = text.strip_suffix('\0').unwrap_or(text);
        let (header, variables) = match text.split_once('\0') {
            Some((header, rest)) => (header, rest.split('\0').map(str::to_owned).collect()),
            None => (text, Vec::new()),
        };
        let (action, path) = header
            .split_once('@')
            .ok_or_else(|| DecodeError::from("uevent does not begin with ACTION@DEVPATH"))?;
        Ok(Self::new(action.to_owned(), path.to_owned(), variables))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn emit(message: &UeventMessage) -> Vec<u8> {
        let mut bytes = vec![0xaa; message.buffer_len()];
        message.emit(&mut bytes);
        bytes
    }

    #[test]
    fn event_of_a_gateway_is_read_and_written_alike() {
        let bytes = b"change@/devices/virtual/net/bat0\0ACTION=change\0SUBSYSTEM=net\0BATTYPE=gw\0\
            BATACTION=add\0BATDATA=02:00:00:00:00:0b\0INTERFACE=bat0\0IFINDEX=5\0SEQNUM=1406\0";

        let message = UeventMessage::parse(bytes).unwrap();

        assert_eq!(message.path, "/devices/virtual/net/bat0");
        assert_eq!(message.value(UeventMessage::TYPE), Some("gw"));
        assert_eq!(message.value(UeventMessage::DATA), Some("02:00:00:00:00:0b"));
        assert_eq!(message.value("BAT"), None);
        assert_eq!(emit(&message), bytes);
    }

    #[test]
    fn datagram_of_a_device_manager_is_no_event_of_the_kernel() {
        assert!(UeventMessage::parse(b"libudev\0\xfe\xed\xca\xfe").is_err());
        assert!(UeventMessage::parse(b"").is_err());
    }

    proptest! {
        #[test]
        fn event_reads_what_it_writes(
            action in "[a-z]{0,8}",
            path in "[a-z/@=]{0,20}",
            variables in vec("[A-Z=a-z]{1,12}", 0..6),
        ) {
            let message = UeventMessage::new(action, path, variables);

            prop_assert_eq!(UeventMessage::parse(&emit(&message)).unwrap(), message);
        }

        #[test]
        fn no_bytes_make_the_parser_panic(bytes in vec(any::<u8>(), 0..128)) {
            if let Ok(message) = UeventMessage::parse(&bytes) {
                prop_assert_eq!(UeventMessage::parse(&emit(&message)).unwrap(), message);
            }
        }
    }
}
