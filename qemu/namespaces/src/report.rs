//! What was played, how long each thing took, and what did not hold.

use std::time::Duration;

use serde_json::{Value, json};

use crate::configuration::Algorithm;
use crate::shape::NODES;

/// What came of all plays.
#[derive(Default)]
pub(crate) struct Report {
    plays: Vec<Value>,
    failures: Vec<String>,
}

/// What one play saw.
#[derive(Default)]
pub(crate) struct Seen {
    /// What took how many seconds.
    seconds: Vec<(String, f64)>,
    /// What else there was.
    notes: Vec<String>,
}

impl Seen {
    pub(crate) fn took(&mut self, what: &str, time: Duration) {
        let tenths = (time.as_secs_f64() * 10.0).round() / 10.0;
        self.seconds.push((what.to_owned(), tenths));
    }

    pub(crate) fn note(&mut self, what: String) {
        self.notes.push(what);
    }
}

impl Report {
    /// Notes how a play went.
    pub(crate) fn played(
        &mut self,
        algorithm: Algorithm,
        play: &str,
        outcome: anyhow::Result<Seen>,
    ) {
        match outcome {
            Ok(Seen { seconds, notes }) => {
                println!("{algorithm} {play}: {seconds:?} {notes:?}");
                self.plays.push(json!({
                    "algorithm": algorithm.to_string(),
                    "play": play,
                    "nodes": NODES,
                    "seconds": seconds,
                    "notes": notes,
                }));
            }
            Err(error) => {
                println!("{algorithm} {play}: FAILED {error:#}");
                self.failures.push(format!("{algorithm} {play}: {error:#}"));
            }
        }
    }

    pub(crate) fn is_good(&self) -> bool {
        self.failures.is_empty()
    }

    pub(crate) fn json(&self) -> Value {
        json!({ "plays": self.plays, "failures": self.failures })
    }
}
