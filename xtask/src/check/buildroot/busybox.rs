//! Whether busybox's Kconfig gives every option that is asked of it, by the sources of Debian's busybox.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use super::TREE;
use super::kernel::kept;
use super::tree::Tree;
use crate::progress::stage;
use crate::{tools, workspace};

/// Where the host's apt has its sources from.
const SOURCES: [&str; 2] = ["/etc/apt/sources.list", "/etc/apt/sources.list.d"];

/// Configures busybox and names what was dropped.
pub(super) fn check(tree: &Tree) -> Result<()> {
    let directory = workspace::target("busybox-kconfig");
    let sources = directory.join("sources");
    if !directory.join("complete").exists() {
        stage("fetching busybox's Kconfig, 13 MB", || fetch(&directory, &sources))?;
    }
    let fragments: Vec<_> = tree.own.iter().filter(|(it, _)| it.starts_with("busybox/")).collect();
    let asked: String = fragments.iter().map(|(_, text)| text.as_str()).collect();

    let base = directory.join("base");
    let base = fs::read_to_string(&base).with_context(|| base.display().to_string())?;
    let configuration = sources.join(".config");
    fs::write(&configuration, overlaid(&base, &asked))?;
    make(&sources, "oldconfig")?;
    let files = fragments.iter().map(|(it, _)| workspace::root().join(TREE).join(it));
    kept(&configuration, files)
}

/// A configuration in which what is asked for takes the place of what was there.
fn overlaid(base: &str, asked: &str) -> String {
    let replaced: BTreeSet<_> = asked.lines().filter_map(symbol).collect();
    let left = base.lines().filter(|it| symbol(it).is_none_or(|it| !replaced.contains(it)));
    left.chain(asked.lines()).flat_map(|it| [it, "\n"]).collect()
}

/// The symbol that a line of a configuration sets, on or off.
pub(super) fn symbol(line: &str) -> Option<&str> {
    let line = line.strip_prefix("# ").unwrap_or(line);
    line.starts_with("CONFIG_").then(|| line.split(['=', ' ']).next()).flatten()
}

/// Runs a target of busybox's; what it would ask a person is answered as it proposes.
fn make(sources: &Path, target: &str) -> Result<()> {
    let mut make = tools::command("make");
    let output = make.arg("-C").arg(sources).arg(target).stdout(Stdio::null()).output();
    let output = output.context("make cannot be started")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "make {target}: {}", told.trim_end());
    Ok(())
}

fn fetch(directory: &Path, sources: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory)?;
    }
    for made in ["apt/lists/partial", "apt/sources.list.d", "sources"] {
        fs::create_dir_all(directory.join(made))?;
    }
    ask_for_sources(&directory.join("apt/sources.list.d"))?;
    if let Err(error) = tools::run(apt(directory).arg("update")) {
        eprintln!("going on although {error:#}");
    }
    tools::run(apt(directory).args(["source", "--download-only", "busybox"]))?;
    let archive = find(directory, ".orig.tar.bz2")?;
    let mut tar = tools::command("busybox");
    tar.args(["tar", "-xj", "--strip-components", "1", "-f"]).arg(archive).arg("-C").arg(sources);
    tools::run(&mut tar)?;
    make(sources, "defconfig")?;
    fs::copy(sources.join(".config"), directory.join("base"))?;
    fs::write(directory.join("complete"), "")?;
    Ok(())
}

/// Copies the host's lists of Debian's packages, asking for their sources instead.
fn ask_for_sources(private: &Path) -> Result<()> {
    let [list, lists] = SOURCES.map(PathBuf::from);
    let more = fs::read_dir(lists).into_iter().flatten().filter_map(|it| Some(it.ok()?.path()));
    for file in std::iter::once(list).chain(more) {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        if let Some(name) = file.file_name().filter(|_| text.contains("debian")) {
            fs::write(private.join(name), as_sources(&text))?;
        }
    }
    Ok(())
}

/// A list of packages in either of apt's formats, as one of sources.
fn as_sources(list: &str) -> String {
    let line = |line: &str| match (line.strip_prefix("deb "), line.strip_prefix("Types:")) {
        (Some(rest), _) => format!("deb-src {rest}\n"),
        (_, Some(_)) => "Types: deb-src\n".to_owned(),
        _ => format!("{line}\n"),
    };
    list.lines().map(line).collect()
}

/// apt with lists of its own: the host's stay as they are.
fn apt(directory: &Path) -> Command {
    let mut apt = tools::command("apt-get");
    apt.current_dir(directory).args(["-q", "-o", "APT::Sandbox::User=root"]);
    let own = directory.join("apt");
    for (setting, path) in [
        ("Dir::Etc::sourcelist", PathBuf::from("/dev/null")),
        ("Dir::Etc::sourceparts", own.join("sources.list.d")),
        ("Dir::State::lists", own.join("lists")),
        ("Dir::Cache::pkgcache", PathBuf::new()),
        ("Dir::Cache::srcpkgcache", PathBuf::new()),
    ] {
        apt.arg("-o").arg(format!("{setting}={}", path.display()));
    }
    apt
}

fn find(directory: &Path, ending: &str) -> Result<PathBuf> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(ending) {
            return Ok(path);
        }
    }
    bail!("apt-get downloaded no *{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_takes_the_place_of_what_was_there() {
        let base = "# busybox\nCONFIG_SU=y\nCONFIG_SUM=y\n# CONFIG_VI is not set\n";

        let overlaid = overlaid(base, "# no su\n# CONFIG_SU is not set\nCONFIG_VI=y\n");

        assert_eq!(
            overlaid,
            "# busybox\nCONFIG_SUM=y\n# no su\n# CONFIG_SU is not set\nCONFIG_VI=y\n"
        );
    }

    #[test]
    fn lists_of_either_format_become_lists_of_sources() {
        for (list, expected) in [
            ("# deb x\ndeb [a=b] u s c\n", "# deb x\ndeb-src [a=b] u s c\n"),
            ("Types: deb\nURIs: u\n", "Types: deb-src\nURIs: u\n"),
            ("Types: deb deb-src\n", "Types: deb-src\n"),
        ] {
            assert_eq!(as_sources(list), expected);
        }
    }
}
