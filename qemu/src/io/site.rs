//! What every lab on this host starts from.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;

use anyhow::Context as _;
use image::io::rig::Rig;
use image::{Architecture, Layout};

use super::accel;
use super::firmware::Firmware;
use crate::accel::Accel;
use crate::patience::Slowness;
use crate::scenario::Recipe;

/// The image to boot, the server to run, and what is known of this host.
pub struct Site {
    /// What the machines of each architecture are booted from.
    pub firmware: BTreeMap<Architecture, Box<dyn Firmware>>,
    /// The `spire-server` program.
    pub spire_server: PathBuf,
    /// Directory that holds each lab's own, such as `target/lab`.
    pub directory: PathBuf,
    /// What releases are made with, if they are.
    pub release: Option<Release>,
    /// Machines of one program, on kernels that no image has.
    pub rigs: BTreeMap<Recipe, Rig>,
    /// How many power cuts are tried.
    pub sweep: usize,
    /// How processors are run.
    pub accel: Accel,
    /// How much slower than usual this host is.
    pub slowness: Slowness,
}

/// As many power cuts as are worth their time in every test run.
const SWEEP: usize = 120;

/// What releases are made with.
#[derive(Clone, Debug)]
pub struct Release {
    /// The `meshctl` program.
    pub meshctl: PathBuf,
    /// The update as it was packed.
    pub update: PathBuf,
    /// The tree that its root file system was packed from.
    pub tree: PathBuf,
    /// A disk with the same on it.
    pub disk: PathBuf,
    /// Where the partitions lie on the disk.
    pub layout: Layout,
}

impl Site {
    /// Prepares a site, with `MESH_LAB_ACCEL` and `MESH_LAB_SLOW` from the environment.
    ///
    /// Without `MESH_LAB_ACCEL` KVM is tried once per kernel, which may take 15 s.
    pub fn prepare(
        firmware: Box<dyn Firmware>,
        spire_server: PathBuf,
        directory: PathBuf,
    ) -> anyhow::Result<Self> {
        let directory = std::path::absolute(directory)?;
        let slowness = wish("MESH_LAB_SLOW", "a factor from 1 to 100", Slowness::parse)?;
        let accel = match wish("MESH_LAB_ACCEL", "tcg or kvm", Accel::parse)? {
            Some(accel) => accel,
            None => accel::choose(firmware.kernel(), &directory)?,
        };
        let slowness = slowness.unwrap_or(Slowness::NONE);
        let firmware = BTreeMap::from([(Architecture::X86_64, firmware)]);
        Ok(Self {
            firmware,
            spire_server,
            directory,
            release: None,
            rigs: BTreeMap::new(),
            sweep: SWEEP,
            accel,
            slowness,
        })
    }

    /// Adds what the machines of another architecture are booted from.
    pub fn add(&mut self, architecture: Architecture, firmware: Box<dyn Firmware>) {
        self.firmware.insert(architecture, firmware);
    }

    /// Returns what the machines of an architecture are booted from.
    ///
    /// # Errors
    /// If this site has none for it.
    pub fn firmware(&self, architecture: Architecture) -> anyhow::Result<&dyn Firmware> {
        let firmware = self.firmware.get(&architecture);
        Ok(firmware.with_context(|| format!("no image for {architecture} was built"))?.as_ref())
    }

    /// Returns what releases are made with.
    ///
    /// # Errors
    /// If this site has nothing for it.
    pub fn release(&self) -> anyhow::Result<&Release> {
        self.release.as_ref().context("neither meshctl nor an update were built")
    }

    /// Returns the rig of a recipe.
    ///
    /// # Errors
    /// If this site has none.
    pub fn rig(&self, recipe: Recipe) -> anyhow::Result<&Rig> {
        self.rigs.get(&recipe).with_context(|| {
            let Recipe { series, program, .. } = recipe;
            format!("no rig with kernel {series} and {program} was built")
        })
    }

    /// Returns how the processors of an architecture are run: another architecture's are translated.
    pub fn accel_of(&self, architecture: Architecture) -> Accel {
        if architecture == Architecture::X86_64 { self.accel } else { Accel::Tcg }
    }
}

/// Reads an optional wish from the environment.
fn wish<T>(
    variable: &str,
    expected: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> anyhow::Result<Option<T>> {
    let Ok(word) = env::var(variable) else { return Ok(None) };
    let wish = parse(&word)
        .with_context(|| format!("{variable} is {word:?}, and should be {expected}"))?;
    Ok(Some(wish))
}
