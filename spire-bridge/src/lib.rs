//! Identity: the pure modules decide how the SPIRE agent is run and who is trusted, [`io`] acts.
//!
//! | question | module |
//! |---|---|
//! | How is upstream's agent configured, when is it started and stopped? | [`agent`] |
//! | Who are we, until when, and whom do we trust? | [`identity`] |
//! | Which peers may speak to us? | [`rule`] |
//! | How do two peers prove it to each other? | [`tls`] |
//! | Why was a peer turned away? | [`Refusal`] |
//!
//! Nothing here knows of meshes, neighbours or netlink.
#![forbid(unsafe_code)]

pub mod agent;
mod error;
pub mod identity;
pub mod io;
mod refusal;
pub mod rule;
pub mod tls;
mod uptime;

pub use error::Error;
pub use refusal::Refusal;
pub use spiffe::{SpiffeId, TrustDomain};
pub use uptime::{Uptime, doubling};
