//! Makes a real kernel believe in a mesh of many nodes: one neighbour on a link that speaks for all of them.
//!
//! [`Crowd`] is the mesh as a value and says which frames its neighbour sends; [`io::Flood`] sends them.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use batman::RoutingAlgorithm;
//! use batman_flood::{Crowd, io::Flood};
//!
//! # fn main() -> std::io::Result<()> {
//! // `mesh0`, the other end of the cable, is a hard interface of a mesh that now has a thousand nodes.
//! let cable = "mesh1".parse().expect("it is a link's name");
//! let crowd = Crowd { clients: 10, ..Crowd::new(RoutingAlgorithm::BatmanIv, 1000) };
//! let flood = Flood::begin(&cable, crowd, Duration::from_secs(1))?;
//! # drop(flood);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

pub mod checksum;
mod crowd;
pub mod io;
pub mod packet;

pub use crowd::Crowd;
