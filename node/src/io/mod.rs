//! Carries out: sockets, clocks, the local API.
#![expect(clippy::disallowed_methods, reason = "this is where the node acts on the world")]

pub mod api;
pub mod clock;
pub mod control;
pub mod disk;
pub mod durable;
pub mod host;
pub mod keep;
mod kernel_calls;
pub mod log;
pub mod places;
pub mod prepare;
pub mod probe;
mod slots;
