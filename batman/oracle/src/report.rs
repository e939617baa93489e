//! What was compared, and what came of it.

use std::collections::BTreeMap;
use std::time::Duration;

use batman::RoutingAlgorithm;
use batman::codec::BatadvCmd;
use serde_json::{Value, json};

use crate::coverage::Coverage;

/// What was compared on this kernel.
#[derive(Default)]
pub(crate) struct Report {
    /// Knobs that each set and the other read, with how many values.
    knobs: BTreeMap<String, usize>,
    /// What this kernel lacks, and why; both say so.
    lacking: BTreeMap<String, String>,
    /// Tables, and how many rows were the same.
    tables: BTreeMap<String, usize>,
    /// Tables that mesh-node shows in JSON with batctl's keys, and how many rows had the same values.
    shown: BTreeMap<String, usize>,
    others: Vec<String>,
    /// What was changed behind the back of a mesh-node, and how it was mended.
    mended: Vec<(String, Mended)>,
    failures: Vec<String>,
    coverage: Coverage,
}

/// How a change was undone.
pub(crate) struct Mended {
    /// From the start of the change on.
    pub(crate) after: Duration,
    /// The lines in which mesh-node told of it.
    pub(crate) lines: usize,
}

impl Report {
    pub(crate) fn agrees(&mut self, algorithm: RoutingAlgorithm, knob: &str, values: usize) {
        println!("  {knob}: {values} values both ways");
        self.knobs.insert(format!("{algorithm} {knob}"), values);
    }

    pub(crate) fn lacks(&mut self, algorithm: RoutingAlgorithm, what: &str, why: &str) {
        println!("  {what}: lacking: {why}");
        self.lacking.insert(format!("{algorithm} {what}"), why.to_owned());
    }

    /// Notes that this kernel does not offer an algorithm.
    pub(crate) fn has_no(&mut self, algorithm: RoutingAlgorithm) {
        const OPTION: &str = "CONFIG_BATMAN_ADV_BATMAN_V";
        self.lacks(algorithm, "algorithm", &format!("it was built without {OPTION}"));
        self.coverage.lacks(&["throughput"], OPTION);
    }

    pub(crate) fn table(&mut self, algorithm: RoutingAlgorithm, table: &str, rows: usize) {
        println!("  {table}: the same {rows} rows");
        self.tables.insert(format!("{algorithm} {table}"), rows);
    }

    pub(crate) fn shows(&mut self, algorithm: RoutingAlgorithm, query: &str, rows: usize) {
        println!("  mesh-node shows {query}: the same {rows} rows");
        self.shown.insert(format!("{algorithm} {query}"), rows);
    }

    pub(crate) fn mended(&mut self, algorithm: RoutingAlgorithm, what: &str, mended: Mended) {
        let Mended { after, lines } = mended;
        println!("  {what}: back after {} ms, {lines} lines", after.as_millis());
        self.mended.push((format!("{algorithm} {what}"), mended));
    }

    pub(crate) fn fails(&mut self, algorithm: RoutingAlgorithm, what: &str) {
        println!("  FAILED {what}");
        self.failures.push(format!("{algorithm} {what}"));
    }

    pub(crate) fn holds(&mut self, algorithm: RoutingAlgorithm, what: &str) {
        println!("  {what}: the same");
        self.others.push(format!("{algorithm} {what}"));
    }

    /// Notes what a comparison reached: a command, and attributes by their names in JSON.
    pub(crate) fn covers(&mut self, command: BatadvCmd, attributes: &[&str]) {
        self.coverage.add(command, attributes);
    }

    pub(crate) fn coverage(&mut self) -> &mut Coverage {
        &mut self.coverage
    }

    /// Takes what is missing without a reason for a failure.
    pub(crate) fn close(&mut self) {
        for missing in self.coverage.missing() {
            self.failures.push(format!("{missing} was not compared, and there is no reason"));
        }
    }

    pub(crate) fn failures(&self) -> &[String] {
        &self.failures
    }

    pub(crate) fn json(&self) -> Value {
        // The kernel's own name for itself.
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let release = release.trim();
        let mended = self.mended.iter().map(|(what, Mended { after, lines })| {
            json!({ "what": what, "milliseconds": after.as_millis(), "lines": lines })
        });
        json!({
            "release": release,
            "knobs": self.knobs,
            "lacking": self.lacking,
            "tables": self.tables,
            "shown": self.shown,
            "others": self.others,
            "mended": mended.collect::<Vec<_>>(),
            "compared": self.coverage.compared(),
            "out_of_reach": self.coverage.out_of_reach(),
            "failures": self.failures,
        })
    }
}
