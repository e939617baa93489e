//! The shape of what is on the data file system, and how an older one becomes this one.
//!
//! A step adds or tightens and takes nothing away, so that the firmware before it still finds all it knows after a
//! rollback. A newer shape is left as it is.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The shape that this firmware writes.
pub const CURRENT: u32 = 1;

/// Where the shape is written down, below the data file system's root.
pub const MARK: &str = "mesh-node/schema.json";

/// What is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The shape.
    pub schema: u32,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

/// One change of the data file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A directory gets these permissions, and is made if it is missing.
    Directory {
        /// Below the root.
        path: &'static str,
        /// Its permissions.
        mode: u32,
    },
    /// The new shape is written down; the last step.
    Mark(Mark),
}

impl Mark {
    /// Reads a mark; what makes no sense is none.
    pub fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// Writes the mark.
    pub fn render(&self) -> Vec<u8> {
        // A number and texts always have a JSON form.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// Plans the way from a shape to this one; nothing to do for this one and for a newer one.
pub fn plan(mark: Option<Mark>) -> Vec<Step> {
    let mark = mark.unwrap_or(Mark { schema: 0, unknown: Map::new() });
    if mark.schema >= CURRENT {
        return Vec::new();
    }
    let mut steps = Vec::new();
    if mark.schema < 1 {
        // Before there were shapes, whoever wrote the disk chose the permissions.
        steps.extend(
            [("mesh-node", 0o755), ("spire", 0o700), ("spire/agent", 0o700)]
                .map(|(path, mode)| Step::Directory { path, mode }),
        );
    }
    steps.push(Step::Mark(Mark { schema: CURRENT, ..mark }));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mark: Option<&str>, steps: usize, written: Option<&str>) {
        let planned = plan(mark.and_then(|text| Mark::parse(text.as_bytes())));

        let mark = planned.iter().find_map(|step| match step {
            Step::Mark(mark) => Some(String::from_utf8(mark.render()).unwrap()),
            Step::Directory { .. } => None,
        });
        assert_eq!((planned.len(), mark.as_deref()), (steps, written));
    }

    #[test]
    fn an_older_shape_becomes_this_one_and_a_newer_one_stays() {
        check(None, 4, Some(r#"{"schema":1}"#));
        check(Some("garbage"), 4, Some(r#"{"schema":1}"#));
        check(Some(r#"{"schema":0,"since":"1970"}"#), 4, Some(r#"{"schema":1,"since":"1970"}"#));
        check(Some(r#"{"schema":1}"#), 0, None);
        check(Some(r#"{"schema":9,"colour":"red"}"#), 0, None);
    }
}
