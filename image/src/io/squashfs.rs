//! Packs a directory tree into a squashfs: the same tree gives the same bytes.

use std::path::Path;

use super::{files, tool};
use crate::Error;
use crate::manifest::{Compression, Root};

/// The kernel opens its console before anything can mount `/dev`.
const CONSOLE: &str = "dev/console c 600 0 0 5 1";

pub(super) fn pack(root: &Root, tree: &Path, squashfs: &Path) -> Result<(), Error> {
    let Compression::Zstd = root.compression;
    if files::exists(squashfs) {
        files::remove(squashfs)?;
    }
    tool::run(
        tool::command("mksquashfs")
            .args([tree, squashfs])
            .args(["-comp", "zstd", "-Xcompression-level", &root.level.to_string()])
            .args(["-b", "256K", "-all-root", "-no-xattrs"])
            .args(["-mkfs-time", "0", "-all-time", "0"])
            .args(["-noappend", "-no-progress", "-quiet"])
            .args(["-p", CONSOLE])
            // It sets both times, and mksquashfs refuses two masters.
            .env_remove("SOURCE_DATE_EPOCH"),
    )
    .map(drop)
}
