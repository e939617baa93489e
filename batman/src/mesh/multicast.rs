use super::{
    Incomplete,
    reply::{attribute, required},
};
use crate::{
    MacAddr,
    codec::{BatadvMessage, McastFlags},
};

/// Which multicast an originator asks for (GET_MCAST_FLAGS).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MulticastFlags {
    /// The originator's address.
    pub originator: MacAddr,
    /// What it asks for; nothing from one that does not announce it and gets all multicast.
    pub flags: Option<McastFlags>,
}

impl TryFrom<&BatadvMessage> for MulticastFlags {
    type Error = Incomplete;

    fn try_from(message: &BatadvMessage) -> Result<Self, Incomplete> {
        Ok(Self {
            originator: required!(message, OrigAddress)?,
            flags: attribute!(message, McastFlags),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{BatadvAttr, BatadvCmd};

    fn read(more: Vec<BatadvAttr>) -> MulticastFlags {
        let originator = vec![BatadvAttr::OrigAddress(MacAddr([2, 0, 0, 0, 0, 2]))];
        let row = BatadvMessage::new(BatadvCmd::GetMcastFlags, [originator, more].concat());
        MulticastFlags::try_from(&row).unwrap()
    }

    #[test]
    fn originator_that_announces_nothing_differs_from_one_that_asks_for_nothing() {
        let nothing = McastFlags::default();

        assert_eq!(read(vec![]).flags, None);
        assert_eq!(read(vec![BatadvAttr::McastFlags(nothing)]).flags, Some(nothing));
    }
}
