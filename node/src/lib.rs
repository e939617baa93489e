//! The node: pure modules decide what a router does next, [`io`] and [`run`] act.
//!
//! ```text
//!  batman ----+
//!  spire -----+--> Observation --> analyze --> Findings --> plan --> Actions --> apply --> observe again
//!  sessions --+                        \______ Knowledge: bounded history _______/
//! ```

pub mod analyze;
pub mod clock_floor;
pub mod config;
pub mod data;
pub mod hello;
pub mod install;
pub mod io;
pub mod knowledge;
pub mod measuring;
pub mod mesh;
pub mod neighbours;
pub mod observation;
pub mod peers;
pub mod plan;
pub mod prepare;
pub mod proto;
pub mod release;
pub mod run;
pub mod self_check;
pub mod status;
pub mod table;
pub mod trial;

#[cfg(test)]
mod samples;
