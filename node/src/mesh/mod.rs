//! The kernel's mesh as people and scripts read it: tables, topology, names instead of addresses.

pub mod columns;
pub mod gateway;
pub mod measurements;
pub mod names;
mod rows;
pub mod topology;

pub use rows::{Columns, Told};
