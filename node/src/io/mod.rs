//! Carries out: sockets, clocks, the local API.
#![expect(clippy::disallowed_methods, reason = "this is where the node acts on the world")]

pub mod api;
pub mod clock;
pub mod control;
pub mod host;
pub mod log;
pub mod probe;
