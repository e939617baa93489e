//! `test`: everything that has to hold before a change goes in.

mod packing;
mod program;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use qemu::io::site::Site;
use qemu::scenario::{self, Scenario};

use crate::lab::Outcome;
use crate::{check, lab, tools, workspace};

/// What `test` can be told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Leave out what needs a release build or a machine.
    #[arg(long)]
    fast: bool,
}

/// One part of the tests, and how it went.
struct Part {
    name: &'static str,
    took: Duration,
    failure: Option<String>,
}

/// The parts so far.
#[derive(Default)]
struct Parts(Vec<Part>);

/// Runs every part, whatever becomes of the others, and tells how each went.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut parts = Parts::default();
    let mut outcomes = Vec::new();
    parts.run("tools", tools::install);
    let unchecked = parts.run("check", check::run).unwrap_or_default();
    parts.run("unit tests", unit_tests);
    if !arguments.fast {
        let site = parts.run("image", lab::whole_site);
        parts.run("packing", packing::check);
        parts.run("program", program::check);
        if let Some(site) = site {
            parts.run("lab", || scenarios(&site, &mut outcomes));
        }
    }
    print!("{}", report(&parts.0, &unchecked, &outcomes));
    let failed: Vec<_> =
        parts.0.iter().filter(|it| it.failure.is_some()).map(|it| it.name).collect();
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

impl Parts {
    fn run<T>(&mut self, name: &'static str, act: impl FnOnce() -> Result<T>) -> Option<T> {
        let start = Instant::now();
        let result = act();
        let failure = result.as_ref().err().map(|error| format!("{error:#}"));
        if let Some(why) = &failure {
            eprintln!("{name}: {why}");
        }
        self.0.push(Part { name, took: start.elapsed(), failure });
        result.ok()
    }
}

fn unit_tests() -> Result<()> {
    tools::run(tools::command("cargo").current_dir(workspace::root()).args([
        "test",
        "--workspace",
        "--no-fail-fast",
    ]))
}

fn scenarios(site: &Site, outcomes: &mut Vec<Outcome>) -> Result<()> {
    let all: Vec<&'static Scenario> = scenario::all().collect();
    *outcomes = lab::run_all(site, &all);
    let failed = outcomes.iter().filter(|it| it.failure.is_some()).count();
    ensure!(failed == 0, "{failed} of {} scenarios failed", outcomes.len());
    Ok(())
}

/// Tells how everything went; the last line is the scenarios', if there were any.
fn report(parts: &[Part], unchecked: &[&str], outcomes: &[Outcome]) -> String {
    let mut lines = Vec::new();
    for Part { name, took, failure } in parts {
        let word = if failure.is_some() { "FAILED" } else { "passed" };
        lines.push(format!("{name:<12}{word}{:>9.1} s", took.as_secs_f64()));
    }
    lines.extend(unchecked.iter().map(|it| format!("NOT CHECKED: {it}")));
    for Outcome { name, failure, .. } in outcomes {
        if let Some(why) = failure {
            let logs = workspace::target("lab").join(name);
            lines.push(format!("{name} failed: {why}\n  its logs: {}", logs.display()));
        }
    }
    if !outcomes.is_empty() {
        let failed = outcomes.iter().filter(|it| it.failure.is_some()).count();
        lines.push(format!("{} passed, {failed} failed", outcomes.len() - failed));
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn a_failed_part_is_kept_and_those_after_it_run() {
        let mut parts = Parts::default();

        let first = parts.run("first", || -> Result<()> { bail!("no luck") });
        let second = parts.run("second", || Ok(2));

        assert_eq!((first, second), (None, Some(2)));
        let failures: Vec<_> = parts.0.iter().map(|it| it.failure.as_deref()).collect();
        assert_eq!(failures, [Some("no luck"), None]);
    }

    #[test]
    fn report_names_what_is_unchecked_and_failed_and_ends_with_a_count() {
        let part = Part { name: "lab", took: Duration::from_millis(61_250), failure: None };
        let outcome = |name, failure: Option<&str>| Outcome {
            name,
            seconds: 1.0,
            failure: failure.map(str::to_owned),
        };

        let told = report(
            &[part],
            &["the moon"],
            &[outcome("boot", None), outcome("mesh", Some("alpha is off"))],
        );

        let lines: Vec<_> = told.lines().collect();
        assert_eq!(lines.first(), Some(&"lab         passed     61.2 s"));
        assert_eq!(lines[1..3], ["NOT CHECKED: the moon", "mesh failed: alpha is off"]);
        assert!(lines[3].ends_with("target/lab/mesh"), "{told}");
        assert_eq!(lines.last(), Some(&"1 passed, 1 failed"));
    }

    #[test]
    fn without_scenarios_nothing_is_counted() {
        assert_eq!(report(&[], &[], &[]), "");
    }
}
