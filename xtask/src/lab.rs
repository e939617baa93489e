//! `./x lab`: runs scenarios on real machines.

use std::time::Instant;

use ::image::Architecture;
use ::image::io::Packed;
use anyhow::{Result, bail, ensure};
use clap::Args;
use qemu::io::site::Site;
use qemu::scenario::{self, Scenario, Stage};
use serde_json::json;

use crate::binaries::Profile;
use crate::{binaries, image, workspace};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The scenario or group, or several; all of them if none is named.
    names: Vec<String>,
    /// Lists the scenarios and what they claim.
    #[arg(long)]
    list: bool,
    /// JSON instead of text.
    #[arg(long)]
    json: bool,
    /// Takes the images and programs that the last build left.
    #[arg(long)]
    no_build: bool,
}

/// How a scenario went.
pub(crate) struct Outcome {
    pub(crate) name: &'static str,
    pub(crate) seconds: f64,
    pub(crate) failure: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.list {
        list(arguments.json);
        return Ok(());
    }
    let scenarios = chosen(&arguments.names)?;
    let site = if arguments.no_build { site_as_built()? } else { site()? };
    let outcomes = run_all(&site, &scenarios);
    let failed = outcomes.iter().filter(|outcome| outcome.failure.is_some()).count();
    if arguments.json {
        let rows = outcomes
            .iter()
            .map(|o| json!({ "name": o.name, "seconds": o.seconds, "failure": o.failure }));
        println!("{}", rows.collect::<serde_json::Value>());
    } else {
        println!("{} passed, {failed} failed", outcomes.len() - failed);
    }
    if failed > 0 {
        bail!("{failed} of {} scenarios failed", outcomes.len())
    }
    Ok(())
}

/// Builds what the lab boots and runs.
pub(crate) fn site() -> Result<Site> {
    let packed = image::build(Architecture::X86_64, Profile::Release)?;
    let server = binaries::spire_server()?;
    Site::prepare(Box::new(packed), server, workspace::target("lab"))
}

/// Takes what the last build left for the lab to boot and run.
fn site_as_built() -> Result<Site> {
    let packed = as_built(Architecture::X86_64)?;
    let server = workspace::target("spire/spire-server");
    Site::prepare(Box::new(packed), server, workspace::target("lab"))
}

fn as_built(architecture: Architecture) -> Result<Packed> {
    let manifest = image::manifest(architecture)?;
    let directory = workspace::target("image").join(architecture.name());
    Ok(::image::io::packed(&manifest, &directory)?)
}

/// Runs scenarios one after the other; a failure does not keep the others from running.
pub(crate) fn run_all(site: &Site, scenarios: &[&'static Scenario]) -> Vec<Outcome> {
    let mut stage = Stage::default();
    let outcomes = scenarios.iter().map(|scenario| {
        eprintln!("{}: {} ...", scenario.name, scenario.claim);
        let start = Instant::now();
        let failure = scenario.run(site, &mut stage).err().map(|error| format!("{error:#}"));
        let seconds = start.elapsed().as_secs_f64();
        match &failure {
            None => eprintln!("{}: passed, {seconds:.1} s", scenario.name),
            Some(why) => eprintln!("{}: FAILED, {seconds:.1} s: {why}", scenario.name),
        }
        Outcome { name: scenario.name, seconds, failure }
    });
    outcomes.collect()
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
