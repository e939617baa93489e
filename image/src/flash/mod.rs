//! Flashing: which disks may be written, how an image comes onto one, and what makes it one router's own.
//!
//! Nothing here reaches a disk: [`crate::io::flash`] looks, asks this module, and does what it says.

pub mod checksum;
pub mod disk;
pub mod mounts;
pub mod plan;
pub mod progress;
pub mod provisioning;
pub mod refusal;
pub mod writing;

pub use disk::{Attachment, Device, DeviceNumber, Disk, Machine, Use};
pub use plan::Plan;
pub use progress::{Pace, Progress};
pub use provisioning::Provisioning;
pub use refusal::{Refusal, refusals};
pub use writing::{Failure, Fingerprint, Medium, Patch, Source, Stage, Watcher};
