//! Getting an update onto the slot that does not run: what is decided on the way. Pure; `io::installing` does it.
//!
//! ```text
//!  fetch: metadata --> Available      install: hours, rate, retries --> the slot, chunk by chunk --> read back
//!  activate: the health before is kept, the slot is set on trial, the router reboots
//! ```

pub mod bucket;
pub mod firmware;
pub mod history;
pub mod journal;
pub mod pace;
pub mod progress;
pub mod refusal;
pub mod retry;
pub mod table;
pub mod told;
pub mod window;
