//! The processor architectures that images are made for, and what others call them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A processor architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// 64-bit x86.
    X86_64,
    /// 64-bit ARM.
    Aarch64,
    /// 32-bit ARM with floating point in hardware.
    Armv7,
}

/// A name that is no architecture's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no architecture {0:?}: x86_64, aarch64 or armv7")]
pub struct UnknownArchitecture(pub String);

impl Architecture {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::X86_64, Self::Aarch64, Self::Armv7];

    /// The host's own.
    pub fn of_host() -> Option<Self> {
        match std::env::consts::ARCH {
            "arm" => Some(Self::Armv7),
            name => name.parse().ok(),
        }
    }

    /// Its name here, in file names and in updates.
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
            Self::Armv7 => "armv7",
        }
    }

    /// Debian's name of it.
    pub const fn debian(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Aarch64 => "arm64",
            Self::Armv7 => "armhf",
        }
    }

    /// The file that UEFI firmware starts from a disk that it knows nothing of.
    pub const fn efi_program(self) -> &'static str {
        match self {
            Self::X86_64 => "EFI/BOOT/BOOTX64.EFI",
            Self::Aarch64 => "EFI/BOOT/BOOTAA64.EFI",
            Self::Armv7 => "EFI/BOOT/BOOTARM.EFI",
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Architecture {
    type Err = UnknownArchitecture;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|it| it.name() == name)
            .ok_or_else(|| UnknownArchitecture(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back_from_text_and_from_json() {
        for architecture in Architecture::ALL {
            let name = architecture.to_string();

            assert_eq!(name.parse(), Ok(architecture));
            let table: std::collections::BTreeMap<String, Architecture> =
                toml::from_str(&format!("it = \"{name}\"")).unwrap();
            assert_eq!(table["it"], architecture);
        }
    }

    #[test]
    fn other_names_are_refused() {
        let refused = "amd64".parse::<Architecture>().unwrap_err();

        assert_eq!(refused.to_string(), "no architecture \"amd64\": x86_64, aarch64 or armv7");
    }
}
