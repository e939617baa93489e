use netlink_packet_core::{
    DecodeError, Emitable, ErrorContext, NlasIterator, Parseable, ParseableParametrized,
};
use netlink_packet_generic::{GenlFamily, GenlHeader};

use super::{BatadvAttr, BatadvCmd};

/// A request to the family or a reply of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatadvMessage {
    /// What is asked for, and in a reply what was asked.
    pub cmd: BatadvCmd,
    /// What it is asked of, and in a reply what is told, in the order on the wire.
    pub attributes: Vec<BatadvAttr>,
}

impl BatadvMessage {
    /// Joins a command and its attributes.
    pub fn new(cmd: BatadvCmd, attributes: Vec<BatadvAttr>) -> Self {
        Self { cmd, attributes }
    }
}

/// The attributes of a message of the family as they come, each read when it is asked for.
#[derive(Clone)]
pub struct Attributes<'a>(NlasIterator<&'a [u8]>);

impl<'a> Attributes<'a> {
    /// Begins to read what follows the headers of a message.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(NlasIterator::new(bytes))
    }
}

impl Iterator for Attributes<'_> {
    type Item = Result<BatadvAttr, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.and_then(|nla| BatadvAttr::parse(&nla)))
    }
}

impl GenlFamily for BatadvMessage {
    /// BATADV_NL_NAME.
    fn family_name() -> &'static str {
        "batadv"
    }

    fn command(&self) -> u8 {
        self.cmd.into()
    }

    fn version(&self) -> u8 {
        1
    }
}

impl Emitable for BatadvMessage {
    fn buffer_len(&self) -> usize {
        self.attributes.as_slice().buffer_len()
    }

    fn emit(&self, buffer: &mut [u8]) {
        self.attributes.as_slice().emit(buffer);
    }
}

impl ParseableParametrized<[u8], GenlHeader> for BatadvMessage {
    fn parse_with_param(buf: &[u8], header: GenlHeader) -> Result<Self, DecodeError> {
        let attributes =
            Attributes::new(buf).collect::<Result<_, _>>().context("invalid batadv attributes")?;
        Ok(Self { cmd: header.cmd.into(), attributes })
    }
}
