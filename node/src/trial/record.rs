//! What a node remembers of its updates across reboots: one file, which older and newer firmware read too.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::judgement::Health;

/// The shape of the record. A newer one is read as far as it is understood.
const SCHEMA: u32 = 1;

/// So many verdicts are kept: what happened to a router in a year of monthly updates.
const VERDICTS: usize = 12;

/// Everything that is remembered of updates.
///
/// Whatever another firmware wrote and this one does not know stays in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The shape.
    pub schema: u32,
    /// What is being tried, or was about to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trial: Option<Trial>,
    /// What was installed last, and has not been activated since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed: Option<Installed>,
    /// What became of each trial, oldest first.
    pub verdicts: Vec<Verdict>,
    /// The newest moment that a validly signed object proves, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest_signed: Option<u64>,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

/// A slot that was activated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The slot on trial: a or b.
    pub slot: String,
    /// The version in it, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The slot that goes on if the trial fails.
    pub from_slot: String,
    /// The version that it holds.
    pub from_version: String,
    /// How the node stood when it was activated.
    pub before: Kept<Health>,
    /// When, in seconds since 1970.
    pub at: u64,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

/// A slot that holds a whole update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// The slot.
    pub slot: String,
    /// The version in it.
    pub version: String,
    /// SHA-256 of the update's header, which names the hashes of all the rest.
    pub header_sha256: String,
    /// When, in seconds since 1970.
    pub at: u64,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

/// What became of a trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The slot that was on trial.
    pub slot: String,
    /// The version in it, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The outcome.
    pub outcome: Outcome,
    /// Why, in words.
    pub reason: String,
    /// How the node stood before.
    pub before: Kept<Health>,
    /// How it stood when it was judged; nothing of a slot that never came so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Kept<Evidence>>,
    /// When, in seconds since 1970.
    pub at: u64,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

/// A value beside whatever another firmware wrote next to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept<T> {
    /// What this firmware understands.
    #[serde(flatten)]
    pub value: T,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

/// How a node stood when it was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What was seen.
    pub health: Kept<Health>,
    /// Seconds since the boot.
    pub uptime_seconds: u64,
    /// How often mesh-node was started in this boot.
    pub starts: u32,
    /// Nobody remembered how the node stood before; what it was held against is what a node in a mesh has.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub before_unknown: bool,
}

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The slot was kept.
    Committed,
    /// The node was not healthy in it.
    Unhealthy,
    /// It did not come so far as to be judged.
    Crashed,
    /// A person went back.
    RolledBack,
    /// What a newer firmware calls by a word that this one does not know.
    #[serde(other)]
    Unknown,
}

impl Record {
    /// Reads the record; what cannot be read at all is as good as none.
    pub fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// Writes the record.
    pub fn render(&self) -> Vec<u8> {
        // Maps with text for keys and plain numbers always have a JSON form.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// Ends the trial with a verdict. Without a trial there is nothing to judge.
    pub fn judge(&mut self, outcome: Outcome, reason: String, evidence: Option<Evidence>, at: u64) {
        let Some(trial) = self.trial.take() else { return };
        if self.verdicts.len() >= VERDICTS {
            self.verdicts.remove(0);
        }
        self.verdicts.push(Verdict {
            slot: trial.slot,
            version: trial.version,
            outcome,
            reason,
            before: trial.before,
            evidence: evidence.map(Kept::from),
            at,
            unknown: Map::new(),
        });
    }

    /// Notes that the clock cannot stand before this moment.
    pub fn saw_signed(&mut self, at: u64) {
        self.newest_signed = self.newest_signed.max(Some(at));
    }
}

impl Default for Record {
    fn default() -> Self {
        Self {
            schema: SCHEMA,
            trial: None,
            installed: None,
            verdicts: Vec::new(),
            newest_signed: None,
            unknown: Map::new(),
        }
    }
}

impl Trial {
    /// Notes what is about to be tried.
    pub fn new(
        to: (String, Option<String>),
        from: (String, String),
        before: Health,
        at: u64,
    ) -> Self {
        let ((slot, version), (from_slot, from_version)) = (to, from);
        let before = before.into();
        Self { slot, version, from_slot, from_version, before, at, unknown: Map::new() }
    }
}

impl<T> From<T> for Kept<T> {
    fn from(value: T) -> Self {
        Self { value, unknown: Map::new() }
    }
}

impl Installed {
    /// Notes what was installed.
    pub fn new(slot: String, version: String, header_sha256: String, at: u64) -> Self {
        Self { slot, version, header_sha256, at, unknown: Map::new() }
    }
}

impl Outcome {
    /// Returns the word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Unhealthy => "unhealthy",
            Self::Crashed => "crashed",
            Self::RolledBack => "rolled back",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: Health = Health { attested: true, verified: 1, neighbours: 2, keeps_data: true };

    fn on_trial() -> Record {
        let to = ("b".to_owned(), Some("0.2.0".to_owned()));
        let from = ("a".to_owned(), "0.1.0".to_owned());
        Record { trial: Some(Trial::new(to, from, BEFORE, 1_000)), ..Record::default() }
    }

    #[test]
    fn a_record_survives_the_disk() {
        let mut record = on_trial();
        record.installed = Some(Installed::new("b".into(), "0.2.0".into(), "00ff".into(), 900));
        record.saw_signed(5);

        assert_eq!(Record::parse(&record.render()), Some(record));
    }

    #[test]
    fn what_a_newer_firmware_wrote_is_kept() {
        let newer = r#"{"schema":7,"verdicts":[{"slot":"a","outcome":"paused","reason":"?","before":
            {"attested":true,"verified":1,"neighbours":1,"score":9},"at":3,"colour":"red"}],"plans":[1,2]}"#;

        let record = Record::parse(newer.as_bytes()).unwrap();
        let written: Value = serde_json::from_slice(&record.render()).unwrap();

        assert_eq!(record.verdicts[0].outcome, Outcome::Unknown);
        assert!(!record.verdicts[0].before.value.keeps_data, "which nobody had looked at");
        assert_eq!(written["schema"], 7);
        assert_eq!(written["plans"], serde_json::json!([1, 2]));
        assert_eq!(written["verdicts"][0]["colour"], "red");
        assert_eq!(written["verdicts"][0]["before"]["score"], 9);
    }

    #[test]
    fn a_verdict_ends_the_trial_and_keeps_its_evidence() {
        let mut record = on_trial();
        let health = Health { neighbours: 0, ..BEFORE };
        let evidence = Evidence {
            health: health.into(),
            uptime_seconds: 900,
            starts: 1,
            before_unknown: false,
        };

        record.judge(Outcome::Unhealthy, "no neighbours".into(), Some(evidence.clone()), 2_000);
        record.judge(Outcome::Committed, "again".into(), None, 2_001);

        assert_eq!((record.trial.clone(), record.verdicts.len()), (None, 1));
        let verdict = &record.verdicts[0];
        assert_eq!(verdict.outcome, Outcome::Unhealthy);
        assert_eq!(verdict.evidence, Some(evidence.into()));
    }

    #[test]
    fn verdicts_are_bounded_and_keep_the_newest() {
        let mut record = Record::default();

        for at in 0..20 {
            record.trial = on_trial().trial;
            record.judge(Outcome::Committed, String::new(), None, at);
        }

        let times: Vec<u64> = record.verdicts.iter().map(|verdict| verdict.at).collect();
        assert_eq!(times, (8..20).collect::<Vec<_>>());
    }

    #[test]
    fn the_newest_signed_moment_only_rises() {
        let mut record = Record::default();

        record.saw_signed(7);
        record.saw_signed(3);

        assert_eq!(record.newest_signed, Some(7));
    }

    #[test]
    fn garbage_is_no_record() {
        for text in ["", "{", "[]", "{\"verdicts\":3}"] {
            assert_eq!(Record::parse(text.as_bytes()), None, "{text}");
        }
    }
}
