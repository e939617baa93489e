//! Builds the programs: ours for the image and for the workstation, SPIRE's for the image and for the lab's host.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use image::Architecture;
use image::elf::{self, Linkage};

use crate::progress::stage;
use crate::{tools, workspace};

/// The Go module of both of SPIRE's programs.
const SPIRE: &str = "github.com/spiffe/spire";

/// How much time a build takes for how small a program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// What ships.
    Release,
    /// The same, but for the link-time optimization that takes minutes.
    Quick,
}

/// Whether a Go program may use C.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cgo {
    Off,
    /// SQLite is C.
    On,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Quick => "dev-release",
        }
    }
}

/// What our programs are compiled for.
pub(crate) fn target(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X86_64 => "x86_64-unknown-linux-musl",
        Architecture::Aarch64 => "aarch64-unknown-linux-musl",
        Architecture::Armv7 => "armv7-unknown-linux-musleabihf",
    }
}

/// Builds mesh-node for the image.
pub(crate) fn mesh_node(architecture: Architecture, profile: Profile) -> Result<PathBuf> {
    ours("mesh-node", "mesh-node", architecture, profile)
}

/// Builds the programs of the workstation.
pub(crate) fn workstation() -> Result<Vec<PathBuf>> {
    Ok(vec![meshctl()?, mesh_image()?])
}

/// Builds the operator's tool.
pub(crate) fn meshctl() -> Result<PathBuf> {
    ours("mesh-node", "meshctl", host()?, Profile::Release)
}

/// Builds the packer and flasher.
pub(crate) fn mesh_image() -> Result<PathBuf> {
    ours("image", "mesh-image", host()?, Profile::Release)
}

/// Builds a program that tests another on a machine of its own, from the package of the same name.
pub(crate) fn test_program(name: &str) -> Result<PathBuf> {
    ours(name, name, Architecture::X86_64, Profile::Release)
}

fn host() -> Result<Architecture> {
    Architecture::of_host().context("programs are built on x86_64, aarch64 and armv7")
}

/// Builds one of our programs: static, loadable anywhere.
fn ours(
    package: &str,
    program: &str,
    architecture: Architecture,
    profile: Profile,
) -> Result<PathBuf> {
    let target = target(architecture);
    let mut command = tools::command("cargo");
    command
        .current_dir(workspace::root())
        .args(["zigbuild", "--locked", "--package", package, "--bin", program])
        .args(["--profile", profile.name(), "--target", target])
        .env("SOURCE_DATE_EPOCH", workspace::built().to_string());
    let mut directory = workspace::target("");
    if architecture == Architecture::Armv7 {
        // Its standard library is not served, so it is compiled along, which a stable compiler does when it is told that it is
        // none. That changes how it sees everything it has compiled: a directory of its own.
        directory = workspace::target("armv7");
        command
            .args(["-Zbuild-std=std,panic_abort"])
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_DIR", &directory);
    }
    stage(&format!("building {program} for {architecture}"), || tools::run(&mut command))?;
    let built = directory.join(target).join(profile.name()).join(program);
    check_linkage(&built)?;
    Ok(built)
}

fn check_linkage(program: &Path) -> Result<()> {
    let name = program.display();
    let bytes = std::fs::read(program).with_context(|| name.to_string())?;
    let linkage = elf::linkage(&bytes);
    ensure!(linkage == Some(Linkage::StaticPie), "{name} is not static-pie but {linkage:?}");
    Ok(())
}

/// Builds SPIRE's agent for the image.
pub(crate) fn spire_agent(architecture: Architecture) -> Result<PathBuf> {
    spire("spire-agent", Some(architecture), Cgo::Off)
}

/// Builds SPIRE's server for the lab's host.
pub(crate) fn spire_server() -> Result<PathBuf> {
    spire("spire-server", None, Cgo::On)
}

fn spire(name: &str, architecture: Option<Architecture>, cgo: Cgo) -> Result<PathBuf> {
    let module = workspace::root().join("image/spire");
    let directory = workspace::target("spire");
    let directory = architecture.map_or(directory.clone(), |it| directory.join(it.name()));
    let program = directory.join(name);
    let version = spire_version()?;
    // Without a tag the programs call themselves a development build.
    let tag = format!("-s -w -X {SPIRE}/pkg/common/version.gittag={version}");
    let mut command = tools::command("go");
    command
        .current_dir(&module)
        .env("CGO_ENABLED", if cgo == Cgo::On { "1" } else { "0" })
        .args(["build", "-trimpath", "-ldflags", &tag, "-o"])
        .arg(&program)
        .arg(format!("{SPIRE}/cmd/{name}"));
    match architecture {
        Some(Architecture::X86_64) => command.env("GOARCH", "amd64"),
        Some(Architecture::Aarch64) => command.env("GOARCH", "arm64"),
        Some(Architecture::Armv7) => command.env("GOARCH", "arm").env("GOARM", "7"),
        None => &mut command,
    };
    let for_whom = architecture.map_or(String::new(), |it| format!(" for {it}"));
    stage(&format!("building {name} {version}{for_whom}"), || tools::run(&mut command))?;
    Ok(program)
}

/// The version of SPIRE that is built.
pub(crate) fn spire_version() -> Result<String> {
    let go_mod = workspace::root().join("image/spire/go.mod");
    let go_mod = std::fs::read_to_string(go_mod).context("image/spire/go.mod")?;
    let version = required(&go_mod, SPIRE).context("image/spire/go.mod does not require SPIRE")?;
    Ok(version.to_owned())
}

/// The version of a module that a `go.mod` requires.
fn required<'a>(go_mod: &'a str, module: &str) -> Option<&'a str> {
    go_mod.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip_while(|it| *it == "require");
        if words.next()? == module { words.next()?.strip_prefix('v') } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_the_required_one_of_exactly_that_module() {
        let go_mod = "require (\n\texample.org/a/sdk v9.0.0\n\texample.org/a v1.15.3 // indirect\n)\n\
                      require example.org/b v0.1.0\n";

        assert_eq!(required(go_mod, "example.org/a"), Some("1.15.3"));
        assert_eq!(required(go_mod, "example.org/b"), Some("0.1.0"));
        assert_eq!(required(go_mod, "example.org/c"), None);
    }
}
