use super::{HardInterface, Incomplete, Report, Vlan, reply::required};
use crate::{
    IfIndex, IfName, MeshSettings,
    codec::{BatadvCmd, BatadvMessage},
};

/// What batman-adv tells everybody who listens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notification {
    /// Somebody changed settings of a mesh.
    Mesh {
        /// The mesh device's name.
        mesh: IfName,
        /// The mesh device's index.
        mesh_index: IfIndex,
        /// All its settings as they are now.
        settings: MeshSettings,
    },
    /// Somebody changed settings of a hard interface.
    HardInterface {
        /// The index of the mesh device that it carries.
        mesh_index: IfIndex,
        /// The hard interface with its settings as they are now.
        interface: HardInterface,
    },
    /// Somebody changed settings of a VLAN, which are now so.
    Vlan(Vlan),
    /// A throughput measurement ended.
    Measured(Report),
    /// Something was told that has no name here, or could not be read.
    Unknown(BatadvCmd),
    /// More was told than was read in time: what is so now is for a question to find out.
    Missed,
}

impl Notification {
    /// Reads a message of a multicast group.
    pub(crate) fn read(message: &BatadvMessage) -> Self {
        let read = match message.cmd {
            BatadvCmd::SetMesh => mesh(message),
            BatadvCmd::SetHardif => hard_interface(message),
            BatadvCmd::SetVlan => Vlan::try_from(message).map(Self::Vlan),
            BatadvCmd::TpMeter => Report::try_from(message).map(Self::Measured),
            other => Ok(Self::Unknown(other)),
        };
        read.unwrap_or(Self::Unknown(message.cmd))
    }
}

fn mesh(message: &BatadvMessage) -> Result<Notification, Incomplete> {
    let name = required!(message, MeshIfname)?;
    Ok(Notification::Mesh {
        mesh: name.parse().map_err(|_| Incomplete::Senseless("MeshIfname"))?,
        mesh_index: IfIndex(required!(message, MeshIfindex)?),
        settings: MeshSettings::from(message),
    })
}

fn hard_interface(message: &BatadvMessage) -> Result<Notification, Incomplete> {
    Ok(Notification::HardInterface {
        mesh_index: IfIndex(required!(message, MeshIfindex)?),
        interface: message.try_into()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{BatadvAttr, VlanNumber};

    fn read(cmd: BatadvCmd, more: Vec<BatadvAttr>) -> Notification {
        let mesh = vec![BatadvAttr::MeshIfindex(5), BatadvAttr::MeshIfname("bat0".to_owned())];
        Notification::read(&BatadvMessage::new(cmd, [mesh, more].concat()))
    }

    #[test]
    fn change_of_a_mesh_brings_its_settings() {
        let told = read(BatadvCmd::SetMesh, vec![BatadvAttr::HopPenalty(15)]);

        let Notification::Mesh { mesh, mesh_index, settings } = told else {
            panic!("{told:?} is no change of a mesh")
        };
        assert_eq!((mesh.as_str(), mesh_index), ("bat0", IfIndex(5)));
        assert_eq!(settings.hop_penalty, Some(15));
    }

    #[test]
    fn change_of_a_vlan_names_it() {
        let told = read(BatadvCmd::SetVlan, vec![BatadvAttr::VlanId(VlanNumber(100))]);

        assert!(matches!(told, Notification::Vlan(vlan) if vlan.id.number() == 100));
    }

    #[test]
    fn what_cannot_be_read_is_told_by_its_command() {
        let incomplete = read(BatadvCmd::SetHardif, vec![]);
        let later = read(BatadvCmd::Other(40), vec![]);

        assert_eq!(incomplete, Notification::Unknown(BatadvCmd::SetHardif));
        assert_eq!(later, Notification::Unknown(BatadvCmd::Other(40)));
    }
}
