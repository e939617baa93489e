//! The client beside Debian's batctl: one machine for each kernel.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use image::io::rig::Rig;
use serde::Deserialize;

use crate::io::progress::tell;
use crate::io::rig;
use crate::io::site::Site;
use crate::scenario::{Parts, Recipe, Scenario, Way};

/// Debian 12's own kernel.
pub(super) const ON_6_1: Scenario = Scenario {
    name: "oracle-6-1",
    claim: "on kernel 6.1 what we set batctl reads, what it sets we read, and tables are the same",
    parts: Parts::Image,
    way: Way::OnRig { recipe: on("6.1"), run: oracle },
};

/// The images' kernel.
pub(super) const ON_6_12: Scenario = Scenario {
    name: "oracle-6-12",
    claim: "on kernel 6.12 what we set batctl reads, what it sets we read, and tables are the same",
    parts: Parts::Image,
    way: Way::OnRig { recipe: on("6.12"), run: oracle },
};

/// Two algorithms, some hundred runs of batctl, on a processor that is translated.
const DONE: Duration = Duration::from_secs(400);

/// What the oracle found on one kernel.
#[derive(Deserialize)]
struct Report {
    /// Knobs, and how many values went both ways.
    knobs: BTreeMap<String, u32>,
    /// Knobs that the kernel lacks, and why.
    lacking: BTreeMap<String, String>,
    /// Tables, and how many rows were the same.
    tables: BTreeMap<String, u32>,
    /// How many commands of the family were compared, of how many.
    commands: (usize, usize),
    /// How many attributes, of how many.
    attributes: (usize, usize),
    /// Attributes that this kernel cannot show, and why.
    out_of_reach: Vec<(String, String)>,
    failures: Vec<String>,
}

const fn on(series: &'static str) -> Recipe {
    Recipe::on(series, "batman-oracle")
}

fn oracle(site: &Site, rig: &Rig, name: &str) -> anyhow::Result<()> {
    let told = rig::run(site, rig, name, DONE)?;
    let report = told.lines().find_map(|line| line.strip_prefix("report "));
    let report = report.context("it printed no report")?;
    let report: Report = serde_json::from_str(report.trim())?;
    let Report { knobs, lacking, tables, failures, .. } = &report;
    let empty: Vec<_> = tables.iter().filter(|(_, rows)| **rows == 0).map(|it| it.0).collect();
    tell(format_args!(
        "kernel {}: {} knobs both ways, {} lacking, {} tables the same, {} of them empty",
        rig.release,
        knobs.len(),
        lacking.len(),
        tables.len(),
        empty.len(),
    ));
    let ((commands, of), (attributes, of_attributes)) = (report.commands, report.attributes);
    tell(format_args!(
        "kernel {}: {commands} of {of} commands, {attributes} of {of_attributes} attributes",
        rig.release
    ));
    for (attribute, why) in &report.out_of_reach {
        tell(format_args!("kernel {}: not {attribute}: {why}", rig.release));
    }
    for (knob, why) in lacking {
        tell(format_args!("kernel {}: no {knob}: {why}", rig.release));
    }
    for table in &empty {
        tell(format_args!("kernel {}: nothing in {table}", rig.release));
    }
    ensure!(failures.is_empty(), "{}", failures.join("; "));
    ensure!(!knobs.is_empty() && !tables.is_empty(), "nothing was compared");
    Ok(())
}
