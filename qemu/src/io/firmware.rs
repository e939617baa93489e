//! What the lab boots: the one place that knows how a machine's disk is made.

use std::path::Path;

use image::io::{Packed, provision_disk};
use image::provision::{HostName, JoinToken, Provision, Uplink};

use crate::node::Node;

/// Something that machines can be booted from.
pub trait Firmware: Sync {
    /// Returns the kernel that QEMU loads.
    fn kernel(&self) -> &Path;

    /// Returns the initramfs that goes with the kernel, if it needs one.
    fn initramfs(&self) -> Option<&Path>;

    /// Returns the kernel's command line.
    fn command_line(&self) -> &str;

    /// Returns the update to the same.
    fn update(&self) -> &Path;

    /// Writes a node's disk, the way a router is flashed, or returns `false` if it has none.
    fn flash(&self, node: &Node, disk: &Path) -> anyhow::Result<bool>;
}

impl Firmware for Packed {
    fn kernel(&self) -> &Path {
        &self.kernel
    }

    fn initramfs(&self) -> Option<&Path> {
        self.initramfs.as_deref()
    }

    fn command_line(&self) -> &str {
        &self.command_line
    }

    fn update(&self) -> &Path {
        &self.update
    }

    fn flash(&self, node: &Node, disk: &Path) -> anyhow::Result<bool> {
        let enrolment = node.enrolment.as_ref();
        let provision = Provision {
            host_name: HostName::new(&node.name)?,
            config: node.config.clone(),
            join_token: enrolment.map(|it| JoinToken(it.join_token.secret().into())),
            trust_bundle: enrolment.map(|it| it.bundle_pem.clone()),
            update_root: node.update_root.clone(),
            uplink: Uplink::Dhcp,
        };
        provision_disk(self, &provision, disk)?;
        Ok(true)
    }
}
