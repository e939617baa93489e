use crate::IfName;

/// The LAN side of a mesh: a bridge of the mesh device and of the ports that clients are on.
///
/// A bridge that exists is adopted. Ports that others have added are left: an access point's
/// interface is added by the program that runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lan {
    /// The bridge.
    pub bridge: IfName,
    /// The ports, beside the mesh device.
    pub ports: Vec<IfName>,
}
