//! `./x lab`: runs scenarios on real machines.

use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use qemu::io::site::Site;
use qemu::scenario::{self, Scenario};
use serde_json::json;

use crate::{binaries, image, workspace};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The scenario, or several; all of them if none is named.
    names: Vec<String>,
    /// Lists the scenarios and what they claim.
    #[arg(long)]
    list: bool,
    /// JSON instead of text.
    #[arg(long)]
    json: bool,
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
    let outcomes = run_all(&site()?, &scenarios);
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
    let packed = image::build(::image::Architecture::X86_64)?;
    let server = binaries::spire_server()?;
    Site::prepare(Box::new(packed), server, workspace::target("lab"))
}

/// Runs scenarios one after the other; a failure does not keep the others from running.
pub(crate) fn run_all(site: &Site, scenarios: &[&'static Scenario]) -> Vec<Outcome> {
    let outcomes = scenarios.iter().map(|scenario| {
        eprintln!("{}: {} ...", scenario.name, scenario.claim);
        let start = Instant::now();
        let failure = (scenario.run)(site).err().map(|error| format!("{error:#}"));
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
        return Ok(scenario::all().iter().collect());
    }
    let find = |name: &String| {
        scenario::find(name).with_context(|| format!("no scenario {name}; see ./x lab --list"))
    };
    names.iter().map(find).collect()
}

fn list(as_json: bool) {
    let all = scenario::all().iter();
    if as_json {
        let rows = all.map(|s| json!({ "name": s.name, "claim": s.claim }));
        println!("{}", rows.collect::<serde_json::Value>());
    } else {
        all.for_each(|s| println!("{:<26} {}", s.name, s.claim));
    }
}
