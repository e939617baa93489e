//! The machines that QEMU emulates, one for each architecture of the image.

use std::fmt;

/// A machine type, with the processor that it is emulated with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Board {
    /// A PC.
    X86_64,
    /// A 64-bit ARM machine.
    Aarch64,
    /// A 32-bit ARM machine.
    Armv7,
}

impl Board {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::X86_64, Self::Aarch64, Self::Armv7];

    /// Finds the board for an architecture of the image by its name.
    pub fn parse(architecture: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|board| board.to_string() == architecture)
    }

    /// Returns the program that emulates it.
    pub fn program(self) -> &'static str {
        match self {
            Self::X86_64 => "qemu-system-x86_64",
            Self::Aarch64 => "qemu-system-aarch64",
            Self::Armv7 => "qemu-system-arm",
        }
    }

    /// Returns the value of QEMU's `-M`.
    pub fn machine(self) -> &'static str {
        match self {
            Self::X86_64 => "q35",
            Self::Aarch64 => "virt",
            // Without large physical addresses a kernel sees nothing above 4 GiB.
            Self::Armv7 => "virt,highmem=off",
        }
    }

    /// Returns the value of QEMU's `-cpu`.
    pub fn processor(self) -> &'static str {
        match self {
            Self::X86_64 => "max",
            Self::Aarch64 => "cortex-a53",
            Self::Armv7 => "cortex-a7",
        }
    }

    /// Returns the name of its serial line under Linux.
    pub fn serial_line(self) -> &'static str {
        match self {
            Self::X86_64 => "ttyS0",
            Self::Aarch64 | Self::Armv7 => "ttyAMA0",
        }
    }

    /// Returns the watchdog that it is given, if its kernel has a driver for one.
    pub fn watchdog(self) -> Option<&'static str> {
        match self {
            Self::X86_64 | Self::Aarch64 => Some("i6300esb"),
            Self::Armv7 => None,
        }
    }
}

impl fmt::Display for Board {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
            Self::Armv7 => "armv7",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_board_is_found_by_its_architecture() {
        for board in Board::ALL {
            assert_eq!(Board::parse(&board.to_string()), Some(board));
        }

        assert_eq!(Board::parse("m68k"), None);
    }
}
