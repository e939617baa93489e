//! Compiles batman-adv alone, as little of it as can be, for a kernel of Debian's: a kernel that lacks what others have, within
//! seconds.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::sources::{self, SOURCES};
use crate::progress::stage;
use crate::{tools, workspace};

/// What Debian's batman-adv has, and this one lacks.
const WITHOUT: [&str; 5] = ["BATMAN_V", "BLA", "DAT", "MCAST", "NC"];

/// What Debian's lacks, and this one has: its log.
const WITH: &str = "DEBUG";

/// Compiles the module for a release of Debian's kernel, unless that has been done, and returns its file.
pub(crate) fn batman_adv(release: &str) -> Result<PathBuf> {
    let directory = workspace::target("batman-adv-lean").join(release);
    let (module, recipe) = (directory.join("batman-adv.ko"), directory.join("recipe"));
    // Installing what compiles it may renew apt's lists, so it comes first.
    tools::install_for_module()?;
    let version = sources::with_lists(|| sources::candidate(SOURCES))?;
    let made_of = format!("{version}\n{}", options());
    if module.exists() && fs::read_to_string(&recipe).is_ok_and(|it| it == made_of) {
        return Ok(module);
    }
    let from = sources::excerpt()?.join("net/batman-adv");
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir_all(&directory)?;
    let compiled = stage("compiling a lean batman-adv", || compile(release, &from, &directory))?;
    fs::rename(compiled, &module)?;
    fs::write(&recipe, &made_of)?;
    Ok(module)
}

/// The options, as the preprocessor is told them after the kernel's own.
fn options() -> String {
    let mut text = String::new();
    for option in WITHOUT {
        let _ = writeln!(text, "#undef CONFIG_BATMAN_ADV_{option}");
    }
    text + &format!("#define CONFIG_BATMAN_ADV_{WITH} 1\n")
}

fn compile(release: &str, from: &Path, directory: &Path) -> Result<PathBuf> {
    let root = directory.join("root");
    sources::with_lists(|| headers(release, directory, &root))?;
    let (sources, options) = (directory.join("sources"), directory.join("options.h"));
    tools::run(tools::command("cp").arg("-r").args([from, &sources]))?;
    fs::write(&options, self::options())?;
    let headers = root.join("usr/src");
    let flavour = headers.join(format!("linux-headers-{release}"));
    let common = fs::read_dir(&headers)?.filter_map(Result::ok).map(|it| it.path());
    let common = common.into_iter().find(|it| it.to_string_lossy().ends_with("-common"));
    let mut make: Command = tools::command("make");
    make.arg("-s").arg("-j2").arg("-C").arg(common.context("the headers are incomplete")?);
    make.arg(format!("O={}", flavour.display())).arg(format!("M={}", sources.display()));
    make.args(WITHOUT.map(|it| format!("CONFIG_BATMAN_ADV_{it}=")));
    make.arg(format!("CONFIG_BATMAN_ADV_{WITH}=y"));
    // Only a debugger reads those, and they take a tool more.
    make.args(["CONFIG_DEBUG_INFO=", "CONFIG_DEBUG_INFO_BTF_MODULES="]);
    make.arg(format!("KCFLAGS=-include {}", options.display())).arg("modules");
    tools::run(&mut make)?;
    let module = sources.join("batman-adv.ko");
    ensure!(module.exists(), "make made no {}", module.display());
    Ok(module)
}

/// Unpacks what Debian gives to compile modules with.
fn headers(release: &str, directory: &Path, root: &Path) -> Result<()> {
    let package = format!("linux-headers-{release}");
    let shown = sources::apt_cache(&["show", "--no-all-versions", &package])?;
    let parts = parts(&shown);
    ensure!(parts.len() == 2, "{package} needs {parts:?}, and no headers and tools");
    for package in [package.as_str()].iter().chain(&parts) {
        sources::unpack_package(directory, package, root)?;
    }
    Ok(())
}

/// The packages without which the headers of a kernel are of no use, in what apt shows of them.
fn parts(shown: &str) -> Vec<&str> {
    let depends = shown.lines().filter_map(|it| it.strip_prefix("Depends: "));
    let names = depends.flat_map(|it| it.split(", ")).filter_map(|it| it.split(' ').next());
    let is_part = |it: &&str| it.starts_with("linux-headers-") || it.starts_with("linux-kbuild-");
    names.filter(is_part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_need_the_common_ones_and_the_tools() {
        let shown = "Package: linux-headers-6.12.9-amd64\nDepends: linux-base (>= 4.12~), \
                     linux-headers-6.12.9-common (= 6.12.9-1), linux-image-6.12.9-amd64 (= 6.12.9-1) | \
                     linux-image-6.12.9-amd64-unsigned (= 6.12.9-1), linux-kbuild-6.12.9, gcc-12\n";

        assert_eq!(parts(shown), ["linux-headers-6.12.9-common", "linux-kbuild-6.12.9"]);
    }
}
