//! Makes the volumes that the firmware reads.

use std::fs::File;
use std::path::Path;

use super::{Parts, files, tool};
use crate::boot::{self, Kernel};
use crate::manifest::Boot;
use crate::slot::trial::ImageId;
use crate::slot::{Environment, Slot};
use crate::{Error, Layout, Manifest, Size};

/// The volumes, and what the kernel in the first slot is told.
pub(super) struct Volumes {
    pub(super) esp: Vec<u8>,
    pub(super) boot_a: Vec<u8>,
    pub(super) boot_b: Vec<u8>,
    pub(super) command_line: String,
}

pub(super) fn make(
    manifest: &Manifest,
    layout: &Layout,
    parts: &Parts,
    contents: &mut Vec<(String, Size)>,
) -> Result<Volumes, Error> {
    let program = files::read(&parts.efi_kernel)?;
    let initramfs = parts.initramfs.as_deref().map(compress).transpose()?;
    let chooser = files::read(&parts.chooser)?;
    let mut weigh = |name: &str, bytes: &[u8]| {
        contents.push((name.to_owned(), Size(bytes.len() as u64)));
    };
    weigh("slot chooser", &chooser);
    weigh(boot::KERNEL, &program);
    if let Some(initramfs) = &initramfs {
        weigh(boot::INITRAMFS, initramfs);
    }

    let kernel = Kernel { program: &program, initramfs: initramfs.as_deref() };
    let fault = |partition: &str| {
        let partition = partition.to_owned();
        move |source| Error::Volume { partition, source }
    };
    let Boot::EfiBootGuard { command_line, .. } = &manifest.boot;
    let image = ImageId::default();
    let confirmed = boot::confirmed(&manifest.boot, &kernel, Slot::A, image)?;
    let slot = |name: &str, slot, environment: &Environment| {
        boot::slot(layout.get(name)?.size, &kernel, environment, Some(slot)).map_err(fault(name))
    };
    Ok(Volumes {
        esp: boot::esp(layout.get("esp")?.size, manifest.architecture, &chooser)
            .map_err(fault("esp"))?,
        boot_a: slot("boot-a", Slot::A, &confirmed)?,
        boot_b: slot("boot-b", Slot::B, &Environment::receiving(image))?,
        command_line: Slot::A.fill(command_line),
    })
}

fn compress(initramfs: &Path) -> Result<Vec<u8>, Error> {
    let source = File::open(initramfs).map_err(files::fault(initramfs))?;
    // Without name and time in it: the same archive gives the same bytes.
    tool::run(tool::command("gzip").args(["-9", "-n", "-c"]).stdin(source))
}
