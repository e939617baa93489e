//! `image`: builds everything and packs it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use image::io::{Packed, Parts, Release, Sources};
use image::manifest::KernelSource;
use image::{Architecture, Manifest, Size};
use serde_json::json;

use crate::binaries::Profile;
use crate::progress::stage;
use crate::{arch, binaries, kernel, tools, workspace};

/// What `image` can be told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The routers' architecture: x86_64, aarch64, armv7 or all.
    #[arg(long, default_value = "x86_64")]
    arch: arch::Wanted,
    /// Whose kernel it has. Our own is for x86_64, smaller, and takes half an hour of a processor to compile.
    #[arg(long, value_enum, default_value_t)]
    kernel: Kernel,
    /// Leave out the optimization that takes minutes, for an image that is only tried.
    #[arg(long)]
    quick: bool,
    /// Print one JSON array instead of tables.
    #[arg(long)]
    json: bool,
}

/// Whose kernel an image has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Kernel {
    /// Debian's, which is downloaded.
    #[default]
    Debian,
    /// Our own, which is compiled.
    Own,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let profile = if arguments.quick { Profile::Quick } else { Profile::Release };
    let architectures = arguments.arch.all();
    // What cannot be is said before anything is built.
    for architecture in &architectures {
        manifest(*architecture, arguments.kernel)?;
    }
    let mut all = Vec::new();
    for architecture in architectures {
        all.push(build(architecture, arguments.kernel, profile)?);
    }
    if arguments.json {
        println!("{}", all.iter().map(to_json).collect::<serde_json::Value>());
    } else {
        all.iter().for_each(print_table);
    }
    Ok(())
}

/// What the image of an architecture holds.
pub(crate) fn manifest(architecture: Architecture, kernel: Kernel) -> Result<Manifest> {
    if kernel == Kernel::Own {
        kernel::check_tried(architecture)?;
    }
    let path = workspace::root().join(format!("image/{}.toml", name(architecture, kernel)));
    image::io::read_manifest(&path).with_context(|| format!("{} cannot be used", path.display()))
}

/// Where the image of an architecture is built.
pub(crate) fn directory(architecture: Architecture, kernel: Kernel) -> PathBuf {
    workspace::target("image").join(name(architecture, kernel))
}

fn name(architecture: Architecture, kernel: Kernel) -> String {
    match kernel {
        Kernel::Debian => architecture.to_string(),
        Kernel::Own => format!("{architecture}-own-kernel"),
    }
}

/// Builds everything and packs the image of an architecture.
pub(crate) fn build(
    architecture: Architecture,
    kernel: Kernel,
    profile: Profile,
) -> Result<Packed> {
    let manifest = manifest(architecture, kernel)?;
    let directory = directory(architecture, kernel);
    let parts = parts(&manifest, profile, &directory)?;
    pack(&manifest, &parts, &directory)
}

/// Builds and gathers what an image is packed from.
pub(crate) fn parts(manifest: &Manifest, profile: Profile, directory: &Path) -> Result<Parts> {
    tools::install()?;
    let root = workspace::root();
    let architecture = manifest.architecture;
    let is_own = manifest.kernel.source == KernelSource::Own;
    let sources = Sources {
        own_kernel: is_own.then(|| kernel::own(architecture)).transpose()?,
        overlay: root.join("image/rootfs"),
        initramfs_init: root.join("image/initramfs/init"),
        programs: BTreeMap::from([
            ("mesh-node".to_owned(), binaries::mesh_node(architecture, profile)?),
            ("spire-agent".to_owned(), binaries::spire_agent(architecture)?),
        ]),
        cache: workspace::target("debian"),
    };
    let gather = || {
        stage(&format!("gathering the kernel and the root file system for {architecture}"), || {
            Ok(image::io::gather(manifest, &sources, &directory.join("parts"))?)
        })
    };
    gather().or_else(|error| {
        // Without lists apt knows no kernel, and with old ones it looks for one that has been replaced.
        eprintln!("{error:#}");
        tools::update_lists()?;
        gather()
    })
}

/// Packs parts into a directory.
pub(crate) fn pack(manifest: &Manifest, parts: &Parts, directory: &Path) -> Result<Packed> {
    let release =
        Release { version: env!("CARGO_PKG_VERSION").parse()?, built: workspace::built() };
    stage(&format!("packing the image for {}", manifest.architecture), || {
        Ok(image::io::pack(manifest, &release, parts, directory)?)
    })
}

fn print_table(packed: &Packed) {
    let contents = &packed.contents;
    println!("{} for {}", contents.version, contents.board);
    println!("{:<18} {:>10} {:>10}", "", "running", "stored");
    for part in &contents.parts {
        let [bytes, stored] = [part.bytes, part.stored].map(|it| Size(it).to_string());
        println!("{:<18} {bytes:>10} {stored:>10}", part.name);
    }
    println!("{:<18} {:>10} {:>10}", "all of it", "", contents.stored().to_string());
    println!("{}\n{}\n", packed.disk.display(), packed.update.display());
}

fn to_json(packed: &Packed) -> serde_json::Value {
    json!({
        "architecture": packed.architecture.name(),
        "disk": packed.disk,
        "update": packed.update,
        "kernel": packed.kernel,
        "initramfs": packed.initramfs,
        "stored": packed.contents.stored().0,
        "contents": packed.contents,
    })
}
