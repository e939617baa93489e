//! What the oracle found on one machine.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use serde::Deserialize;

/// What begins the line in which the program tells it.
const LINE: &str = "report ";

/// What the oracle found on one kernel.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Report {
    /// The kernel's release.
    pub(super) release: String,
    /// Knobs, and how many values went both ways.
    pub(super) knobs: BTreeMap<String, u32>,
    /// What the kernel lacks, and why.
    pub(super) lacking: BTreeMap<String, String>,
    /// Tables, and how many rows were the same.
    pub(super) tables: BTreeMap<String, u32>,
    /// batctl's JSON queries that mesh-node answers alike, and with how many rows.
    pub(super) shown: BTreeMap<String, u32>,
    /// What else holds.
    pub(super) others: Vec<String>,
    /// What was changed and came back.
    pub(super) mended: Vec<Mended>,
    /// The attributes that were compared, by command.
    pub(super) compared: BTreeMap<String, BTreeSet<String>>,
    /// Attributes that this kernel cannot show, and the option that it was built without.
    pub(super) out_of_reach: BTreeMap<String, String>,
    /// What did not hold.
    pub(super) failures: Vec<String>,
}

/// A change that was undone.
#[derive(Debug, Deserialize)]
pub(super) struct Mended {
    /// The algorithm and what was changed.
    pub(super) what: String,
    /// From the start of the change until all was back.
    pub(super) milliseconds: u64,
    /// The lines that told of it.
    pub(super) lines: u32,
}

impl Report {
    /// Finds it in what a machine printed.
    pub(super) fn read(printed: &str) -> anyhow::Result<Self> {
        let line = printed.lines().find_map(|line| line.strip_prefix(LINE));
        Ok(serde_json::from_str(line.context("it printed no report")?.trim())?)
    }

    /// Names what is lacking, whatever the algorithm.
    pub(super) fn lacks(&self) -> BTreeSet<&str> {
        self.lacking.keys().map(|it| without_algorithm(it)).collect()
    }
}

/// What is said of something under one algorithm, without the algorithm.
pub(super) fn without_algorithm(what: &str) -> &str {
    what.split_once(' ').map_or(what, |(_, rest)| rest)
}
