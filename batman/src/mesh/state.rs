use super::{
    Incomplete,
    reply::{attribute, required},
};
use crate::{
    IfIndex, IfName, MacAddr,
    codec::{BatadvMessage, McastFlags, McastFlagsPriv},
};

/// What a mesh device is at, beside how it is set (GET_MESH). What this kernel was built without
/// is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeshState {
    /// The version of this node's table of clients; it wraps.
    pub table_version: u8,
    /// The group by which bridge loop avoidance knows the nodes of one LAN.
    pub backbone_group: Option<u16>,
    /// Which multicast this node asks for.
    pub multicast: Option<McastFlags>,
    /// What this node knows of multicast on its bridge.
    pub bridge_multicast: Option<McastFlagsPriv>,
    /// The hard interface whose address this node is known by; nothing while none is active.
    pub primary: Option<Primary>,
}

/// The hard interface whose address a node is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Primary {
    /// The link's name.
    pub name: IfName,
    /// The link's index.
    pub index: IfIndex,
    /// The node's address as an originator.
    pub address: MacAddr,
}

impl TryFrom<&BatadvMessage> for MeshState {
    type Error = Incomplete;

    fn try_from(message: &BatadvMessage) -> Result<Self, Incomplete> {
        Ok(Self {
            table_version: required!(message, TtTtvn)?,
            backbone_group: attribute!(message, BlaCrc),
            multicast: attribute!(message, McastFlags),
            bridge_multicast: attribute!(message, McastFlagsPriv),
            primary: attribute!(message, HardIfname)
                .map(|name| primary(&name, message))
                .transpose()?,
        })
    }
}

fn primary(name: &str, message: &BatadvMessage) -> Result<Primary, Incomplete> {
    Ok(Primary {
        name: name.parse().map_err(|_| Incomplete::Senseless("HardIfname"))?,
        index: IfIndex(required!(message, HardIfindex)?),
        address: required!(message, HardAddress)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{BatadvAttr, BatadvCmd};

    fn read(attributes: Vec<BatadvAttr>) -> Result<MeshState, Incomplete> {
        MeshState::try_from(&BatadvMessage::new(BatadvCmd::GetMesh, attributes))
    }

    #[test]
    fn mesh_without_an_active_hard_interface_has_no_primary() {
        let state = read(vec![BatadvAttr::TtTtvn(3)]).unwrap();

        assert_eq!((state.table_version, state.primary, state.backbone_group), (3, None, None));
    }

    #[test]
    fn node_is_known_by_its_primary_hard_interface() {
        let address = MacAddr([2, 0, 0, 0, 0, 0xa]);
        let state = read(vec![
            BatadvAttr::TtTtvn(0),
            BatadvAttr::BlaCrc(0xe581),
            BatadvAttr::McastFlags(McastFlags::WANT_ALL_IPV4),
            BatadvAttr::HardIfname("eth0".to_owned()),
            BatadvAttr::HardIfindex(2),
            BatadvAttr::HardAddress(address),
        ]);

        let state = state.unwrap();
        assert_eq!(state.primary.map(|primary| primary.address), Some(address));
        assert_eq!(state.backbone_group, Some(0xe581));
        assert_eq!(state.multicast, Some(McastFlags::WANT_ALL_IPV4));
        assert_eq!(state.bridge_multicast, None);
    }

    #[test]
    fn primary_that_is_told_by_half_says_what_is_missing() {
        let half = read(vec![BatadvAttr::TtTtvn(0), BatadvAttr::HardIfname("eth0".to_owned())]);

        assert_eq!(half, Err(Incomplete::Absent("HardIfindex")));
    }
}
