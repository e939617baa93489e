//! The machines that QEMU emulates, one for each architecture of the image.

use image::Architecture;

/// A machine type and what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Board {
    /// The program that emulates it.
    pub program: &'static str,
    /// The value of QEMU's `-M`.
    pub machine: &'static str,
    /// The value of QEMU's `-cpu`.
    pub processor: &'static str,
    /// The watchdog that it is given, if its kernel drives one.
    pub watchdog: Option<&'static str>,
}

impl Board {
    /// Returns the board for an architecture.
    pub const fn of(architecture: Architecture) -> Self {
        match architecture {
            Architecture::X86_64 => Self {
                program: "qemu-system-x86_64",
                machine: "q35",
                processor: "max",
                watchdog: Some("i6300esb"),
            },
            Architecture::Aarch64 => Self {
                program: "qemu-system-aarch64",
                machine: "virt",
                processor: "cortex-a53",
                watchdog: Some("i6300esb"),
            },
            Architecture::Armv7 => Self {
                program: "qemu-system-arm",
                // Without large physical addresses a kernel sees nothing above 4 GiB.
                machine: "virt,highmem=off",
                processor: "cortex-a7",
                watchdog: None,
            },
        }
    }
}
