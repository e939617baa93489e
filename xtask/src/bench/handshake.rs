//! Runs the benchmark of `spire-bridge`, which prints a JSON line.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{Benchmark, Row};
use crate::progress::stage;
use crate::{tools, workspace};

pub(super) fn measure() -> Result<Row> {
    let printed = stage("building and running the handshake benchmark", || {
        let output = tools::command("cargo")
            .current_dir(workspace::root())
            .args(["bench", "--quiet", "--package", "spire-bridge", "--bench", "handshake"])
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .output()
            .context("cargo cannot be started")?;
        ensure!(output.status.success(), "the handshake benchmark failed ({})", output.status);
        Ok(output.stdout)
    })?;
    let measured: Value = serde_json::from_slice(&printed).context("the handshake benchmark")?;
    let number = |key: &str| {
        let value = measured.get(key).and_then(Value::as_f64);
        value.with_context(|| format!("the handshake benchmark printed no {key}"))
    };
    Ok(Row {
        benchmark: Benchmark::Handshake,
        value: number("value")?,
        unit: "us CPU".into(),
        peer: "bare rustls".into(),
        peer_value: number("peer_value")?,
    })
}
