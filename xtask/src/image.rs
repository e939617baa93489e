//! `image`: builds everything and packs it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use image::io::{Packed, Sources};
use image::Architecture;
use serde_json::json;

use crate::progress::stage;
use crate::{binaries, tools, workspace};

/// What `image` can be told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let packed = build(Architecture::X86_64)?;
    if arguments.json {
        print_json(&packed);
    } else {
        print_table(&packed);
    }
    Ok(())
}

/// Builds everything and packs the image of an architecture.
pub(crate) fn build(architecture: Architecture) -> Result<Packed> {
    tools::install()?;
    let root = workspace::root();
    let manifest = root.join(format!("image/{architecture}.toml"));
    let manifest = image::io::read_manifest(&manifest)
        .with_context(|| format!("{} cannot be used", manifest.display()))?;
    let sources = Sources {
        overlay: root.join("image/rootfs"),
        initramfs_init: root.join("image/initramfs/init"),
        programs: BTreeMap::from([
            ("mesh-node".to_owned(), binaries::mesh_node()?),
            ("spire-agent".to_owned(), binaries::spire_agent()?),
        ]),
        cache: workspace::target("debian"),
    };
    let directory = workspace::target("image").join(architecture.name());
    let gather = || {
        stage("gathering the kernel and the root file system", || {
            Ok(image::io::gather(&manifest, &sources, &directory.join("parts"))?)
        })
    };
    let parts = gather().or_else(|error| {
        // Without lists apt knows no kernel, and with old ones it looks for one that has been replaced.
        eprintln!("{error:#}");
        tools::update_lists()?;
        gather()
    })?;
    stage("packing the image", || Ok(image::io::pack(&manifest, &parts, &directory)?))
}

fn print_table(packed: &Packed) {
    for (name, size) in &packed.contents {
        println!("{name:<16} {:>10}", size.to_string());
    }
    println!("\n{}", packed.disk.display());
}

fn print_json(packed: &Packed) {
    let contents: Vec<_> = packed
        .contents
        .iter()
        .map(|(name, size)| json!({ "name": name, "bytes": size.0 }))
        .collect();
    println!(
        "{}",
        json!({
            "disk": packed.disk,
            "kernel": packed.kernel,
            "initramfs": packed.initramfs,
            "contents": contents,
        })
    );
}
