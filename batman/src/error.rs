//! What can go wrong between this crate and the kernel, by whose fault it is.

use std::{fmt, io};

use netlink_packet_core::DecodeError;
use thiserror::Error;

use crate::{IfName, Incomplete, MacAddr, MeasurementFault, Step, VlanId, codec::BatadvCmd};

/// A result whose error says whose fault it is.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something did not happen, by whose fault it is.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernel's: it was built or installed without batman-adv. Asking for the family or for a
    /// mesh device makes the kernel load the module, so it is not merely unloaded.
    #[error(
        "this kernel has no batman-adv: install the batman-adv module that belongs to it, or build \
         it with CONFIG_BATMAN_ADV"
    )]
    NoBatmanAdv,
    /// The operator's: the process was started without the capability that the request needs.
    #[error("cannot {request} without CAP_NET_ADMIN: start as root, or grant that capability")]
    Permission {
        /// What was asked.
        request: Request,
    },
    /// The operator's: the name of the mesh device belongs to a link that is none.
    #[error("cannot {request}: {link} is no mesh device")]
    NotAMesh {
        /// What was asked.
        request: Request,
        /// The link.
        link: IfName,
    },
    /// The kernel's: its batman-adv was built without what was asked for.
    #[error("cannot {request}: this kernel's batman-adv was built without {option}")]
    NotBuilt {
        /// What was asked.
        request: Request,
        /// The option that it should be built with.
        option: &'static str,
    },
    /// The request's: the kernel understood it and refused.
    #[error("cannot {request}: {errno}{}", reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default())]
    Refused {
        /// What was asked.
        request: Request,
        /// The kernel's error number.
        errno: Errno,
        /// The kernel's own words (extended acknowledgement), where it has any.
        reason: Option<String>,
    },
    /// Somebody else's: what was read kept changing while it was read.
    #[error("cannot {request}: it changed during each of {attempts} attempts")]
    Unsteady {
        /// What was asked.
        request: Request,
        /// How often.
        attempts: usize,
    },
    /// As its source says: the throughput was not measured.
    #[error("cannot {request}")]
    Measurement {
        /// What was asked.
        request: Request,
        /// Why, by whose fault it is.
        #[source]
        fault: MeasurementFault,
    },
    /// This machine's: the answer was told while more was told than was read in time.
    #[error("cannot {request}: the kernel told more than was read in time")]
    Missed {
        /// What was asked.
        request: Request,
    },
    /// The kernel's: its answer could not be decoded.
    #[error("cannot {request}: the kernel's answer could not be decoded")]
    Undecodable {
        /// What was asked.
        request: Request,
        /// What is wrong with the answer.
        source: DecodeError,
    },
    /// The kernel's: its answer lacks something.
    #[error("cannot {request}")]
    Incomplete {
        /// What was asked.
        request: Request,
        /// What is lacking.
        source: Incomplete,
    },
    /// This machine's: the socket failed.
    #[error("cannot {request}: the netlink socket failed")]
    Socket {
        /// What was asked.
        request: Request,
        /// How it failed.
        source: io::Error,
    },
}

/// What was asked of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// To open a netlink socket.
    Open,
    /// To tell of changes to links.
    Events,
    /// To list the links.
    Links,
    /// To read one link.
    Link(IfName),
    /// To list the addresses of links.
    Addresses,
    /// To find the family `batadv`.
    Family,
    /// To read the mesh device.
    Mesh(IfName),
    /// To list the hard interfaces of a mesh.
    HardInterfaces(IfName),
    /// To list the neighbours in a mesh.
    Neighbours(IfName),
    /// To list the originators in a mesh.
    Originators(IfName),
    /// To list the gateways in a mesh.
    Gateways(IfName),
    /// To list the clients of this node.
    LocalClients(IfName),
    /// To list the clients of other nodes.
    GlobalClients(IfName),
    /// To list the claims of bridge loop avoidance.
    Claims(IfName),
    /// To list the backbones of bridge loop avoidance.
    Backbones(IfName),
    /// To list the cache of the distributed ARP table.
    CachedAddresses(IfName),
    /// To list the multicast flags of the originators.
    MulticastFlags(IfName),
    /// To list a table by a command that has no name here.
    Table(BatadvCmd, IfName),
    /// To list the routing algorithms that the kernel offers.
    Algorithms,
    /// To read a VLAN on a mesh device.
    Vlan(IfName, VlanId),
    /// To read what a mesh device has counted.
    Counters(IfName),
    /// To tell of changes of settings and of throughput measurements.
    Notifications,
    /// To tell of events of mesh devices.
    Uevents,
    /// To measure the throughput to a node in a mesh.
    Measure(IfName, MacAddr),
    /// To cancel the measurement to a node in a mesh.
    CancelMeasurement(IfName, MacAddr),
    /// To take a step.
    Step(Step),
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open netlink"),
            Self::Events => f.write_str("listen for changes to links"),
            Self::Links => f.write_str("list the links"),
            Self::Link(name) => write!(f, "read link {name}"),
            Self::Addresses => f.write_str("list the addresses"),
            Self::Family => f.write_str("find batman-adv"),
            Self::Mesh(mesh) => write!(f, "read mesh {mesh}"),
            Self::HardInterfaces(mesh) => write!(f, "list the hard interfaces of {mesh}"),
            Self::Neighbours(mesh) => write!(f, "list the neighbours in {mesh}"),
            Self::Originators(mesh) => write!(f, "list the originators in {mesh}"),
            Self::Gateways(mesh) => write!(f, "list the gateways in {mesh}"),
            Self::LocalClients(mesh) => write!(f, "list the clients of this node in {mesh}"),
            Self::GlobalClients(mesh) => write!(f, "list the clients of other nodes in {mesh}"),
            Self::Claims(mesh) => write!(f, "list the claims in {mesh}"),
            Self::Backbones(mesh) => write!(f, "list the backbones in {mesh}"),
            Self::CachedAddresses(mesh) => write!(f, "list the cached addresses in {mesh}"),
            Self::MulticastFlags(mesh) => write!(f, "list the multicast flags in {mesh}"),
            Self::Table(command, mesh) => write!(f, "list {command:?} of {mesh}"),
            Self::Algorithms => f.write_str("list the routing algorithms"),
            Self::Vlan(mesh, vlan) => write!(f, "read VLAN {vlan} on {mesh}"),
            Self::Counters(mesh) => write!(f, "read the counters of {mesh}"),
            Self::Notifications => f.write_str("listen to batman-adv"),
            Self::Uevents => f.write_str("listen for events of mesh devices"),
            Self::Measure(mesh, node) => {
                write!(f, "measure the throughput to {node} in {mesh}")
            }
            Self::CancelMeasurement(mesh, node) => {
                write!(f, "cancel the measurement to {node} in {mesh}")
            }
            Self::Step(step) => step.fmt(f),
        }
    }
}

/// A kernel's error number (include/uapi/asm-generic/errno.h), positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Errno(pub i32);

impl Errno {
    /// The caller lacks a capability.
    pub const EPERM: Self = Self(1);
    /// There is no such thing: no such family, or a mesh without an active hard interface.
    pub const ENOENT: Self = Self(2);
    /// It cannot be changed while it is in use.
    pub const EBUSY: Self = Self(16);
    /// There is such a thing already.
    pub const EEXIST: Self = Self(17);
    /// There is no such link.
    pub const ENODEV: Self = Self(19);
    /// The request makes no sense.
    pub const EINVAL: Self = Self(22);
    /// The kernel knows no such kind of link.
    pub const EOPNOTSUPP: Self = Self(95);
    /// The link has no such address.
    pub const EADDRNOTAVAIL: Self = Self(99);
    /// Messages were lost because they were not read in time.
    pub const ENOBUFS: Self = Self(105);
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        io::Error::from_raw_os_error(self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operator_reads_what_to_do() {
        let step = Step::SetUp { link: "eth0".parse().unwrap() };
        let permission = Error::Permission { request: Request::Step(step.clone()) };
        let refused = Error::Refused {
            request: Request::Step(step),
            errno: Errno::ENODEV,
            reason: Some("gone".to_owned()),
        };

        assert_eq!(
            permission.to_string(),
            "cannot set eth0 up without CAP_NET_ADMIN: start as root, or grant that capability"
        );
        assert_eq!(refused.to_string(), "cannot set eth0 up: No such device (os error 19): gone");
        assert!(Error::NoBatmanAdv.to_string().starts_with("this kernel has no batman-adv: "));
    }
}
