//! Twenty nodes in the network namespaces of one machine, each with a mesh-node of its own.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use image::io::rig::Rig;
use serde::Deserialize;

use crate::io::progress::tell;
use crate::io::rig;
use crate::io::site::Site;
use crate::scenario::{Parts, Recipe, Scenario, Way};

/// All shapes and faults, on the images' kernel.
pub(super) const NODES: Scenario = Scenario {
    name: "twenty-nodes",
    claim: "twenty nodes mesh as line, ring, star and at random under both algorithms, and outlive a partition, \
            another gateway, an interface that flaps fifty times and a program that fights",
    parts: Parts::Image,
    way: Way::OnRig { recipe: Recipe::on("6.12", "namespaces"), run: play },
};

/// Sixteen plays, most of them done within seconds, on a processor that is translated.
const DONE: Duration = Duration::from_secs(500);

/// Plays under each algorithm.
const PLAYS: usize = 8;

/// What was played and what did not hold.
#[derive(Deserialize)]
struct Report {
    plays: Vec<Played>,
    failures: Vec<String>,
}

#[derive(Deserialize)]
struct Played {
    algorithm: String,
    play: String,
    nodes: u32,
    /// What took how many seconds.
    seconds: Vec<(String, f64)>,
    notes: Vec<String>,
}

fn play(site: &Site, rig: &Rig, name: &str) -> anyhow::Result<()> {
    let told = rig::run(site, rig, name, DONE)?;
    let report = told.lines().find_map(|line| line.strip_prefix("report "));
    let Report { plays, failures } =
        serde_json::from_str(report.context("it printed no report")?.trim())?;
    for Played { algorithm, play, nodes, seconds, notes } in &plays {
        let times = seconds.iter().map(|(what, time)| format!("{what} {time:.1} s"));
        let seen: Vec<_> = times.chain(notes.iter().cloned()).collect();
        tell(format_args!("{algorithm}, {nodes} nodes, {play}: {}", seen.join(", ")));
    }
    ensure!(failures.is_empty(), "{}", failures.join("; "));
    for algorithm in ["BATMAN_IV", "BATMAN_V"] {
        let played = plays.iter().filter(|it| it.algorithm == algorithm).count();
        ensure!(played == PLAYS, "{played} of {PLAYS} plays under {algorithm}");
    }
    Ok(())
}
