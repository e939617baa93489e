//! What a node tells of its slots, as `mesh-node image status --json` writes it.

use anyhow::Context as _;
use serde::Deserialize;

/// What the lab looks at of it.
#[derive(Clone, Debug, Deserialize)]
pub struct ImageStatus {
    /// What runs.
    pub version: String,
    /// Both slots.
    #[serde(default)]
    pub slots: Vec<Slot>,
    /// What is being done.
    #[serde(default)]
    pub work: Option<serde_json::Value>,
    /// What became of earlier trials, oldest first.
    #[serde(default)]
    pub verdicts: Vec<Verdict>,
    /// How the slot on trial is judged at the moment.
    #[serde(default)]
    pub judgement: Option<String>,
    /// The data partition.
    #[serde(default)]
    pub data: Option<Data>,
}

/// A slot.
#[derive(Clone, Debug, Deserialize)]
pub struct Slot {
    /// `a` or `b`.
    pub name: String,
    /// Whether it runs.
    pub running: bool,
    /// `confirmed`, `on-trial`, `ready`, `receiving`, `failed`, `empty` or `damaged`.
    pub state: String,
    /// The same in words.
    #[serde(default)]
    pub detail: String,
    /// What it holds.
    #[serde(default)]
    pub version: Option<String>,
    /// How much of an update it has received.
    #[serde(default)]
    pub percent: Option<u32>,
}

/// What became of a trial.
#[derive(Clone, Debug, Deserialize)]
pub struct Verdict {
    /// The slot that was tried.
    pub slot: String,
    /// The version that was tried.
    #[serde(default)]
    pub version: Option<String>,
    /// Whether it was kept.
    pub outcome: String,
    /// Why not.
    #[serde(default)]
    pub reason: String,
}

/// What is mounted for data.
#[derive(Clone, Debug, Deserialize)]
pub struct Data {
    /// In a word.
    #[serde(default)]
    pub state: String,
    /// What the boot had to say about it.
    #[serde(default)]
    pub told: Vec<String>,
    /// Its size.
    #[serde(default)]
    pub total_bytes: u64,
}

impl ImageStatus {
    /// Reads what the command printed.
    pub fn parse(printed: &str) -> anyhow::Result<Self> {
        serde_json::from_str(printed.trim()).with_context(|| printed.trim().to_owned())
    }

    /// Finds the slot that runs, or the one that does not.
    ///
    /// # Errors
    /// If there is none.
    pub fn slot(&self, running: bool) -> anyhow::Result<&Slot> {
        let slot = self.slots.iter().find(|slot| slot.running == running);
        slot.with_context(|| format!("no such slot in {self:?}"))
    }

    /// Describes it for the reader of a failed wait.
    pub fn summary(&self) -> String {
        let row = |slot: &Slot| {
            let runs = if slot.running { ", running" } else { "" };
            let version = slot.version.as_deref().unwrap_or("nothing");
            format!("{} {} holds {version}{runs} ({})", slot.name, slot.state, slot.detail)
        };
        let rows: Vec<String> = self.slots.iter().map(row).collect();
        let judgement = self.judgement.as_deref().unwrap_or_default();
        format!("{} runs; {}; {judgement}", self.version, rows.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_and_told_in_a_line() {
        let printed = r#"{"version":"0.1.0","slots":[
            {"name":"a","running":true,"state":"confirmed","detail":"","version":"0.1.0"},
            {"name":"b","running":false,"state":"empty","detail":"never written"}]}"#;

        let status = ImageStatus::parse(printed).unwrap();

        assert_eq!(status.slot(false).unwrap().name, "b");
        assert_eq!(
            status.summary(),
            "0.1.0 runs; a confirmed holds 0.1.0, running (); b empty holds nothing (never written); "
        );
    }
}
