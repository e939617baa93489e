//! `test`: everything that has to hold before a change goes in.

mod packing;
mod program;

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::ValueEnum as _;
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
    /// Only this part; may be said more than once.
    #[arg(long, value_name = "PART", value_enum, conflicts_with = "fast")]
    only: Vec<Name>,
}

/// A part of the tests, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Name {
    /// Installs what is missing.
    Tools,
    /// Formats, lints, judges dependencies, holds the Buildroot tree.
    Check,
    /// Tests the crates.
    Unit,
    /// Builds the images and what else the lab needs.
    Image,
    /// Packs an image twice.
    Packing,
    /// Starts the programs of every architecture.
    Program,
    /// Plays the scenarios.
    Lab,
}

/// One part of the tests, and how it went.
struct Part {
    name: Name,
    took: Duration,
    failure: Option<String>,
}

impl Arguments {
    fn wants(&self, part: Name) -> bool {
        if self.only.is_empty() {
            return !self.fast || matches!(part, Name::Tools | Name::Check | Name::Unit);
        }
        // The scenarios are played with the images.
        self.only.contains(&part) || (part == Name::Image && self.only.contains(&Name::Lab))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tools => "tools",
            Self::Check => "check",
            Self::Unit => "unit",
            Self::Image => "image",
            Self::Packing => "packing",
            Self::Program => "program",
            Self::Lab => "lab",
        })
    }
}

/// The parts so far.
#[derive(Default)]
struct Parts(Vec<Part>);

/// Runs every part, whatever becomes of the others, and tells how each went.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut parts = Parts::default();
    let mut outcomes = Vec::new();
    let mut unchecked = Vec::new();
    let mut site = None;
    for part in Name::value_variants().iter().filter(|it| arguments.wants(**it)) {
        match part {
            Name::Tools => parts.run(*part, tools::install),
            Name::Check => parts.run(*part, || check::run().map(|it| unchecked = it)),
            Name::Unit => parts.run(*part, unit_tests),
            Name::Image => parts.run(*part, || lab::whole_site().map(|it| site = Some(it))),
            Name::Packing => parts.run(*part, packing::check),
            Name::Program => parts.run(*part, program::check),
            Name::Lab => {
                let Some(site) = &site else { continue };
                parts.run(*part, || scenarios(site, &mut outcomes));
            }
        }
    }
    print!("{}", report(&parts.0, &unchecked, &outcomes));
    let failed: Vec<_> =
        parts.0.iter().filter(|it| it.failure.is_some()).map(|it| it.name.to_string()).collect();
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

impl Parts {
    fn run(&mut self, name: Name, act: impl FnOnce() -> Result<()>) {
        let start = Instant::now();
        let failure = act().err().map(|error| format!("{error:#}"));
        if let Some(why) = &failure {
            eprintln!("{name}: {why}");
        }
        self.0.push(Part { name, took: start.elapsed(), failure });
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
    *outcomes = lab::play(site, &all, lab::usual_lanes());
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
    let failures = parts.iter().filter_map(|it| Some((it.name, it.failure.as_ref()?)));
    lines.extend(failures.map(|(name, why)| format!("{name} failed: {why}")));
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

        let mut is_second_run = false;
        parts.run(Name::Tools, || bail!("no luck"));
        parts.run(Name::Check, || {
            is_second_run = true;
            Ok(())
        });

        assert!(is_second_run);
        let failures: Vec<_> = parts.0.iter().map(|it| it.failure.as_deref()).collect();
        assert_eq!(failures, [Some("no luck"), None]);
    }

    #[test]
    fn report_names_what_is_unchecked_and_failed_and_ends_with_a_count() {
        let part = |name, failure: Option<&str>| Part {
            name,
            took: Duration::from_millis(61_250),
            failure: failure.map(str::to_owned),
        };
        let outcome = |name, failure: Option<&str>| Outcome {
            name,
            seconds: 1.0,
            failure: failure.map(str::to_owned),
        };

        let told = report(
            &[part(Name::Program, Some("it says nothing")), part(Name::Lab, None)],
            &["the moon"],
            &[outcome("boot", None), outcome("mesh", Some("alpha is off"))],
        );

        let lines: Vec<_> = told.lines().collect();
        assert_eq!(lines[..2], ["program     FAILED     61.2 s", "lab         passed     61.2 s"]);
        assert_eq!(lines[2..4], ["NOT CHECKED: the moon", "program failed: it says nothing"]);
        assert_eq!(lines[4], "mesh failed: alpha is off");
        assert!(lines[5].ends_with("target/lab/mesh"), "{told}");
        assert_eq!(lines.last(), Some(&"1 passed, 1 failed"));
    }

    #[test]
    fn scenarios_alone_bring_their_images() {
        let only = |only| Arguments { fast: false, only };
        let parts = |arguments: Arguments| -> Vec<_> {
            Name::value_variants().iter().filter(|it| arguments.wants(**it)).copied().collect()
        };

        assert_eq!(parts(only(vec![Name::Lab])), [Name::Image, Name::Lab]);
        assert_eq!(parts(only(vec![Name::Program])), [Name::Program]);
        assert_eq!(parts(only(vec![])), Name::value_variants());
        let fast = Arguments { fast: true, only: vec![] };
        assert_eq!(parts(fast), [Name::Tools, Name::Check, Name::Unit]);
    }

    #[test]
    fn without_scenarios_nothing_is_counted() {
        assert_eq!(report(&[], &[], &[]), "");
    }
}
