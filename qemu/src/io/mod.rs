//! Where the lab touches the host: processes, sockets, files and clocks.
#![expect(clippy::disallowed_methods, reason = "the lab's effects are carried out here")]

pub mod accel;
mod bios;
pub mod chooser;
pub mod console;
pub mod demo;
pub mod depot;
pub mod firmware;
pub mod http;
pub mod lab;
pub mod machine;
pub mod mesh;
pub mod pair;
pub mod power_cut;
mod process;
pub mod progress;
mod qmp;
pub mod rig;
pub mod site;
mod sockets;
pub mod spire;
pub mod switch;
mod waiting;
