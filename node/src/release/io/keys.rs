//! Key files: private ones for their holder alone, public ones for everybody.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use aws_lc_rs::rand::SystemRandom;
use tough::schema::key::Key;

use crate::release::publish::{Keyring, SigningKey};

/// What signatures draw from.
pub static RANDOM: std::sync::LazyLock<SystemRandom> = std::sync::LazyLock::new(SystemRandom::new);

/// Writes a private key that only its owner may read, and its public half beside it; returns the latter's path.
///
/// # Errors
///
/// Fails if either file is there already.
pub fn write(path: &Path, key: &SigningKey) -> Result<PathBuf> {
    let beside = public_path(path);
    let public = serde_json::to_string(&key.public())? + "\n";
    create(&beside, 0o644, public.as_bytes())?;
    if let Err(error) = create(path, 0o600, key.to_pem()?.as_bytes()) {
        // A public key without a private one would only mislead.
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    Ok(beside)
}

/// Reads a private key.
///
/// # Errors
///
/// Fails if there is none in the file.
pub fn read(path: &Path) -> Result<SigningKey> {
    let text = fs::read(path).with_context(|| path.display().to_string())?;
    SigningKey::from_pem(&text).with_context(|| path.display().to_string())
}

/// Reads private keys to sign with.
///
/// # Errors
///
/// Fails if a file holds none.
pub fn keyring(paths: &[PathBuf]) -> Result<Keyring<'static>> {
    let keys = paths.iter().map(|path| read(path)).collect::<Result<_>>()?;
    Ok(Keyring { keys, random: &*RANDOM })
}

/// Reads a public key as [`write()`] wrote it.
///
/// # Errors
///
/// Fails if there is none in the file.
pub fn read_public(path: &Path) -> Result<Key> {
    let text = fs::read(path).with_context(|| path.display().to_string())?;
    let wrong = || format!("{}: not a public key as `key generate` writes it", path.display());
    serde_json::from_slice(&text).with_context(wrong)
}

fn public_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

fn create(path: &Path, mode: u32, contents: &[u8]) -> Result<()> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(contents)?;
        file.sync_all()
    };
    write().with_context(|| path.display().to_string())
}
