//! Where things are in the workspace.

use std::path::{Path, PathBuf};

/// The workspace's root, whatever directory a command was started in.
pub(crate) fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// A directory or file that a build makes.
pub(crate) fn target(path: &str) -> PathBuf {
    root().join("target").join(path)
}
