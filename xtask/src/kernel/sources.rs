//! Debian's package of the kernel's sources: downloaded and unpacked, never installed.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};

use crate::progress::stage;
use crate::{tools, workspace};

/// The package, of the series that `buildroot/` builds.
pub(crate) const SOURCES: &str = "linux-source-6.12";

/// What of the sources is read where no whole kernel is compiled: Kconfig's files, and batman-adv; the rest is a gigabyte and a half.
const EXCERPT: [&str; 3] = ["*/Kconfig*", "*/scripts/*.sh", "*/net/batman-adv/*"];

/// What begins the names of the packages with a built Kconfig.
const KBUILD: &str = "linux-kbuild-6.12";

/// Brings what is read of the sources, and a built Kconfig in `usr/lib`, unless they are there, and tells where.
pub(crate) fn excerpt() -> Result<PathBuf> {
    let directory = workspace::target("kernel-excerpt");
    fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
    with_lists(|| {
        let sources = directory.join(format!("{SOURCES}_{}", candidate(SOURCES)?));
        let complete = sources.join("complete");
        if !fs::read_to_string(&complete).is_ok_and(|it| it == EXCERPT.concat()) {
            stage("fetching the kernel's Kconfig and batman-adv, 150 MB", || {
                fetch(&directory, &sources)?;
                Ok(fs::write(&complete, EXCERPT.concat())?)
            })?;
        }
        Ok(sources)
    })
}

fn fetch(directory: &Path, sources: &Path) -> Result<()> {
    // Left over from a broken-off start, or from a version that is no longer served.
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() { fs::remove_dir_all(&path)? } else { fs::remove_file(&path)? }
    }
    unpack(directory, sources, &EXCERPT)?;
    unpack_package(directory, &kbuild()?, sources)
}

/// The last of the packages with a built Kconfig: any of the series reads any of its sources.
fn kbuild() -> Result<String> {
    let names = apt_cache(&["pkgnames", KBUILD])?;
    let mut names: Vec<_> = names.lines().map(str::to_owned).collect();
    names.sort_unstable();
    names.pop().with_context(|| format!("apt knows no {KBUILD}"))
}

/// Does what takes apt's lists, once more with new ones if it fails: old lists name versions that the mirror has no more.
pub(crate) fn with_lists<T>(action: impl Fn() -> Result<T>) -> Result<T> {
    action().or_else(|error| {
        eprintln!("again, because {error:#}");
        tools::update_lists()?;
        action()
    })
}

/// Downloads the sources by way of `directory` and unpacks those files whose names match a pattern, or all if there is none.
pub(crate) fn unpack(directory: &Path, into: &Path, patterns: &[&str]) -> Result<()> {
    let unpacked = directory.join("unpacked");
    fs::create_dir_all(into)?;
    unpack_package(directory, SOURCES, &unpacked)?;
    let archive = unpacked.join(format!("usr/src/{SOURCES}.tar.xz"));
    let mut tar = tools::command("tar");
    tar.arg("-xJf").arg(&archive).arg("-C").arg(into).args(["--strip-components=1"]);
    tools::run(tar.arg("--wildcards").args(patterns))?;
    fs::remove_dir_all(&unpacked).with_context(|| unpacked.display().to_string())
}

/// Downloads a package by way of `directory` and unpacks it.
pub(crate) fn unpack_package(directory: &Path, package: &str, into: &Path) -> Result<()> {
    let file = download(directory, package)?;
    tools::run(tools::command("dpkg-deb").arg("-x").arg(&file).arg(into))?;
    fs::remove_file(&file).with_context(|| file.display().to_string())
}

/// Downloads a package and returns its file.
fn download(directory: &Path, package: &str) -> Result<PathBuf> {
    let mut apt = tools::command("apt-get");
    // apt's own user may not write where we do.
    apt.current_dir(directory).args(["-q", "-o", "APT::Sandbox::User=root"]);
    tools::run(apt.args(["-o", "Acquire::Retries=3", "download", package]))?;
    let start = format!("{package}_");
    let is_it = |it: &OsString| it.to_string_lossy().starts_with(&start);
    let names = fs::read_dir(directory)?.map(|it| Ok(it?.file_name()));
    let names: Result<Vec<_>> = names.collect();
    // apt writes + as it is and : as %3a; the package's name is kept.
    let name = names?.into_iter().find(|it| is_it(it) && it.to_string_lossy().ends_with(".deb"));
    Ok(directory.join(name.with_context(|| format!("apt-get downloaded no {package}"))?))
}

/// The version of a package that apt would take.
pub(crate) fn candidate(package: &str) -> Result<String> {
    let shown = apt_cache(&["policy", package])?;
    let version = shown.lines().find_map(|it| it.trim_start().strip_prefix("Candidate: "));
    let version = version.filter(|it| *it != "(none)").map(|it| it.replace(':', "%3a"));
    version.with_context(|| format!("apt knows no {package}"))
}

/// What apt knows without asking anybody.
pub(crate) fn apt_cache(arguments: &[&str]) -> Result<String> {
    let output = tools::command("apt-cache").args(arguments).stdout(Stdio::piped()).output();
    let output = output.context("apt-cache cannot be started")?;
    ensure!(output.status.success(), "apt-cache failed ({})", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
