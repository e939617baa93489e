//! Where things are in the workspace.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// The workspace's root, whatever directory a command was started in.
pub(crate) fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// A directory or file that a build makes.
pub(crate) fn target(path: &str) -> PathBuf {
    root().join("target").join(path)
}

/// When what is built was written, in seconds since 1970: what `SOURCE_DATE_EPOCH` says, or the day of the last commit, so that the same
/// sources give the same programs.
pub(crate) fn built() -> u64 {
    let told = std::env::var("SOURCE_DATE_EPOCH").ok();
    told.and_then(|it| it.trim().parse().ok()).unwrap_or_else(|| last_commit() / DAY * DAY)
}

fn last_commit() -> u64 {
    let told = Command::new("git").current_dir(root()).args(["log", "-1", "--format=%ct"]).output();
    // Sources without their history are as old as they say, which is not at all.
    let told = told.map(|it| String::from_utf8_lossy(&it.stdout).trim().to_owned());
    told.ok().and_then(|it| it.parse().ok()).unwrap_or_default()
}
