//! `check`: everything that reads the sources and runs nothing of them.

pub(crate) mod buildroot;
mod tidy;

use std::fs::File;
use std::io::Read as _;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail, ensure};

use crate::progress::stage;
use crate::{tools, workspace};

/// The SPIRE build's one Go package of our own.
const GO: &str = "image/spire/ejbca";

/// One check: what it is called and how it is made.
type Check = (&'static str, fn() -> Result<()>);

const CHECKS: [Check; 7] = [
    ("rustfmt", rustfmt),
    ("tidy", tidy::check),
    ("shellcheck", shellcheck),
    ("Go", go),
    ("clippy", clippy),
    ("cargo doc", cargo_doc),
    ("cargo deny", cargo_deny),
];

/// What a check had to leave out, and why.
const NO_ADVISORIES: &str = "security advisories: their database cannot be fetched";

/// Seconds that the advisory database may take, a few megabytes.
const FETCH: &str = "120";

/// Makes every check and returns what could not be checked on this machine.
///
/// # Errors
/// Names those that failed, when all have been made.
pub(crate) fn run() -> Result<Vec<&'static str>> {
    tools::install()?;
    tools::install_linters()?;
    let mut failed = Vec::new();
    for (name, check) in CHECKS {
        if let Err(error) = stage(&format!("checking: {name}"), check) {
            eprintln!("{name}: {error:#}");
            failed.push(name);
        }
    }
    let mut unchecked = Vec::new();
    match stage("checking: security advisories", advisories) {
        Ok(Advisories::Compared) => {}
        Ok(Advisories::OutOfReach) => unchecked.push(NO_ADVISORIES),
        Err(error) => {
            eprintln!("security advisories: {error:#}");
            failed.push("security advisories");
        }
    }
    match stage("checking: Buildroot's tree", buildroot::check) {
        Ok(unproven) => unchecked.extend(unproven),
        Err(error) => {
            eprintln!("Buildroot's tree: {error:#}");
            failed.push("Buildroot's tree");
        }
    }
    for left_out in &unchecked {
        eprintln!("NOT CHECKED: {left_out}");
    }
    ensure!(failed.is_empty(), "not in order: {}", failed.join(", "));
    Ok(unchecked)
}

fn rustfmt() -> Result<()> {
    cargo(&["fmt", "--all", "--check"])
}

fn shellcheck() -> Result<()> {
    let scripts = shell_scripts()?;
    ensure!(!scripts.is_empty(), "no shell script was found");
    tools::run(tools::command("shellcheck").current_dir(workspace::root()).args(scripts))
}

fn go() -> Result<()> {
    let directory = workspace::root().join(GO);
    let mut gofmt = tools::command("gofmt");
    let badly_formatted =
        gofmt.current_dir(&directory).args(["-l", "."]).stdout(Stdio::piped()).output()?;
    ensure!(badly_formatted.status.success(), "gofmt failed ({})", badly_formatted.status);
    let files = String::from_utf8_lossy(&badly_formatted.stdout);
    ensure!(files.is_empty(), "not as gofmt writes it: {}", files.trim_end());
    tools::run(tools::command("go").current_dir(&directory).args(["vet", "./..."]))
}

fn clippy() -> Result<()> {
    cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "--deny", "warnings"])
}

fn cargo_doc() -> Result<()> {
    tools::run(
        tools::command("cargo")
            .current_dir(workspace::root())
            .env("RUSTDOCFLAGS", "--deny warnings")
            .args(["doc", "--quiet", "--workspace", "--no-deps"]),
    )
}

fn cargo_deny() -> Result<()> {
    cargo(&["deny", "--log-level", "error", "check", "licenses", "bans", "sources"])
}

/// Whether dependencies were compared with the advisory database.
enum Advisories {
    Compared,
    /// It is in no package registry, and what is unknown is not wrong.
    OutOfReach,
}

fn advisories() -> Result<Advisories> {
    let fetched = tools::run(tools::command("timeout").current_dir(workspace::root()).args([
        FETCH,
        "cargo",
        "deny",
        "--log-level",
        "error",
        "fetch",
        "db",
    ]));
    if fetched.is_err() {
        return Ok(Advisories::OutOfReach);
    }
    cargo(&["deny", "--log-level", "error", "check", "--disable-fetch", "advisories"])?;
    Ok(Advisories::Compared)
}

fn cargo(arguments: &[&str]) -> Result<()> {
    tools::run(tools::command("cargo").current_dir(workspace::root()).args(arguments))
}

/// The scripts that a shell runs, by their first line.
fn shell_scripts() -> Result<Vec<String>> {
    let mut scripts = Vec::new();
    for path in own_files("")? {
        let file = workspace::root().join(&path);
        // A link's target is checked by its own name, or is none of ours.
        if !file.symlink_metadata().is_ok_and(|it| it.is_file()) {
            continue;
        }
        let mut start = Vec::new();
        File::open(&file)
            .and_then(|it| it.take(32).read_to_end(&mut start))
            .context(path.clone())?;
        if is_shell(&start) {
            scripts.push(path);
        }
    }
    Ok(scripts)
}

fn is_shell(start: &[u8]) -> bool {
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.starts_with(b"#!") && line.ends_with(b"sh")
}

/// The files that git has or would take, whose paths end so, relative to the workspace's root.
fn own_files(ending: &str) -> Result<Vec<String>> {
    let mut git = tools::command("git");
    let output = git
        .current_dir(workspace::root())
        // The machine's owner may not be the clone's.
        .args(["-c", "safe.directory=*"])
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .stdout(Stdio::piped())
        .output()
        .context("git cannot be started")?;
    if !output.status.success() {
        bail!("git ls-files failed ({})", output.status);
    }
    let paths = String::from_utf8(output.stdout).context("a path is not UTF-8")?;
    let paths = paths.split_terminator('\0').filter(|it| it.ends_with(ending));
    // Git still lists what has just been deleted.
    let paths = paths.filter(|it| workspace::root().join(it).symlink_metadata().is_ok());
    Ok(paths.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_scripts_are_known_by_their_first_line() {
        for script in ["#!/bin/sh\nset -eu\n", "#!/usr/bin/env bash\n", "#!/bin/busybox sh"] {
            assert!(is_shell(script.as_bytes()), "{script}");
        }
        for other in ["", "#!/usr/bin/python3\n# no sh", "echo sh", "\n#!/bin/sh"] {
            assert!(!is_shell(other.as_bytes()), "{other}");
        }
    }
}
