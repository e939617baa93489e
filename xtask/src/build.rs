//! `build`: the programs, without an image around them.

use std::path::PathBuf;

use anyhow::Result;
use image::Size;
use serde_json::json;

use crate::binaries::Profile;
use crate::{arch, binaries, tools};

/// What `build` can be told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The routers' architecture: x86_64, aarch64, armv7 or all.
    #[arg(long, default_value = "x86_64")]
    arch: arch::Wanted,
    /// Print one JSON array instead of a table.
    #[arg(long)]
    json: bool,
}

/// A program that was built.
struct Built {
    name: String,
    architecture: String,
    path: PathBuf,
    bytes: u64,
}

/// Builds the routers' programs, and those of this workstation.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    tools::install()?;
    let mut built = Vec::new();
    for architecture in arguments.arch.all() {
        for path in [
            binaries::mesh_node(architecture, Profile::Release)?,
            binaries::spire_agent(architecture)?,
        ] {
            built.push(weigh(architecture.to_string(), path)?);
        }
    }
    for path in binaries::workstation()? {
        built.push(weigh("this machine".to_owned(), path)?);
    }
    if arguments.json {
        let rows = built.iter().map(|it| {
            json!({
                "name": it.name,
                "architecture": it.architecture,
                "path": it.path,
                "bytes": it.bytes,
            })
        });
        println!("{}", rows.collect::<serde_json::Value>());
    } else {
        for Built { name, architecture, path, bytes } in built {
            let size = Size(bytes).to_string();
            println!("{name:<12} {architecture:<12} {size:>9}  {}", path.display());
        }
    }
    Ok(())
}

fn weigh(architecture: String, path: PathBuf) -> Result<Built> {
    let bytes = std::fs::metadata(&path)?.len();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Built { name, architecture, path, bytes })
}
