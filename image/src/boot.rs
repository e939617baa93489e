//! What is in the partitions that the firmware reads: the slot chooser in one, a kernel and the chooser's word on it in
//! each slot's.

use std::io;
use std::time::Duration;

use crate::Architecture;
use crate::fat::{self, File};
use crate::manifest::Boot;
use crate::slot::environment::{self, Environment, State, Unfit};
use crate::slot::trial::{ImageId, Phase};
use crate::slot::{Slot, Trial};

/// The kernel's file in its slot.
pub const KERNEL: &str = "vmlinuz";

/// The initramfs's file in its slot.
pub const INITRAMFS: &str = "initrd.gz";

/// The file that the chooser knows a volume by: firmware may not tell it labels.
const LABEL: &str = "EFILABEL";

/// What a slot boots.
#[derive(Debug, Clone, Copy)]
pub struct Kernel<'a> {
    /// The kernel, which UEFI firmware can start.
    pub program: &'a [u8],
    /// The initramfs, for a kernel that does not reach its root file system by itself.
    pub initramfs: Option<&'a [u8]>,
}

/// Names the kernel for the chooser; `{slot}` stands for the slot.
pub fn kernel_file() -> String {
    format!("C:boot-{{slot}}:{KERNEL}")
}

/// The kernel's command line in a slot's environment; `{slot}` stands for the slot.
pub fn command_line(boot: &Boot, kernel: &Kernel<'_>) -> String {
    let Boot::EfiBootGuard { command_line, .. } = boot;
    match kernel.initramfs {
        // The kernel's own loader looks for it on the kernel's volume.
        Some(_) => format!("{command_line} initrd=\\{INITRAMFS}"),
        None => command_line.clone(),
    }
}

/// Makes the environment of the slot that a fresh disk boots: nothing is on trial.
///
/// # Errors
/// [`Unfit`] when the command line is too long for the chooser.
pub fn confirmed(
    boot: &Boot,
    kernel: &Kernel<'_>,
    slot: Slot,
    image: ImageId,
) -> Result<Environment, Unfit> {
    let kernel = environment::Kernel {
        file: slot.fill(&kernel_file()),
        parameters: slot.fill(&command_line(boot, kernel)),
        watchdog: Duration::ZERO,
    };
    Environment::new(&kernel, State::Ok, 1, Trial::new(Phase::Committed, image))
}

/// Makes the volume that the firmware looks for.
///
/// # Errors
/// When it does not fit.
pub fn esp(size: u64, architecture: Architecture, chooser: &[u8]) -> io::Result<Vec<u8>> {
    fat::volume(size, &[File { path: architecture.efi_program(), content: chooser }], None)
}

/// Makes a slot's volume. The label lies behind all else, where no update writes but by itself. Without a kernel it is a volume
/// to be written to.
///
/// # Errors
/// When it does not fit.
pub fn slot(
    size: u64,
    kernel: Option<&Kernel<'_>>,
    environment: &Environment,
    slot: Slot,
) -> io::Result<Vec<u8>> {
    // First, so that it always lies at the same place.
    let mut files = vec![File { path: environment::FILE, content: environment.as_bytes() }];
    if let Some(kernel) = kernel {
        files.push(File { path: KERNEL, content: kernel.program });
        files.extend(kernel.initramfs.map(|content| File { path: INITRAMFS, content }));
    }
    let label: Vec<u8> =
        slot.fill("boot-{slot}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    fat::volume(size, &files, Some(File { path: LABEL, content: &label }))
}
