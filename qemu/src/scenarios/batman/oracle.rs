//! The client beside Debian's batctl: one machine for each kernel, and one where a mesh-node mends what batctl and ip change.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::ensure;
use image::io::rig::Rig;

use super::report::Report;
use crate::io::progress::tell;
use crate::io::rig;
use crate::io::site::Site;
use crate::scenario::{BatmanAdv, Parts, Recipe, Scenario, Way};

/// Debian 12's own kernel.
pub(super) const ON_6_1: Scenario = Scenario {
    name: "oracle-6-1",
    claim: "on kernel 6.1 what we set batctl reads, what it sets we read, and tables are the same",
    parts: Parts::Image,
    way: Way::OnRig { recipe: Recipe::on("6.1", PROGRAM), run: as_debian_built_it },
};

/// The images' kernel.
pub(super) const ON_6_12: Scenario = Scenario {
    name: "oracle-6-12",
    claim: "on kernel 6.12 what we set batctl reads, what it sets we read, and tables are the same",
    parts: Parts::Image,
    way: Way::OnRig { recipe: Recipe::on("6.12", PROGRAM), run: as_debian_built_it },
};

/// A kernel that lacks all that a kernel can lack.
pub(super) const LEAN: Scenario = Scenario {
    name: "oracle-lean",
    claim: "what a kernel was built without is absent, not zero, and a mesh-node that asks for all of it says why it is",
    parts: Parts::Image,
    way: Way::OnRig {
        recipe: Recipe { batman_adv: BatmanAdv::Lean, ..Recipe::on("6.12", PROGRAM) },
        run: lean,
    },
};

/// What is kept.
pub(super) const DRIFT: Scenario = Scenario {
    name: "drift",
    claim: "whatever batctl or ip change of a mesh is back within 2 s, and told of once",
    parts: Parts::Image,
    way: Way::OnRig { recipe: Recipe::on("6.12", PROGRAM), run: drift },
};

const PROGRAM: &str = "batman-oracle";

/// Two algorithms, some hundred runs of batctl, on a processor that is translated.
const DONE: Duration = Duration::from_secs(400);

/// What Debian's kernels lack.
const DEBIAN_LACKS: [&str; 1] = ["log_level"];

/// What the lean one lacks: settings, tables and the algorithm.
const LEAN_LACKS: [&str; 11] = [
    "algorithm",
    "bla_backbone_json",
    "bla_claim_json",
    "bridge_loop_avoidance",
    "dat_cache_json",
    "distributed_arp_table",
    "hard interface elp_interval",
    "hard interface throughput_override",
    "mcast_flags_json",
    "multicast_fanout",
    "multicast_forceflood",
];

/// mesh-node is asked for what the lean one lacks, and for B.A.T.M.A.N. V.
const SAID: usize = 7;

fn as_debian_built_it(site: &Site, rig: &Rig, name: &str) -> anyhow::Result<()> {
    compare(site, rig, name, &["compare"], &DEBIAN_LACKS).map(drop)
}

fn lean(site: &Site, rig: &Rig, name: &str) -> anyhow::Result<()> {
    let report = compare(site, rig, name, &["compare", "lacking"], &LEAN_LACKS)?;
    let said = report.others.iter().filter(|it| it.contains("mesh-node without "));
    let said: Vec<_> = said.map(String::as_str).collect();
    said.iter().for_each(|it| tell(format_args!("{name}: {it}: it starts and says so")));
    ensure!(said.len() == SAID, "mesh-node told of {} of {SAID} that are lacking", said.len());
    Ok(())
}

fn compare(
    site: &Site,
    rig: &Rig,
    name: &str,
    words: &[&str],
    expected: &[&str],
) -> anyhow::Result<Report> {
    let report = run(site, rig, name, words)?;
    let Report { knobs, lacking, tables, shown, .. } = &report;
    let empty: Vec<_> = tables.iter().filter(|(_, rows)| **rows == 0).map(|it| it.0).collect();
    tell(format_args!(
        "{name}, kernel {}: {} knobs both ways, {} tables the same, {} of them empty, {} JSON queries alike",
        rig.release,
        knobs.len(),
        tables.len(),
        empty.len(),
        shown.len(),
    ));
    for (what, why) in lacking {
        tell(format_args!("{name}: no {what}: {why}"));
    }
    for table in &empty {
        tell(format_args!("{name}: nothing in {table}"));
    }
    ensure!(!knobs.is_empty() && !tables.is_empty() && !shown.is_empty(), "nothing was compared");
    let expected: BTreeSet<_> = expected.iter().copied().collect();
    let lacks = report.lacks();
    ensure!(lacks == expected, "it lacks {lacks:?} instead of {expected:?}");
    Ok(report)
}

fn drift(site: &Site, rig: &Rig, name: &str) -> anyhow::Result<()> {
    let report = run(site, rig, name, &["drift"])?;
    for mended in &report.mended {
        let lines = if mended.lines == 1 { "line" } else { "lines" };
        let (what, milliseconds, count) = (&mended.what, mended.milliseconds, mended.lines);
        tell(format_args!("{what}: back after {milliseconds} ms, {count} {lines}"));
    }
    for algorithm in ["BATMAN_IV", "BATMAN_V"] {
        let start = format!("{algorithm} ");
        let all = report.mended.iter().filter(|it| it.what.starts_with(&start));
        let mut times: Vec<_> = all.map(|it| it.milliseconds).collect();
        times.sort_unstable();
        let (median, worst) = (times.get(times.len() / 2), times.last());
        let (Some(median), Some(worst)) = (median, worst) else {
            anyhow::bail!("nothing was changed under {algorithm}")
        };
        let count = times.len();
        tell(format_args!(
            "{algorithm}: {count} changes undone, the median after {median} ms, the last after {worst} ms"
        ));
    }
    Ok(())
}

/// Runs the oracle, keeps what it found, and fails with what did not hold.
fn run(site: &Site, rig: &Rig, name: &str, words: &[&str]) -> anyhow::Result<Report> {
    let told = rig::run_with(site, rig, name, words, DONE)?;
    let report = Report::read(&told)?;
    ensure!(report.failures.is_empty(), "{}", report.failures.join("; "));
    Ok(report)
}
