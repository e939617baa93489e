//! Carries out: sockets, clocks, the local API.
#![expect(clippy::disallowed_methods, reason = "this is where the node acts on the world")]

pub mod api;
pub mod clock;
pub mod clock_trust;
pub mod control;
pub mod data;
pub mod disk;
pub mod durable;
pub mod factory_reset;
pub mod host;
pub mod image_api;
pub mod installing;
pub mod keep;
mod kernel_calls;
pub mod log;
pub mod meter;
pub mod places;
pub mod prepare;
pub mod probe;
pub mod scrub;
mod slots;
pub mod watchdog;
