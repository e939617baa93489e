use std::fmt;

use thiserror::Error;

use super::{Incomplete, reply::required};
use crate::{
    IfIndex, IfName, VlanSettings,
    codec::{BatadvMessage, VlanNumber},
};

/// A VLAN's number: the twelve bits that an IEEE 802.1Q tag has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VlanId(u16);

/// A number that does not fit into twelve bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0} is no VLAN's number: at most {max} is expected", max = VlanId::MAX.number())]
pub struct InvalidVlanId(pub u16);

impl VlanId {
    /// The largest number that fits; the standard reserves it, and 0, which is no VLAN.
    pub const MAX: Self = Self(0xfff);

    /// Takes the number.
    ///
    /// # Errors
    /// A number above [`VlanId::MAX`] is refused.
    pub const fn new(number: u16) -> Result<Self, InvalidVlanId> {
        if number > Self::MAX.0 { Err(InvalidVlanId(number)) } else { Ok(Self(number)) }
    }

    /// Takes the number out of a tag and leaves its other bits.
    pub(super) const fn from_tag(tag: u16) -> Self {
        Self(tag & Self::MAX.0)
    }

    /// Returns the number.
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for VlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A VLAN on a mesh device and how it is set (GET_VLAN).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vlan {
    /// The mesh device's name.
    pub mesh: IfName,
    /// The mesh device's index.
    pub mesh_index: IfIndex,
    /// The VLAN's number.
    pub id: VlanId,
    /// How it is set.
    pub settings: VlanSettings,
}

impl TryFrom<&BatadvMessage> for Vlan {
    type Error = Incomplete;

    fn try_from(message: &BatadvMessage) -> Result<Self, Incomplete> {
        let mesh = required!(message, MeshIfname)?;
        let VlanNumber(number) = required!(message, VlanId)?;
        Ok(Self {
            mesh: mesh.parse().map_err(|_| Incomplete::Senseless("MeshIfname"))?,
            mesh_index: IfIndex(required!(message, MeshIfindex)?),
            id: VlanId::new(number).map_err(|_| Incomplete::Senseless("VlanId"))?,
            settings: VlanSettings::from(message),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{BatadvAttr, BatadvCmd};

    fn reply(number: u16, more: Vec<BatadvAttr>) -> BatadvMessage {
        let identity = vec![
            BatadvAttr::MeshIfindex(5),
            BatadvAttr::MeshIfname("bat0".to_owned()),
            BatadvAttr::VlanId(VlanNumber(number)),
        ];
        BatadvMessage::new(BatadvCmd::GetVlan, [identity, more].concat())
    }

    #[test]
    fn vlan_is_read_with_its_setting() {
        let vlan = Vlan::try_from(&reply(100, vec![BatadvAttr::ApIsolationEnabled(true)]));

        let vlan = vlan.unwrap();
        assert_eq!((vlan.mesh.as_str(), vlan.id.number()), ("bat0", 100));
        assert_eq!(vlan.settings.ap_isolation, Some(true));
    }

    #[test]
    fn vlan_whose_setting_is_not_told_has_it_absent() {
        assert_eq!(Vlan::try_from(&reply(1, vec![])).unwrap().settings.ap_isolation, None);
    }

    #[test]
    fn vlan_of_more_than_twelve_bits_makes_no_sense() {
        let refusal = Err(Incomplete::Senseless("VlanId"));

        assert_eq!(Vlan::try_from(&reply(4096, vec![])), refusal);
        assert_eq!(
            VlanId::new(4096).unwrap_err().to_string(),
            "4096 is no VLAN's number: at most 4095 is expected"
        );
    }
}
