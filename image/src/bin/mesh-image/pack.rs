//! `pack`: puts the parts that a build left together.

use std::path::PathBuf;

use image::io::{Release, buildroot, pack, read_manifest};
use image::{Error, Size};
use semver::Version;

use crate::say;

/// What `pack` is told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What the image holds, such as image/x86_64.toml.
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// The folder of Buildroot's images: kernel, root file system and slot chooser.
    #[arg(long, value_name = "DIR")]
    buildroot: PathBuf,
    /// Where the disk, the update and the list of what is in them go.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The image's version; this program's own if none is given.
    #[arg(long, default_value = env!("CARGO_PKG_VERSION"))]
    version: Version,
    /// When it was built, in seconds since 1970; what SOURCE_DATE_EPOCH says if nothing is given.
    #[arg(long, value_name = "SECONDS")]
    built: Option<u64>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let manifest = read_manifest(&arguments.manifest)?;
    let parts = buildroot::parts(&manifest, &arguments.buildroot, &arguments.out)?;
    let epoch = || std::env::var("SOURCE_DATE_EPOCH").ok()?.trim().parse().ok();
    let built = arguments.built.or_else(epoch).unwrap_or_default();
    let release = Release { version: arguments.version.clone(), built };
    let packed = pack(&manifest, &release, &parts, &arguments.out)?;
    if arguments.json {
        say(&serde_json::json!(packed.contents));
    } else {
        for part in &packed.contents.parts {
            println!("{:<18} {:>10}", part.name, Size(part.stored).to_string());
        }
        println!("{}\n{}", packed.disk.display(), packed.update.display());
    }
    Ok(())
}
