//! `./x lab`: runs scenarios on real machines.

mod lanes;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use ::image::Architecture;
use ::image::io::Packed;
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use clap::Args;
use qemu::io::site::{Release, Site};
use qemu::scenario::{self, Parts, Recipe, Scenario};
use serde_json::json;

pub(crate) use self::lanes::{Outcome, play, usual as usual_lanes};
use crate::binaries::Profile;
use crate::image::Kernel;
use crate::{binaries, image, rig, tools, workspace};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The scenario or group, or several; all of them if none is named.
    names: Vec<String>,
    /// Lists the scenarios and what they claim.
    #[arg(long)]
    list: bool,
    /// How many power cuts the scenario `power-cut` tries.
    #[arg(long, value_name = "N")]
    sweep: Option<usize>,
    /// How many scenarios are played at a time, where time is not what they are about.
    #[arg(long, value_name = "N", default_value_t = lanes::usual())]
    lanes: NonZeroUsize,
    /// Whose kernel the x86_64 routers have.
    #[arg(long, value_enum, default_value_t)]
    kernel: Kernel,
    /// JSON instead of text.
    #[arg(long)]
    json: bool,
    /// Takes the images and programs that the last build left.
    #[arg(long)]
    no_build: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.list {
        list(arguments.json);
        return Ok(());
    }
    let scenarios = chosen(&arguments.names)?;
    let parts = scenarios.iter().map(|it| it.parts).max().unwrap_or_default();
    let site = if arguments.no_build { site_as_built } else { site_with };
    let mut site = site(parts, arguments.kernel)?;
    site.rigs = rig::build(rig::wanted(&scenarios))?;
    site.sweep = arguments.sweep.unwrap_or(site.sweep);
    let outcomes = play(&site, &scenarios, arguments.lanes);
    let failed = outcomes.iter().filter(|outcome| outcome.failure.is_some()).count();
    if arguments.json {
        let rows = outcomes
            .iter()
            .map(|o| json!({ "name": o.name, "seconds": o.seconds, "failure": o.failure }));
        println!("{}", rows.collect::<serde_json::Value>());
    } else {
        print!("{}", summaries(&site, &outcomes)?);
        println!("{} passed, {failed} failed", outcomes.len() - failed);
    }
    if failed > 0 {
        bail!("{failed} of {} scenarios failed", outcomes.len())
    }
    Ok(())
}

/// What the scenarios of each group that passed have covered together.
fn summaries(site: &Site, outcomes: &[Outcome]) -> Result<String> {
    let passed: BTreeSet<_> =
        outcomes.iter().filter(|it| it.failure.is_none()).map(|it| it.name).collect();
    let mut text = String::new();
    for group in scenario::groups() {
        let names = group.scenarios.iter().map(|it| it.name).filter(|it| passed.contains(it));
        if let Some(summary) = group.summary {
            text += &summary(site, &names.collect::<Vec<_>>())?;
        }
    }
    Ok(text)
}

/// Builds what the lab boots and runs.
pub(crate) fn site(kernel: Kernel) -> Result<Site> {
    site_with(Parts::Image, kernel)
}

/// Takes what the last build left, if there was one: rigs boot none of it.
pub(crate) fn site_for_rigs() -> Result<Site> {
    site_as_built(Parts::Image, Kernel::Debian).or_else(|_| site(Kernel::Debian))
}

/// Builds what it takes to update a router.
pub(crate) fn site_with_release() -> Result<Site> {
    site_with(Parts::Release, Kernel::Debian)
}

/// Builds what any scenario needs.
pub(crate) fn whole_site() -> Result<Site> {
    let rigs = rig::wanted(&scenario::all().collect::<Vec<_>>());
    compile(&rigs)?;
    let mut site = site_with(Parts::AllImages, Kernel::Debian)?;
    site.rigs = rig::build(rigs)?;
    Ok(site)
}

/// Compiles for all architectures, two at a time: the last minutes of a release have use for one processor.
fn compile(rigs: &BTreeSet<Recipe>) -> Result<()> {
    tools::install()?;
    let for_others =
        || OTHERS.iter().try_for_each(|it| binaries::mesh_node(*it, Profile::Quick).map(drop));
    let for_host = || -> Result<()> {
        binaries::mesh_node(Architecture::X86_64, Profile::Release)?;
        binaries::workstation()?;
        let programs: BTreeSet<_> = rigs.iter().map(|it| it.program).collect();
        programs.into_iter().try_for_each(|it| binaries::test_program(it).map(drop))
    };
    thread::scope(|scope| {
        let others = scope.spawn(for_others);
        let host = for_host();
        others.join().map_err(|_| anyhow!("a compilation panicked"))?.and(host)
    })
}

/// Builds what scenarios need.
fn site_with(parts: Parts, kernel: Kernel) -> Result<Site> {
    let packed = image::build(Architecture::X86_64, kernel, Profile::Release)?;
    let server = binaries::spire_server()?;
    let meshctl = (parts >= Parts::Release).then(binaries::meshctl).transpose()?;
    let mut site = put_together(packed, server, meshctl)?;
    if parts >= Parts::AllImages {
        for architecture in OTHERS {
            site.add(
                architecture,
                Box::new(image::build(architecture, Kernel::Debian, Profile::Quick)?),
            );
        }
    }
    Ok(site)
}

/// Takes what the last build left.
fn site_as_built(parts: Parts, kernel: Kernel) -> Result<Site> {
    let server = workspace::target("spire/spire-server");
    let host =
        Architecture::of_host().context("programs are built on x86_64, aarch64 and armv7")?;
    let released = workspace::target(binaries::target(host)).join("release/meshctl");
    let built = [released, workspace::target("debug/meshctl")];
    let meshctl = built.into_iter().find(|it| it.exists());
    let mut site = put_together(as_built(Architecture::X86_64, kernel)?, server, meshctl)?;
    if parts >= Parts::AllImages {
        for architecture in OTHERS {
            site.add(architecture, Box::new(as_built(architecture, Kernel::Debian)?));
        }
    }
    Ok(site)
}

/// The architectures that only some scenarios need.
const OTHERS: [Architecture; 2] = [Architecture::Aarch64, Architecture::Armv7];

fn put_together(packed: Packed, server: PathBuf, meshctl: Option<PathBuf>) -> Result<Site> {
    let release = meshctl.map(|meshctl| Release {
        meshctl,
        update: packed.update.clone(),
        tree: packed.disk.with_file_name("parts").join("root"),
        disk: packed.disk.clone(),
        layout: packed.layout.clone(),
    });
    let mut site = Site::prepare(Box::new(packed), server, workspace::target("lab"))?;
    site.release = release;
    Ok(site)
}

fn as_built(architecture: Architecture, kernel: Kernel) -> Result<Packed> {
    let manifest = image::manifest(architecture, kernel)?;
    Ok(::image::io::packed(&manifest, &image::directory(architecture, kernel))?)
}

fn chosen(names: &[String]) -> Result<Vec<&'static Scenario>> {
    if names.is_empty() {
        return Ok(scenario::all().collect());
    }
    let mut chosen = Vec::new();
    for name in names {
        let found = scenario::find(name);
        ensure!(!found.is_empty(), "no scenario or group {name}; see ./x lab --list");
        chosen.extend(found);
    }
    Ok(chosen)
}

fn list(as_json: bool) {
    let all = scenario::groups().iter().flat_map(|group| {
        let scenarios = group.scenarios.iter();
        scenarios.map(move |scenario| (group, scenario))
    });
    if as_json {
        let rows = all
            .map(|(group, it)| json!({ "group": group.name, "name": it.name, "claim": it.claim }));
        println!("{}", rows.collect::<serde_json::Value>());
        return;
    }
    for group in scenario::groups() {
        println!("{}: {}", group.name, group.about);
        group.scenarios.iter().for_each(|it| println!("  {:<26} {}", it.name, it.claim));
    }
}
