//! Compiles a kernel of our own from Debian's sources, as `buildroot/kernel` asks for it. It is for images that have to be small:
//! Debian's own is at hand in seconds, and this one takes half an hour of a processor.

pub(crate) mod lean;
pub(crate) mod sources;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context as _, Result, bail, ensure};
use image::Architecture;

use self::sources::SOURCES;
use crate::check::buildroot;
use crate::progress::stage;
use crate::{tools, workspace};

/// What the kernel says of its making: the same wherever and whenever it is compiled, so that its bytes are.
const MADE: [(&str, &str); 5] = [
    ("KBUILD_BUILD_TIMESTAMP", "Thu Jan 1 00:00:00 UTC 1970"),
    ("KBUILD_BUILD_VERSION", "1"),
    ("KBUILD_BUILD_USER", "mesh-node"),
    ("KBUILD_BUILD_HOST", "mesh-node"),
    ("LC_ALL", "C"),
];

/// As much of a compiler's complaint as a person reads.
const TOLD: usize = 30;

/// Compiles the kernel of an architecture, unless that has been done, and returns where it lies as if Debian's package had been
/// unpacked there.
pub(crate) fn own(architecture: Architecture) -> Result<PathBuf> {
    check_tried(architecture)?;
    ensure!(
        Architecture::of_host() == Some(architecture),
        "a kernel of our own for {architecture} is compiled on an {architecture} machine"
    );
    tools::install_for_kernel()?;
    let asked = buildroot::kernel_fragments(architecture)?;
    sources::with_lists(|| {
        let version = sources::candidate(SOURCES)?;
        Build::new(architecture, &version, &asked)?.finish()
    })
}

/// Refuses architectures for which nobody has compiled and booted one.
pub(crate) fn check_tried(architecture: Architecture) -> Result<()> {
    ensure!(
        architecture == Architecture::X86_64,
        "no kernel of our own for {architecture}: only x86_64 has been tried"
    );
    Ok(())
}

/// A kernel, where it is made and from what.
struct Build<'a> {
    version: &'a str,
    asked: &'a [PathBuf],
    directory: PathBuf,
    /// Everything that another kernel would come of if it changed.
    recipe: String,
}

impl<'a> Build<'a> {
    fn new(architecture: Architecture, version: &'a str, asked: &'a [PathBuf]) -> Result<Self> {
        let compiler = tools::command("cc").arg("--version").stdout(Stdio::piped()).output();
        let compiler = compiler.context("cc cannot be started")?.stdout;
        let compiler = String::from_utf8_lossy(&compiler);
        let mut recipe =
            format!("{SOURCES} {version}\n{}\n", compiler.lines().next().unwrap_or_default());
        for fragment in asked {
            recipe += &text(fragment)?;
        }
        let directory = workspace::target("kernel-own").join(architecture.name());
        Ok(Self { version, asked, directory, recipe })
    }

    /// Makes what is not there yet: the sources, the configuration, the kernel, its place.
    fn finish(&self) -> Result<PathBuf> {
        let root = self.directory.join("root");
        let recipe = self.directory.join("recipe");
        if fs::read_to_string(&recipe).is_ok_and(|it| it == self.recipe) {
            return Ok(root);
        }
        if recipe.exists() {
            fs::remove_file(&recipe)?;
        }
        self.fetch()?;
        self.configure().context("the kernel's configuration")?;
        stage("compiling a kernel of our own, half an hour of a processor", || {
            self.make("bzImage", &thread::available_parallelism()?.to_string())
        })?;
        self.lay_out(&root)?;
        fs::write(&recipe, &self.recipe)?;
        Ok(root)
    }

    fn sources(&self) -> PathBuf {
        self.directory.join("sources")
    }

    fn build(&self) -> PathBuf {
        self.directory.join("build")
    }

    fn fetch(&self) -> Result<()> {
        let fetched = self.directory.join("fetched");
        if fs::read_to_string(&fetched).is_ok_and(|it| it == self.version) {
            return Ok(());
        }
        if self.directory.exists() {
            fs::remove_dir_all(&self.directory)?;
        }
        fs::create_dir_all(self.build())?;
        stage("fetching the kernel's sources, 150 MB", || {
            sources::unpack(&self.directory, &self.sources(), &[])
        })?;
        Ok(fs::write(&fetched, self.version)?)
    }

    /// Fills the configuration up as Buildroot does, and fails with what Kconfig dropped.
    fn configure(&self) -> Result<()> {
        let texts: Result<String> = self.asked.iter().map(|it| text(it)).collect();
        let configuration = self.build().join(".config");
        fs::write(&configuration, texts?)?;
        self.make("olddefconfig", "1")?;
        buildroot::kept(&configuration, self.asked.iter().cloned())
    }

    fn make(&self, goal: &str, jobs: &str) -> Result<()> {
        let log = self.directory.join(format!("{goal}.log"));
        let file = fs::File::create(&log).with_context(|| log.display().to_string())?;
        let mut make: Command = tools::command("make");
        make.arg("-C").arg(self.sources()).arg(format!("O={}", self.build().display()));
        make.args(["ARCH=x86_64", "-j", jobs, goal]).envs(MADE);
        // An option that the kernel does not have is an error, and not passed over.
        make.env("KCONFIG_WARN_UNKNOWN_SYMBOLS", "1").env("KCONFIG_WERROR", "1");
        let status = make.stderr(file.try_clone()?).stdout(file).status();
        if !status.context("make cannot be started")?.success() {
            let told = text(&log)?;
            let told: Vec<_> = told.lines().collect();
            let end = told.get(told.len().saturating_sub(TOLD)..).unwrap_or_default();
            bail!("make {goal} failed, all of it is in {}:\n{}", log.display(), end.join("\n"));
        }
        Ok(())
    }

    /// Puts what was made where Debian's package would have it.
    fn lay_out(&self, root: &Path) -> Result<()> {
        if root.exists() {
            fs::remove_dir_all(root)?;
        }
        let build = self.build();
        let release = text(&build.join("include/config/kernel.release"))?;
        let release = release.trim_end();
        let modules = root.join("lib/modules").join(release);
        let boot = root.join("boot");
        fs::create_dir_all(&modules)?;
        fs::create_dir_all(&boot)?;
        let kernel = boot.join(format!("vmlinuz-{release}"));
        fs::copy(build.join("arch/x86/boot/bzImage"), kernel)?;
        for list in ["modules.builtin", "modules.builtin.modinfo"] {
            fs::copy(build.join(list), modules.join(list)).context(list)?;
        }
        // No module was made, so none is in any order.
        Ok(fs::write(modules.join("modules.order"), "")?)
    }
}

fn text(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architectures_that_were_never_tried_are_refused() {
        for architecture in [Architecture::Aarch64, Architecture::Armv7] {
            let refused = own(architecture).unwrap_err().to_string();

            assert!(refused.contains("only x86_64 has been tried"), "{refused}");
        }
    }

    #[test]
    fn another_fragment_makes_another_recipe() {
        let directory = tempfile::tempdir().unwrap();
        let fragment = directory.path().join("a.config");
        let recipe = |text: &str| {
            fs::write(&fragment, text).unwrap();
            Build::new(Architecture::X86_64, "1", std::slice::from_ref(&fragment)).unwrap().recipe
        };

        let [first, again] = ["CONFIG_A=y\n"; 2].map(recipe);
        assert_eq!(first, again);
        assert_ne!(first, recipe("CONFIG_B=y\n"));
    }
}
