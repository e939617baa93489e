//! Finds the boards' firmware on the host.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use image::Architecture;

use crate::machine::Boot;

/// OVMF's program and its memory as it leaves the factory.
const OVMF: [&str; 2] = ["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"];

/// U-Boot, which is UEFI enough for the slot chooser and keeps nothing.
const U_BOOT: &str = "/usr/lib/u-boot";

/// Prepares a board's firmware for a machine whose own memory, if it has one, is kept in `directory`.
///
/// # Errors
/// If the host lacks the firmware.
pub(super) fn boot(architecture: Architecture, directory: &Path) -> anyhow::Result<Boot> {
    let u_boot = |flavour| PathBuf::from(U_BOOT).join(flavour).join("u-boot.bin");
    match architecture {
        Architecture::X86_64 => {
            let [code, fresh] = OVMF.map(PathBuf::from);
            let variables = directory.join("variables");
            if !variables.exists() {
                fs::copy(&fresh, &variables)
                    .with_context(|| format!("{}: install ovmf", fresh.display()))?;
            }
            Ok(Boot::Firmware { code, variables: Some(variables) })
        }
        Architecture::Aarch64 => Ok(Boot::Firmware { code: u_boot("qemu_arm64"), variables: None }),
        Architecture::Armv7 => Ok(Boot::Firmware { code: u_boot("qemu_arm"), variables: None }),
    }
}
