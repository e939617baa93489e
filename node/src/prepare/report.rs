//! What a boot has to say, kept in memory for the node that runs later.

use serde::{Deserialize, Serialize};

use super::ladder::Data;

/// How the boot went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What is mounted for data.
    pub data: Data,
    /// Everything that was out of the ordinary, in order.
    #[serde(default)]
    pub told: Vec<String>,
}

impl Report {
    /// Reads a report; without a readable one nothing is known against the boot.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Writes the report.
    pub fn render(&self) -> String {
        // Words and texts always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_survives_being_written() {
        let report = Report { data: Data::Volatile, told: vec!["no partition".to_owned()] };

        assert_eq!(Report::parse(&report.render()), Some(report));
        assert_eq!(Report::parse("{}"), None);
    }
}
