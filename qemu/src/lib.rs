//! The lab: boots the image in QEMU, wires machines up, breaks them, watches them.
#![forbid(unsafe_code)]

pub mod accel;
pub mod board;
pub mod chooser;
pub mod console;
pub mod http;
pub mod image_status;
pub mod io;
pub mod machine;
pub mod node;
pub mod patience;
pub mod qmp;
pub mod scenario;
mod scenarios;
pub mod spire;
pub mod status;
pub mod topology;
pub mod update;
