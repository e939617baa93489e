//! How a machine's processor is run, and when KVM may be trusted with it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Ways in which QEMU can run a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accel {
    /// Translation in software: slow, and works everywhere.
    Tcg,
    /// The host's own processor.
    Kvm,
}

impl Accel {
    /// Reads the word that a person or a verdict file uses.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "tcg" => Some(Self::Tcg),
            "kvm" => Some(Self::Kvm),
            _ => None,
        }
    }

    /// Renders the value of QEMU's `-accel`.
    pub fn argument(self) -> &'static str {
        match self {
            // Without a bound the translation cache lets one machine grow past 1 GB.
            Self::Tcg => "tcg,tb-size=64",
            Self::Kvm => "kvm",
        }
    }
}

impl fmt::Display for Accel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Tcg => "tcg",
            Self::Kvm => "kvm",
        })
    }
}

/// Last words of a kernel that has come all the way up and found no root file system.
///
/// The probe gives it none: `/dev/kvm` may open and still not run a stock kernel, so nothing
/// earlier than this line proves that the processor works.
pub const PROBE_MARKER: &str = "Unable to mount root fs";

/// Command line of the probe: the panic that ends it also ends the machine.
pub const PROBE_COMMAND_LINE: &str = "console=ttyS0 panic=-1";

/// Judges what the probe's machine wrote on its serial line.
pub fn verdict(serial: &str) -> Accel {
    if serial.contains(PROBE_MARKER) { Accel::Kvm } else { Accel::Tcg }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kvm_is_trusted_only_after_the_kernel_came_all_the_way_up() {
        let stuck = "[    0.000000] Linux version 6.12.117";
        let whole = "[    1.9] Kernel panic - not syncing: VFS: Unable to mount root fs on ...";

        assert_eq!(verdict(""), Accel::Tcg);
        assert_eq!(verdict(stuck), Accel::Tcg);
        assert_eq!(verdict(whole), Accel::Kvm);
    }

    #[test]
    fn every_accelerator_reads_back_its_own_name() {
        for accel in [Accel::Tcg, Accel::Kvm] {
            assert_eq!(Accel::parse(&accel.to_string()), Some(accel));
        }

        assert_eq!(Accel::parse("whpx"), None);
    }
}
