//! Makes the volumes that the firmware reads.

use std::fs::File;
use std::path::Path;

use super::{Parts, files, tool};
use crate::boot::{self, Kernel};
use crate::slot::trial::ImageId;
use crate::slot::{Environment, Slot};
use crate::{Error, Layout, Manifest};

/// What a slot boots, read.
pub(super) struct Boots {
    program: Vec<u8>,
    initramfs: Option<Vec<u8>>,
    chooser: Vec<u8>,
}

/// The volumes of a disk whose first slot boots.
pub(super) struct Volumes {
    pub(super) esp: Vec<u8>,
    pub(super) boot_a: Vec<u8>,
    pub(super) boot_b: Vec<u8>,
}

impl Boots {
    pub(super) fn read(parts: &Parts) -> Result<Self, Error> {
        Ok(Self {
            program: files::read(&parts.efi_kernel)?,
            initramfs: parts.initramfs.as_deref().map(compress).transpose()?,
            chooser: files::read(&parts.chooser)?,
        })
    }

    pub(super) fn kernel(&self) -> Kernel<'_> {
        Kernel { program: &self.program, initramfs: self.initramfs.as_deref() }
    }

    /// Names each file and its bytes.
    pub(super) fn files(&self) -> Vec<(&'static str, &[u8])> {
        let initramfs = self.initramfs.as_deref().map(|it| (boot::INITRAMFS, it));
        [("slot chooser", self.chooser.as_slice()), (boot::KERNEL, &self.program)]
            .into_iter()
            .chain(initramfs)
            .collect()
    }
}

/// Makes a slot's volume that nothing boots: what an update brings.
pub(super) fn unconfirmed(layout: &Layout, boots: &Boots) -> Result<Vec<u8>, Error> {
    let environment = Environment::receiving(ImageId::default());
    slot(layout, "boot-a", Some(&boots.kernel()), &environment, Slot::A)
}

/// Makes the volumes of a disk.
pub(super) fn make(
    manifest: &Manifest,
    layout: &Layout,
    boots: &Boots,
    image: ImageId,
) -> Result<Volumes, Error> {
    let kernel = boots.kernel();
    let confirmed = boot::confirmed(&manifest.boot, &kernel, Slot::A, image)?;
    let empty = Environment::receiving(ImageId::default());
    Ok(Volumes {
        esp: boot::esp(layout.get("esp")?.size, manifest.architecture, &boots.chooser)
            .map_err(fault("esp"))?,
        boot_a: slot(layout, "boot-a", Some(&kernel), &confirmed, Slot::A)?,
        boot_b: slot(layout, "boot-b", None, &empty, Slot::B)?,
    })
}

fn slot(
    layout: &Layout,
    name: &str,
    kernel: Option<&Kernel<'_>>,
    environment: &Environment,
    slot: Slot,
) -> Result<Vec<u8>, Error> {
    boot::slot(layout.get(name)?.size, kernel, environment, slot).map_err(fault(name))
}

fn fault(partition: &str) -> impl FnOnce(std::io::Error) -> Error {
    let partition = partition.to_owned();
    move |source| Error::Volume { partition, source }
}

fn compress(initramfs: &Path) -> Result<Vec<u8>, Error> {
    let source = File::open(initramfs).map_err(files::fault(initramfs))?;
    // Without name and time in it: the same archive gives the same bytes.
    tool::run(tool::command("gzip").args(["-9", "-n", "-c"]).stdin(source))
}
