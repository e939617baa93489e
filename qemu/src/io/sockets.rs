//! A short-lived directory with a short name, for sockets.

use std::env;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context as _;

const PREFIX: &str = "mesh-lab.";

/// A directory of this process's own, removed with this value.
///
/// It is not in the run's directory because a socket's path holds 107 bytes. One that a killed lab
/// left behind is removed by the next.
#[derive(Debug)]
pub(super) struct SocketDirectory {
    path: PathBuf,
}

impl SocketDirectory {
    pub(super) fn create() -> anyhow::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let base = env::temp_dir();
        sweep(&base);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = base.join(format!("{PREFIX}{}.{number}", process::id()));
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("making {}", path.display()))?;
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes what labs of processes that are gone left behind.
fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('.').next());
        let Some(pid) = pid.and_then(|pid| pid.parse::<u32>().ok()) else { continue };
        if !Path::new(&format!("/proc/{pid}")).exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_goes_with_its_value() {
        let directory = SocketDirectory::create().unwrap();
        let path = directory.path().to_owned();
        assert!(path.is_dir());

        drop(directory);

        assert!(!path.exists());
    }

    #[test]
    fn only_directories_of_dead_processes_are_swept() {
        let base = tempfile::tempdir().unwrap();
        // No process has a number above the kernel's bound of 2^22.
        let dead = base.path().join("mesh-lab.4294967295.0");
        let alive = base.path().join(format!("mesh-lab.{}.0", process::id()));
        let foreign = base.path().join("mesh-lab.notes");
        for path in [&dead, &alive, &foreign] {
            fs::create_dir(path).unwrap();
        }

        sweep(base.path());

        assert!(!dead.exists());
        assert!(alive.exists());
        assert!(foreign.exists());
    }
}
