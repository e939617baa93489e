//! Writes the update file that brings a packed image's contents onto another router's slot.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::{Release, files};
use crate::boot::{self, Kernel};
use crate::manifest::Boot;
use crate::update::header::{CHUNK, KernelTemplate};
use crate::update::{Header, build::Contents};
use crate::{Error, Manifest, update};

pub(super) fn write(
    manifest: &Manifest,
    release: &Release,
    kernel: &Kernel<'_>,
    volume: &[u8],
    root: &[u8],
    path: &Path,
) -> Result<Header, Error> {
    let Boot::EfiBootGuard { watchdog, .. } = &manifest.boot;
    let contents = Contents {
        architecture: manifest.architecture,
        board: &manifest.board,
        version: release.version.clone(),
        minimum: manifest.update.minimum.clone(),
        schema: manifest.update.schema,
        built: release.built,
        kernel: KernelTemplate {
            file: boot::kernel_file(),
            parameters: boot::command_line(&manifest.boot, kernel),
            watchdog: *watchdog,
        },
        root,
        boot: volume,
        chunk: CHUNK,
    };
    let mut file = BufWriter::new(File::create(path).map_err(files::fault(path))?);
    let header = update::build(&contents, &mut file)?;
    file.flush().map_err(files::fault(path))?;
    Ok(header)
}
