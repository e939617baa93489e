//! `mesh-node mesh plan` and `apply`: the difference between the configuration and the kernel.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use batman::{Kernel, Obstacle, Seen, Step, Wanted, obstacles, plan as steps, was};
use clap::Args;
use mesh_node::config::Config;
use mesh_node::io::log::with_causes;
use mesh_node::io::places;
use serde_json::{Value, json};

use super::exit;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The configuration.
    #[arg(long, default_value = places::CONFIG, value_name = "FILE")]
    config: PathBuf,
}

/// Prints the steps to the wanted mesh, what each finds, and what is in the way.
pub(super) async fn plan(arguments: &Arguments, as_json: bool) -> batman::Result<ExitCode> {
    let wanted = match wanted(arguments) {
        Ok(wanted) => wanted,
        Err(status) => return Ok(status),
    };
    let seen = Kernel::open()?.observe_settings(&wanted).await?;
    let steps: Vec<_> = steps(&wanted, &seen).into_iter().map(|step| (step, None)).collect();
    print(&steps, &obstacles(&wanted, &seen), &seen, as_json);
    Ok(ExitCode::SUCCESS)
}

/// Takes the steps, those after one that failed too, and looks again.
pub(super) async fn apply(arguments: &Arguments, as_json: bool) -> batman::Result<ExitCode> {
    let wanted = match wanted(arguments) {
        Ok(wanted) => wanted,
        Err(status) => return Ok(status),
    };
    let mut kernel = Kernel::open()?;
    let seen = kernel.observe_settings(&wanted).await?;
    let mut taken = Vec::new();
    let mut status = ExitCode::SUCCESS;
    for step in steps(&wanted, &seen) {
        let outcome = kernel.apply(&step).await;
        if let Err(error) = &outcome {
            status = ExitCode::from(exit::of(error));
        }
        taken.push((step, Some(outcome)));
    }
    let after = kernel.observe_settings(&wanted).await?;
    print(&taken, &obstacles(&wanted, &after), &seen, as_json);
    for step in steps(&wanted, &after) {
        let failed = |(taken, outcome): &(Step, Option<batman::Result<()>>)| {
            *taken == step && matches!(outcome, Some(Err(_)))
        };
        if !taken.iter().any(failed) {
            eprintln!("mesh-node: still to do: {step}");
            status = ExitCode::from(exit::UNAVAILABLE);
        }
    }
    Ok(status)
}

fn wanted(arguments: &Arguments) -> Result<Wanted, ExitCode> {
    let shown = arguments.config.display().to_string();
    let text = fs::read_to_string(&arguments.config).map_err(|error| {
        eprintln!("mesh-node: cannot read {shown}: {error}; see mesh-node example-config");
        ExitCode::from(exit::CONFIG)
    })?;
    let config = Config::parse(&text).map_err(|faults| {
        eprint!("{}", faults.report(&shown));
        ExitCode::from(exit::CONFIG)
    })?;
    Ok(config.mesh.wanted)
}

type Taken = (Step, Option<batman::Result<()>>);

fn print(steps: &[Taken], obstacles: &[Obstacle], seen: &Seen, as_json: bool) {
    if as_json {
        let steps: Vec<_> = steps.iter().map(|taken| step_json(taken, seen)).collect();
        let obstacles: Vec<_> = obstacles.iter().map(ToString::to_string).collect();
        println!("{}", json!({ "steps": steps, "obstacles": obstacles }));
        return;
    }
    if steps.is_empty() {
        println!("the mesh is as it is wanted");
    }
    for (step, outcome) in steps {
        let was = was(step, seen).map(|was| format!(" (is {was})")).unwrap_or_default();
        match outcome {
            None => println!("{step}{was}"),
            Some(Ok(())) => println!("done: {step}"),
            Some(Err(error)) => println!("not done: {}", with_causes(error)),
        }
    }
    for obstacle in obstacles {
        println!("! {obstacle}");
    }
}

fn step_json((step, outcome): &Taken, seen: &Seen) -> Value {
    let mut told = json!({ "step": step.to_string(), "is": was(step, seen) });
    if let (Some(outcome), Some(told)) = (outcome, told.as_object_mut()) {
        let error = outcome.as_ref().err().map(|error| with_causes(error));
        told.insert("done".to_owned(), outcome.is_ok().into());
        told.insert("error".to_owned(), error.into());
    }
    told
}

#[cfg(test)]
mod tests {
    use batman::{Incomplete, Request};

    use super::*;

    #[test]
    fn a_step_that_failed_tells_why() {
        let step = Step::SetUp { link: "eth1".parse().unwrap() };
        let request = Request::Step(step.clone());
        let error =
            batman::Error::Incomplete { request, source: Incomplete::Absent("IFLA_IFNAME") };

        let told = step_json(&(step, Some(Err(error))), &Seen::default());

        assert_eq!(told["done"], false);
        assert_eq!(
            told["error"],
            format!("cannot set eth1 up: {}", Incomplete::Absent("IFLA_IFNAME"))
        );
    }
}
