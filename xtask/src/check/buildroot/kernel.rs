//! Whether the kernel's Kconfig gives every option that is asked of it, by the sources of Debian's kernel.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;

use anyhow::{Context as _, Result, bail, ensure};

use super::tree::Tree;
use super::{ARCHITECTURES, TREE};
use crate::kernel::sources;
use crate::{tools, workspace};

/// Configures the kernel of each architecture and names what was dropped.
pub(super) fn check(tree: &Tree) -> Result<()> {
    let sources = sources::excerpt()?;
    let outcomes = thread::scope(|scope| {
        let checks = ARCHITECTURES
            .map(|it| scope.spawn(|| survives(tree, it, &sources).with_context(|| it.to_owned())));
        checks.map(|it| it.join().unwrap_or_else(|_| bail!("the check panicked")))
    });
    let dropped: Vec<_> =
        outcomes.into_iter().filter_map(Result::err).map(|it| format!("{it:#}")).collect();
    ensure!(dropped.is_empty(), "{}", dropped.join("; "));
    Ok(())
}

fn survives(tree: &Tree, architecture: &str, sources: &Path) -> Result<()> {
    let files = tree.kernel_files(architecture);
    ensure!(files.len() > 1, "no kernel configuration is named");
    let texts: Vec<_> =
        files.iter().filter_map(|it| tree.own.get(*it)).map(String::as_str).collect();
    ensure!(texts.len() == files.len(), "one of {} is not there", files.join(", "));
    let asked = texts.concat();

    let configuration = sources.join(format!("{architecture}.config"));
    let remembered = sources.join(format!("{architecture}.asked"));
    // The compiler is asked a hundred questions on the way: once is enough.
    if !fs::read_to_string(&remembered).is_ok_and(|it| it == asked) {
        fs::write(&configuration, &asked)?;
        configure(architecture, sources, &configuration)?;
        fs::write(&remembered, &asked)?;
    }
    let asked = files.iter().map(|it| workspace::root().join(TREE).join(it));
    kept(&configuration, asked)
}

/// Fails with the options that a configuration lacks, as the tree's own script finds them.
pub(crate) fn kept(configuration: &Path, asked: impl Iterator<Item = PathBuf>) -> Result<()> {
    let mut script = tools::command("sh");
    script.arg(workspace::root().join(TREE).join("kept.sh")).arg(configuration).args(asked);
    let output = script.stderr(Stdio::piped()).output().context("sh cannot be started")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim_end());
    Ok(())
}

/// Fills a configuration up, as Buildroot does: what is not asked for is as Kconfig has it by default.
fn configure(architecture: &str, sources: &Path, configuration: &Path) -> Result<()> {
    let kernels_name = match architecture {
        "x86_64" => "x86",
        "aarch64" => "arm64",
        _ => "arm",
    };
    let release = sources.file_name().unwrap_or_default();
    let mut conf = tools::command(&conf(sources)?.to_string_lossy());
    conf.current_dir(sources).env_clear().env("PATH", tools::path());
    conf.args(["--olddefconfig", "Kconfig"]).env("KCONFIG_CONFIG", configuration);
    conf.env("srctree", ".").env("KERNELVERSION", release);
    // An option that the kernel does not have is an error, and not passed over.
    conf.env("KCONFIG_WARN_UNKNOWN_SYMBOLS", "1").env("KCONFIG_WERROR", "1");
    conf.env("ARCH", kernels_name).env("SRCARCH", kernels_name);
    // The host's compiler stands for the toolchain that does not exist yet.
    for (name, program) in [("CC", "cc"), ("HOSTCC", "cc"), ("LD", "ld"), ("NM", "nm")] {
        conf.env(name, program);
    }
    for (name, program) in [("AWK", "awk"), ("OBJCOPY", "objcopy"), ("PERL", "perl")] {
        conf.env(name, program);
    }
    for absent in ["BINDGEN", "PAHOLE", "RUSTC"] {
        conf.env(absent, "false");
    }
    conf.env("CC_VERSION_TEXT", "").env("RUSTC_VERSION_TEXT", "");
    let output = conf.stdout(Stdio::null()).stderr(Stdio::piped()).output();
    let output = output.context("Kconfig cannot be started")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "Kconfig: {}", told.trim_end());
    Ok(())
}

/// The Kconfig program among the unpacked.
fn conf(sources: &Path) -> Result<PathBuf> {
    let directory = sources.join("usr/lib");
    let entries = fs::read_dir(&directory).with_context(|| directory.display().to_string())?;
    for entry in entries {
        let program = entry?.path().join("scripts/kconfig/conf");
        if program.exists() {
            return Ok(program);
        }
    }
    bail!("the kernel's packages brought no Kconfig")
}
