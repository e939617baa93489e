//! What is on the device: partition layout, root file system, provisioning.
//!
//! [`Manifest`] says what an image holds, [`Layout`] where it lies on the disk, [`Provision`] what makes one machine
//! different from the next. [`io`] gathers the parts, packs them and writes a machine's disk.
#![forbid(unsafe_code)]

pub mod apt;
mod architecture;
pub mod block;
pub mod boot;
pub mod bzimage;
pub mod cpio;
pub mod elf;
mod error;
pub mod fat;
pub mod flash;
pub mod io;
pub mod keep;
pub mod layout;
pub mod manifest;
pub mod modules;
pub mod power_cut;
pub mod provision;
mod size;
pub mod slot;
pub mod update;

pub use architecture::Architecture;
pub use error::Error;
pub use layout::Layout;
pub use manifest::Manifest;
pub use provision::Provision;
pub use size::Size;
