//! One router of a lab, as a value.

use image::Architecture;

use crate::machine::{Clock, Uplink};
use crate::spire::Enrolment;

/// Memory of a router: what the smallest supported board has.
const MEMORY_MIB: u32 = 256;

/// What brings a router's kernel into memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loader {
    /// QEMU: the quick way.
    #[default]
    Direct,
    /// The board's firmware and the slot chooser, as on hardware.
    Firmware,
}

/// One router: its name, what is written on its data partition, and what it is plugged into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Name of the machine and of the host that runs on it.
    pub name: String,
    /// The node's configuration, empty for the defaults.
    pub config: String,
    /// What it joins its trust domain with, or `None` for a node without an identity.
    pub enrolment: Option<Enrolment>,
    /// What vouches for its releases, if it is not the image's own.
    pub update_root: Option<String>,
    /// Where `eth0` leads.
    pub uplink: Uplink,
    /// Memory in mebibytes.
    pub memory_mib: u32,
    /// Bytes that its disk has beyond the image's.
    pub more_disk: u64,
    /// The architecture of its processor.
    pub architecture: Architecture,
    /// How it comes up.
    pub loader: Loader,
    /// What its clock shows.
    pub clock: Clock,
}

impl Node {
    /// Describes a router with an uplink, without identity and configuration.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            config: String::new(),
            enrolment: None,
            update_root: None,
            uplink: Uplink::Host,
            memory_mib: MEMORY_MIB,
            more_disk: 0,
            architecture: Architecture::X86_64,
            loader: Loader::Direct,
            clock: Clock::Host,
        }
    }

    /// Gives it a configuration.
    #[must_use]
    pub fn config(mut self, text: impl Into<String>) -> Self {
        self.config = text.into();
        self
    }

    /// Adds a section to its configuration.
    #[must_use]
    pub fn section(mut self, text: &str) -> Self {
        self.config += text;
        self
    }

    /// Gives it what it needs to join a trust domain.
    #[must_use]
    pub fn enrolled(mut self, enrolment: Enrolment) -> Self {
        self.enrolment = Some(enrolment);
        self
    }

    /// Gives it the root of trust of its releases.
    #[must_use]
    pub fn update_root(mut self, root: String) -> Self {
        self.update_root = Some(root);
        self
    }

    /// Takes its uplink away.
    #[must_use]
    pub fn without_uplink(mut self) -> Self {
        self.uplink = Uplink::Nothing;
        self
    }

    /// Gives it a disk that is larger than the image by so many bytes.
    #[must_use]
    pub fn larger_disk(mut self, bytes: u64) -> Self {
        self.more_disk = bytes;
        self
    }

    /// Gives it another amount of memory.
    #[must_use]
    pub fn memory_mib(mut self, mebibytes: u32) -> Self {
        self.memory_mib = mebibytes;
        self
    }

    /// Gives it a processor of another architecture.
    #[must_use]
    pub fn on(mut self, architecture: Architecture) -> Self {
        self.architecture = architecture;
        self
    }

    /// Lets its firmware choose the slot.
    #[must_use]
    pub fn by_firmware(mut self) -> Self {
        self.loader = Loader::Firmware;
        self
    }

    /// Gives it another clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }
}
