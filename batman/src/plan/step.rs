use std::fmt;

use crate::{IfName, RoutingAlgorithm};

/// One change to the kernel's state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Creates the mesh device; its algorithm is fixed from then on.
    CreateMesh {
        /// The mesh device.
        mesh: IfName,
        /// The algorithm that it will have.
        algorithm: RoutingAlgorithm,
    },
    /// Deletes the mesh device, which sets its hard interfaces free. A device that is already gone
    /// is deleted enough.
    DeleteMesh {
        /// The mesh device.
        mesh: IfName,
    },
    /// Sets a link up.
    SetUp {
        /// The mesh device or a hard interface.
        link: IfName,
    },
    /// Makes a link a hard interface of the mesh.
    Attach {
        /// The link.
        link: IfName,
        /// The mesh device.
        mesh: IfName,
    },
    /// Takes a link out of the mesh.
    Detach {
        /// The link.
        link: IfName,
        /// The mesh device.
        mesh: IfName,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateMesh { mesh, algorithm } => write!(f, "create {mesh} ({algorithm})"),
            Self::DeleteMesh { mesh } => write!(f, "delete {mesh}"),
            Self::SetUp { link } => write!(f, "set {link} up"),
            Self::Attach { link, mesh } => write!(f, "attach {link} to {mesh}"),
            Self::Detach { link, mesh } => write!(f, "detach {link} from {mesh}"),
        }
    }
}

/// Something that is in the way of the wanted mesh and that no step will move.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Obstacle {
    /// A wanted hard interface does not exist.
    Missing {
        /// The wanted name.
        link: IfName,
    },
    /// A wanted hard interface serves another master.
    Enslaved {
        /// The hard interface.
        link: IfName,
        /// Its master, if that was seen.
        master: Option<IfName>,
    },
    /// The mesh device's name belongs to a link that is no mesh device.
    NameTaken {
        /// The wanted name.
        mesh: IfName,
        /// What the link is instead; nothing for hardware.
        kind: Option<String>,
    },
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { link } => write!(f, "there is no link {link}"),
            Self::Enslaved { link, master: Some(master) } => {
                write!(f, "{link} is enslaved to {master}")
            }
            Self::Enslaved { link, master: None } => {
                write!(f, "{link} is enslaved to another link")
            }
            Self::NameTaken { mesh, kind } => {
                let kind = kind.as_deref().unwrap_or("hardware");
                write!(f, "the name {mesh} belongs to a link that is no mesh ({kind})")
            }
        }
    }
}
