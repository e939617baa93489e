//! Builds the programs: ours for the image, SPIRE's for the image and for the lab's host.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use image::elf::{self, Linkage};

use crate::progress::stage;
use crate::{tools, workspace};

/// What runs on the device.
pub(crate) const TARGET: &str = "x86_64-unknown-linux-musl";

/// Whether a Go program may use C.
#[derive(Clone, Copy)]
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
                .args(["zigbuild", "--release", "--package", "mesh-node", "--bin", "mesh-node"])
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
#[expect(dead_code, reason = "the lab's commands, which start it, come with the lab")]
pub(crate) fn spire_server() -> Result<PathBuf> {
    spire("spire-server", Cgo::On)
}

fn spire(name: &str, cgo: Cgo) -> Result<PathBuf> {
    let program = workspace::target("spire").join(name);
    stage(&format!("building {name}"), || {
        tools::run(
            tools::command("go")
                .current_dir(workspace::root().join("image/spire"))
                .env(
                    "CGO_ENABLED",
                    match cgo {
                        Cgo::Off => "0",
                        Cgo::On => "1",
                    },
                )
                .args(["build", "-trimpath", "-ldflags", "-s -w", "-o"])
                .arg(&program)
                .arg(format!("github.com/spiffe/spire/cmd/{name}")),
        )
    })?;
    Ok(program)
}
