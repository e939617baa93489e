//! Runs the benchmark of `batman-flood` on a kernel of its own, where a mesh of a thousand nodes is pretended.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::ValueEnum as _;
use image::Architecture;
use qemu::scenario::Recipe;
use serde::Deserialize;

use super::{Benchmark, Row, bytes};
use crate::binaries::Profile;
use crate::progress::stage;
use crate::{binaries, lab, rig, tools, workspace};

/// The images' kernel.
const RECIPE: Recipe = Recipe::on("6.12", "batman-flood");

/// Two minutes of looking on, and some hundred runs of two programs, on a processor that is translated.
const DONE: Duration = Duration::from_secs(900);

/// What the program in the machine measured.
#[derive(Deserialize)]
struct Measured {
    name: String,
    value: f64,
    unit: String,
    peer: String,
    peer_value: f64,
}

pub(super) fn measure() -> Result<Vec<Row>> {
    let mut site = lab::site_for_rigs()?;
    site.rigs = rig::build(BTreeSet::from([RECIPE]))?;
    let told = stage("measuring in a mesh of a thousand nodes", || {
        qemu::io::rig::run(&site, site.rig(RECIPE)?, "bench-batman", DONE)
    })?;
    let mut rows = rows(&told)?;
    rows.push(size()?);
    Ok(rows)
}

/// Compares two examples of the crate: one that has a whole mesh made and kept, and one that starts the same and asks nothing.
fn size() -> Result<Row> {
    let target = binaries::target(Architecture::X86_64);
    let mut command = tools::command("cargo");
    command
        .current_dir(workspace::root())
        .args(["zigbuild", "--locked", "--package", "batman", "--profile", "release"])
        .args(["--target", target, "--example", "mesh", "--example", "nothing"]);
    stage("building with the batman crate and without", || tools::run(&mut command))?;
    let example = |name| bytes(&workspace::target(target).join("release/examples").join(name));
    Ok(Row {
        benchmark: Benchmark::BatmanSize,
        value: example("mesh")? - example("nothing")?,
        unit: "bytes".into(),
        peer: "mesh-node".into(),
        peer_value: bytes(&binaries::mesh_node(Architecture::X86_64, Profile::Release)?)?,
    })
}

fn rows(told: &str) -> Result<Vec<Row>> {
    let report = told.lines().find_map(|line| line.strip_prefix("report "));
    let report = report.context("batman-flood printed no report; see target/lab/bench-batman")?;
    let measured: Vec<Measured> = serde_json::from_str(report.trim())?;
    measured.into_iter().map(Row::try_from).collect()
}

impl TryFrom<Measured> for Row {
    type Error = anyhow::Error;

    fn try_from(measured: Measured) -> Result<Self> {
        let Measured { name, value, unit, peer, peer_value } = measured;
        let benchmark = Benchmark::from_str(&name, false).ok();
        let benchmark = benchmark.with_context(|| format!("there is no benchmark {name}"))?;
        Ok(Self { benchmark, value, unit: unit.into(), peer: peer.into(), peer_value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_is_found_among_what_else_a_machine_prints() {
        let told = "rig: cannot load x\r\nreport [{\"name\":\"clients-cpu\",\"value\":2.0,\"unit\":\"us CPU\",\
                    \"peer\":\"batctl tgj\",\"peer_value\":4.0}]\r\nrig: the test ended with 0\r\n";

        let rows = rows(told).unwrap();

        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].benchmark, rows[0].ratio()), (Benchmark::ClientsCpu, 0.5));
        assert!(super::rows("nothing").is_err());
    }
}
