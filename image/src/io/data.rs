//! Makes the empty data file system, the same every time.

use std::path::Path;

use super::{files, tool};
use crate::Error;

/// Where the root file system has one, for a data partition beyond repair and for a factory reset.
pub(super) const TEMPLATE: &str = "usr/share/mesh-node/data.ext4";

/// What identifies it, and what its directories are hashed with. Each disk has one alone.
const UUID: &str = "6d657368-6e6f-4465-8461-746100000000";
const HASH_SEED: &str = "6d657368-6e6f-4465-8461-746100000001";

/// Small to store, and large enough for a journal; the node lets it grow to its partition.
const SIZE: &str = "16M";

pub(super) fn make(file: &Path) -> Result<(), Error> {
    if files::exists(file) {
        files::remove(file)?;
    }
    let extended = format!("hash_seed={HASH_SEED},root_owner=0:0,lazy_itable_init=0");
    tool::run(
        tool::command("mke2fs")
            .args(["-q", "-F", "-t", "ext4", "-b", "4096", "-I", "256", "-m", "0", "-L", "data"])
            .args(["-U", UUID, "-E", &extended])
            .arg(file)
            .arg(SIZE)
            // The first of them is for releases up to 1.47.0, the second for later ones.
            .env("E2FSPROGS_FAKE_TIME", "1")
            .env("SOURCE_DATE_EPOCH", "1"),
    )
    .map(drop)
}
