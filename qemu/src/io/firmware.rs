//! What the lab boots: the one place that knows how a machine's disk is made.

use std::path::Path;

use crate::node::Node;

/// An image that machines can be booted from.
pub trait Firmware: Sync {
    /// Returns the kernel that QEMU loads.
    fn kernel(&self) -> &Path;

    /// Returns the initramfs that goes with the kernel, if it needs one.
    fn initramfs(&self) -> Option<&Path>;

    /// Returns the kernel's command line.
    fn command_line(&self) -> &str;

    /// Writes a node's disk, the way a router is flashed, or returns `false` if it has none.
    fn flash(&self, node: &Node, disk: &Path) -> anyhow::Result<bool>;
}
