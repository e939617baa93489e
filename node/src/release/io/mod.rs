//! Carries out: fetching, keeping what is trusted.
#![expect(clippy::disallowed_methods, reason = "this is where releases meet files and sockets")]

pub mod check;
pub mod client;
pub mod download;
pub mod fetch;
mod file;
mod http;
pub mod keys;
pub mod repository;
mod store;
pub mod updates;
