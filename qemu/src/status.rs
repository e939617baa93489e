//! What a node tells of itself, as `mesh-node status --json` writes it.

use serde::{Deserialize, Serialize};

/// A node's status; what the lab does not look at is left out.
#[derive(Clone, Debug, Deserialize)]
pub struct Status {
    /// What the node calls itself.
    pub name: String,
    /// Its state in one word.
    pub state: String,
    /// Why the state is not `attested`.
    #[serde(default)]
    pub reason: String,
    /// Who it is.
    pub spiffe_id: Option<String>,
    /// Its agent.
    pub agent: Agent,
    /// Its neighbours.
    pub neighbours: Vec<Neighbour>,
    /// What is wrong at the moment.
    #[serde(default)]
    pub findings: Vec<String>,
}

/// A node's SPIRE agent.
#[derive(Clone, Debug, Deserialize)]
pub struct Agent {
    /// `up`, `down` or `leaving`.
    pub phase: String,
    /// Its process.
    pub pid: Option<i32>,
    /// How often this mesh-node has started it.
    pub starts: u64,
    /// How its last run ended.
    pub last_exit: Option<String>,
}

/// A row of the neighbour table.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct Neighbour {
    /// The hard interface.
    pub interface: String,
    /// The neighbour's address.
    pub mac: String,
    /// Link quality of B.A.T.M.A.N. IV, of 255.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tq: Option<u32>,
    /// Link quality of B.A.T.M.A.N. V.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throughput_kbit: Option<u64>,
    /// `verified`, `unverified` or `refused`.
    pub state: String,
    /// Why it is not verified.
    pub reason: String,
    /// Who it is, if that is verified.
    pub spiffe_id: Option<String>,
    /// The TLS group of the session.
    pub kx_group: Option<String>,
    /// The end of its SVID.
    pub svid_not_after: Option<String>,
}

impl Status {
    /// Reads what the command printed.
    pub fn parse(printed: &str) -> anyhow::Result<Self> {
        Ok(serde_json::from_str(printed.trim())?)
    }

    /// Counts the verified neighbours.
    pub fn verified(&self) -> usize {
        self.neighbours.iter().filter(|neighbour| neighbour.state == "verified").count()
    }

    /// Finds a neighbour by its address.
    pub fn neighbour(&self, mac: &str) -> Option<&Neighbour> {
        self.neighbours.iter().find(|neighbour| neighbour.mac == mac)
    }

    /// Describes the table for the reader of a failed wait.
    pub fn summary(&self) -> String {
        let row = |n: &Neighbour| {
            let reason =
                if n.reason.is_empty() { String::new() } else { format!(" ({})", n.reason) };
            format!("{} {}{reason}", n.mac, n.state)
        };
        let rows: Vec<String> = self.neighbours.iter().map(row).collect();
        let reason = if self.reason.is_empty() { "" } else { ": " };
        format!("{} is {}{reason}{}; [{}]", self.name, self.state, self.reason, rows.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_with_or_without_its_optional_parts() {
        let bare = r#"{"name":"alpha","state":"bootstrapping","reason":"no identity",
            "agent":{"phase":"down","starts":0},"neighbours":[]}"#;
        let full = r#"{"name":"alpha","state":"attested","reason":"","spiffe_id":"spiffe://m/node/alpha",
            "agent":{"phase":"up","pid":7,"starts":1},"findings":[],
            "neighbours":[{"interface":"eth1","mac":"02:00:00:00:00:02","tq":251,"state":"verified",
                "reason":"","spiffe_id":"spiffe://m/node/bravo","kx_group":"X25519MLKEM768",
                "svid_not_after":"2026-11-22T13:00:00Z","rtt_ms":1.5}]}"#;

        let (bare, full) = (Status::parse(bare).unwrap(), Status::parse(full).unwrap());

        assert_eq!(bare.summary(), "alpha is bootstrapping: no identity; []");
        assert_eq!((bare.verified(), full.verified()), (0, 1));
        assert_eq!(full.neighbour("02:00:00:00:00:02").unwrap().tq, Some(251));
    }
}
