use thiserror::Error;

use crate::{IfName, RoutingAlgorithm};

/// A mesh as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    mesh: IfName,
    algorithm: RoutingAlgorithm,
    hard_interfaces: Vec<IfName>,
}

impl Wanted {
    /// Describes a mesh device and the links that carry it, in the order they are given.
    ///
    /// # Errors
    /// A description that no kernel could fulfil is refused with what contradicts itself.
    pub fn new(
        mesh: IfName,
        algorithm: RoutingAlgorithm,
        hard_interfaces: Vec<IfName>,
    ) -> Result<Self, Contradiction> {
        if hard_interfaces.contains(&mesh) {
            return Err(Contradiction::CarriesItself(mesh));
        }
        let mut sorted: Vec<_> = hard_interfaces.iter().collect();
        sorted.sort();
        match sorted.windows(2).find(|pair| pair.first() == pair.last()).and_then(<[_]>::first) {
            Some(&twice) => Err(Contradiction::NamedTwice(twice.clone())),
            None => Ok(Self { mesh, algorithm, hard_interfaces }),
        }
    }

    /// Returns the mesh device's name.
    pub fn mesh(&self) -> &IfName {
        &self.mesh
    }

    /// Returns the routing algorithm.
    pub fn algorithm(&self) -> RoutingAlgorithm {
        self.algorithm
    }

    /// Returns the links that should carry the mesh.
    pub fn hard_interfaces(&self) -> &[IfName] {
        &self.hard_interfaces
    }
}

/// Why a description of a mesh cannot be fulfilled.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Contradiction {
    /// The mesh device is among its own hard interfaces.
    #[error("mesh {0} cannot be its own hard interface")]
    CarriesItself(IfName),
    /// A hard interface is listed twice.
    #[error("hard interface {0} is named twice")]
    NamedTwice(IfName),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(hard_interfaces: &[&str]) -> Result<Wanted, Contradiction> {
        let hard_interfaces = hard_interfaces.iter().map(|name| name.parse().unwrap()).collect();
        Wanted::new("bat0".parse().unwrap(), RoutingAlgorithm::BatmanV, hard_interfaces)
    }

    #[test]
    fn hard_interfaces_keep_their_order() {
        let names: Vec<_> = ["wlan0", "eth1", "eth0"].map(|name| name.parse().unwrap()).into();

        assert_eq!(wanted(&["wlan0", "eth1", "eth0"]).unwrap().hard_interfaces(), names);
    }

    #[test]
    fn contradictions_are_refused_by_name() {
        let itself = wanted(&["eth0", "bat0"]).unwrap_err();
        let twice = wanted(&["eth1", "eth0", "eth1"]).unwrap_err();

        assert_eq!(itself.to_string(), "mesh bat0 cannot be its own hard interface");
        assert_eq!(twice.to_string(), "hard interface eth1 is named twice");
    }
}
