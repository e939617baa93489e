//! The rules of this house that no other tool holds.

use std::fmt;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::own_files;
use crate::{tools, workspace};

/// Which crate of ours may use which, in any way: the arrows of the house's drawing.
const MAY_USE: [(&str, &[&str]); 9] = [
    ("batman", &[]),
    ("batman-oracle", &["batman"]),
    ("batman-flood", &["batman"]),
    ("spire-bridge", &[]),
    ("image", &[]),
    ("qemu", &["image"]),
    ("namespaces", &[]),
    ("mesh-node", &["batman", "spire-bridge", "image"]),
    ("xtask", &["image", "qemu"]),
];

/// What a reader takes in at a sitting.
const LONGEST_FILE: usize = 400;

/// The lint that keeps effects out of pure modules.
const DOOR: &str = "clippy::disallowed_methods";

/// A rule that is broken, and where.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    place: String,
    broken: Broken,
}

#[derive(Debug, PartialEq, Eq)]
enum Broken {
    /// A crate uses one of ours that lies outside its reach.
    Direction { uses: String },
    /// A crate is not in the drawing.
    Unknown,
    /// A crate goes without the workspace's lints.
    NoLints,
    /// A file is too long.
    Long { lines: usize },
    /// A lint is switched off instead of expected.
    Allow { line: usize },
    /// A pure module opens the door to effects.
    Door { line: usize },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &self.place;
        match &self.broken {
            Broken::Direction { uses } => write!(f, "{place} must not depend on {uses}"),
            Broken::Unknown => write!(f, "{place} has no place in the house: add it to MAY_USE"),
            Broken::NoLints => write!(f, "{place}: add `[lints] workspace = true`"),
            Broken::Long { lines } => {
                write!(f, "{place}: {lines} lines, at most {LONGEST_FILE}: split it")
            }
            Broken::Allow { line } => {
                write!(f, "{place}:{line}: use `expect` with a reason, never `allow`")
            }
            Broken::Door { line } => write!(
                f,
                "{place}:{line}: only io/mod.rs, run.rs, main.rs, tests/, benches/ and examples/ may expect {DOOR}"
            ),
        }
    }
}

/// Holds the workspace against every rule and names each breach.
pub(super) fn check() -> Result<()> {
    let mut faults = directions(&uses()?);
    for path in own_files("Cargo.toml")? {
        if path != "Cargo.toml" && !inherits_lints(&read(&path)?)? {
            faults.push(Fault { place: path, broken: Broken::NoLints });
        }
    }
    for path in own_files(".rs")? {
        faults.extend(source(&path, &read(&path)?));
    }
    for fault in &faults {
        eprintln!("{fault}");
    }
    ensure!(faults.is_empty(), "{} rules broken", faults.len());
    Ok(())
}

fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(workspace::root().join(path)).context(path.to_owned())
}

/// One crate of ours, and those of ours that it names as dependencies of any kind.
#[derive(Debug)]
struct Uses {
    name: String,
    used: Vec<String>,
}

/// Asks cargo who uses whom.
fn uses() -> Result<Vec<Uses>> {
    let output = tools::command("cargo")
        .current_dir(workspace::root())
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .stdout(Stdio::piped())
        .output()
        .context("cargo cannot be started")?;
    ensure!(output.status.success(), "cargo metadata failed ({})", output.status);
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    let packages = metadata.get("packages").and_then(Value::as_array);
    packages
        .context("cargo metadata names no packages")?
        .iter()
        .map(|it| package(it).context("cargo metadata describes a package in an unknown way"))
        .collect()
}

fn package(package: &Value) -> Option<Uses> {
    let name = |it: &Value| it.get("name")?.as_str().map(str::to_owned);
    // What comes from a path is ours.
    let ours =
        package.get("dependencies")?.as_array()?.iter().filter(|it| it.get("path").is_some());
    Some(Uses { name: name(package)?, used: ours.filter_map(name).collect() })
}

fn directions(crates: &[Uses]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for Uses { name, used } in crates {
        let Some((_, may_use)) = MAY_USE.iter().find(|(of, _)| of == name) else {
            faults.push(Fault { place: name.clone(), broken: Broken::Unknown });
            continue;
        };
        for uses in used.iter().filter(|it| !may_use.contains(&it.as_str())) {
            let broken = Broken::Direction { uses: uses.clone() };
            faults.push(Fault { place: name.clone(), broken });
        }
    }
    faults
}

fn inherits_lints(manifest: &str) -> Result<bool> {
    let manifest: toml::Table = toml::from_str(manifest)?;
    let inherits = manifest.get("lints").and_then(|lints| lints.get("workspace"));
    Ok(inherits.and_then(toml::Value::as_bool) == Some(true))
}

fn source(path: &str, text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut add = |broken| faults.push(Fault { place: path.to_owned(), broken });
    let lines = text.lines().count();
    if lines > LONGEST_FILE && !path.ends_with("tests.rs") {
        add(Broken::Long { lines });
    }
    for (number, attribute) in attributes(text) {
        if attribute.contains("allow(") {
            add(Broken::Allow { line: number });
        }
        if attribute.contains(DOOR) && !may_act(path) {
            add(Broken::Door { line: number });
        }
    }
    faults
}

/// The attributes in a source, each with the line it starts in. rustfmt gives each a line of its own.
fn attributes(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut lines = text.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let line = line.trim();
        if !line.starts_with("#[") && !line.starts_with("#![") {
            continue;
        }
        let mut attribute = line.to_owned();
        while !attribute.ends_with(']') {
            let Some((more, _)) = lines.next() else { break };
            attribute.push_str(more.trim());
        }
        found.push((number, attribute));
    }
    found
}

/// Whether a file may be the one that opens a crate's door to effects.
fn may_act(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    matches!(
        parts.as_slice(),
        [.., "io", "mod.rs"]
            | [.., "src", "run.rs" | "main.rs"]
            | [.., "src", "bin", _, "main.rs"]
            | [.., "tests" | "benches" | "examples", _]
            | [.., "tests", _, "main.rs"]
    )
}

#[cfg(test)]
mod tests;
