//! A mesh as a value: as it is wanted, and as it was seen.

mod device;
mod neighbour_links;
mod seen;
mod tables;
mod wanted;

pub use device::{GatewayMode, MeshDevice, Settings};
pub use neighbour_links::NeighbourLink;
pub(crate) use seen::relevant;
pub use seen::{Link, Seen};
pub use tables::{HardInterface, Neighbour, Originator};
use thiserror::Error;
pub use wanted::{Contradiction, Wanted};

/// A reply of the kernel without something that every such reply has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Incomplete {
    /// The attribute is not there.
    #[error("the reply has no {0}")]
    Absent(&'static str),
    /// The attribute is there and says nothing sensible.
    #[error("the reply's {0} makes no sense")]
    Senseless(&'static str),
}

/// The value of the first attribute of this kind, if there is one: absent is not zero.
macro_rules! attribute {
    ($message:expr, $variant:ident) => {
        $message.attributes.iter().find_map(|attribute| match attribute {
            $crate::codec::BatadvAttr::$variant(value) => Some(value.clone()),
            _ => None,
        })
    };
}

/// The same for what every such reply carries.
macro_rules! required {
    ($message:expr, $variant:ident) => {
        attribute!($message, $variant).ok_or($crate::mesh::Incomplete::Absent(stringify!($variant)))
    };
}

use {attribute, required};
