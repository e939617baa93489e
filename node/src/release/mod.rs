//! Releases: what a signed repository offers this router, and how one is published.
//!
//! A release is a TUF repository of plain files. [`Client`] walks its metadata and refuses by name
//! ([`Refusal`]) whatever does not hold; [`choice`] picks the update for this board. The client never asks a clock:
//! the caller says [`Now`], so that a router in 1970 neither fails for ever nor takes what has expired.

pub mod choice;
pub mod custom;
pub mod expiry;
pub mod floor;
pub mod io;
pub mod listing;
pub mod publish;
mod refusal;
pub mod trusted;

pub use choice::{Available, Running, Target};
pub use custom::Custom;
pub use expiry::{Now, TimeSource};
pub use floor::Floor;
pub use io::client::{Client, Settings};
pub use io::download::Download;
pub use io::fetch::Patience;
pub use refusal::{Error, Refusal, Role};
