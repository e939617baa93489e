//! What was compared, and what came of it.

use std::collections::{BTreeMap, BTreeSet};

use batman::RoutingAlgorithm;
use batman::codec::BatadvCmd;
use serde_json::{Value, json};

use crate::coverage::Coverage;

/// What was compared on this kernel.
#[derive(Default)]
pub(crate) struct Report {
    knobs: BTreeMap<String, Fate>,
    tables: BTreeMap<String, usize>,
    others: Vec<String>,
    failures: Vec<String>,
    coverage: Coverage,
}

/// What became of a knob.
enum Fate {
    /// Set by us and read by batctl, and the other way round, with so many values.
    BothWays(usize),
    /// This kernel lacks it, and both say so.
    Lacking(String),
}

impl Report {
    pub(crate) fn agrees(&mut self, algorithm: RoutingAlgorithm, knob: &str, values: usize) {
        println!("  {knob}: {values} values both ways");
        self.knobs.insert(format!("{algorithm} {knob}"), Fate::BothWays(values));
    }

    pub(crate) fn lacks(&mut self, algorithm: RoutingAlgorithm, knob: &str, why: &str) {
        println!("  {knob}: lacking: {why}");
        self.knobs.insert(format!("{algorithm} {knob}"), Fate::Lacking(why.to_owned()));
    }

    pub(crate) fn table(&mut self, algorithm: RoutingAlgorithm, table: &str, rows: usize) {
        println!("  {table}: the same {rows} rows");
        self.tables.insert(format!("{algorithm} {table}"), rows);
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
        let both = self.knobs.iter().filter_map(|(knob, fate)| match fate {
            Fate::BothWays(values) => Some((knob.clone(), json!(values))),
            Fate::Lacking(_) => None,
        });
        let lacking = self.knobs.iter().filter_map(|(knob, fate)| match fate {
            Fate::Lacking(why) => Some((knob.clone(), json!(why))),
            Fate::BothWays(_) => None,
        });
        let empty: BTreeSet<_> =
            self.tables.iter().filter(|(_, rows)| **rows == 0).map(|(table, _)| table).collect();
        json!({
            "knobs": both.collect::<serde_json::Map<_, _>>(),
            "lacking": lacking.collect::<serde_json::Map<_, _>>(),
            "tables": self.tables,
            "empty": empty,
            "others": self.others,
            "commands": self.coverage.commands(),
            "attributes": self.coverage.attributes(),
            "out_of_reach": self.coverage.out_of_reach(),
            "failures": self.failures,
        })
    }
}
