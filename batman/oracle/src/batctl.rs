//! Debian's batctl, and what it says.

use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// Runs batctl.
///
/// # Errors
/// What it said, if it failed.
pub(crate) fn run(words: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("batctl").args(words).output().context("there is no batctl")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "batctl {}: {} ({})",
        words.join(" "),
        told.trim(),
        output.status
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Asks one of its JSON queries.
pub(crate) fn query(words: &[&str]) -> anyhow::Result<Value> {
    let told = run(words)?;
    serde_json::from_str(&told).with_context(|| format!("batctl {}: {told:?}", words.join(" ")))
}

/// A value of its JSON, null if there is none; sets of bits are objects there, with their number in them.
pub(crate) fn plain(value: Option<&Value>) -> Value {
    let value = value.unwrap_or(&Value::Null);
    value.get("raw").unwrap_or(value).clone()
}
