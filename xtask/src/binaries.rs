//! Builds the programs: ours for the image, SPIRE's for the image and for the lab's host.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use image::elf::{self, Linkage};

use crate::progress::stage;
use crate::{tools, workspace};

/// What runs on the device.
pub(crate) const TARGET: &str = "x86_64-unknown-linux-musl";

/// The Go module of both of SPIRE's programs.
const SPIRE: &str = "github.com/spiffe/spire";

/// Whether a Go program may use C.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cgo {
    Off,
    /// SQLite is C.
    On,
}

/// Builds mesh-node for the image: release profile, static, loadable anywhere.
pub(crate) fn mesh_node() -> Result<PathBuf> {
    stage("building mesh-node", || {
        tools::run(
            tools::command("cargo")
                .current_dir(workspace::root())
                .args([
                    "zigbuild",
                    "--locked",
                    "--release",
                    "--package",
                    "mesh-node",
                    "--bin",
                    "mesh-node",
                ])
                .args(["--target", TARGET]),
        )
    })?;
    let program = workspace::target(TARGET).join("release/mesh-node");
    let bytes = std::fs::read(&program).with_context(|| program.display().to_string())?;
    let linkage = elf::linkage(&bytes);
    ensure!(
        linkage == Some(Linkage::StaticPie),
        "{} is not static-pie but {linkage:?}",
        program.display()
    );
    Ok(program)
}

/// Builds SPIRE's agent for the image.
pub(crate) fn spire_agent() -> Result<PathBuf> {
    spire("spire-agent", Cgo::Off)
}

/// Builds SPIRE's server for the lab's host.
pub(crate) fn spire_server() -> Result<PathBuf> {
    spire("spire-server", Cgo::On)
}

fn spire(name: &str, cgo: Cgo) -> Result<PathBuf> {
    let module = workspace::root().join("image/spire");
    let program = workspace::target("spire").join(name);
    let go_mod = std::fs::read_to_string(module.join("go.mod")).context("image/spire/go.mod")?;
    let version = required(&go_mod, SPIRE).context("image/spire/go.mod does not require SPIRE")?;
    // Without a tag the programs call themselves a development build.
    let tag = format!("-s -w -X {SPIRE}/pkg/common/version.gittag={version}");
    stage(&format!("building {name} {version}"), || {
        tools::run(
            tools::command("go")
                .current_dir(&module)
                .env("CGO_ENABLED", if cgo == Cgo::On { "1" } else { "0" })
                .args(["build", "-trimpath", "-ldflags", &tag, "-o"])
                .arg(&program)
                .arg(format!("{SPIRE}/cmd/{name}")),
        )
    })?;
    Ok(program)
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
