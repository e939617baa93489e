//! What each node is told to keep.

use std::collections::BTreeSet;
use std::fmt;
use std::fmt::Write as _;

/// The routing algorithms, both first class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// Counts lost packets.
    Iv,
    /// Measures throughput.
    V,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 2] = [Self::Iv, Self::V];
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Iv => "BATMAN_IV",
            Self::V => "BATMAN_V",
        })
    }
}

/// A hard interface that leads nowhere and never goes: its address is the node's originator for good.
pub(crate) const PRIMARY: &str = "primary0";

/// The mesh interface.
pub(crate) const MESH: &str = "bat0";

/// Several messages a second: what takes so many of them is done soon.
pub(crate) const ORIGINATOR_INTERVAL_MS: u32 = 150;

/// Names the end of a cable by who is at the other.
pub(crate) fn end_of_cable(to: usize) -> String {
    format!("to{to}")
}

/// Returns the originator's address of a node, in bytes.
pub(crate) fn originator(node: usize) -> [u8; 6] {
    [2, 0, 0, 0, 1, u8::try_from(node).unwrap_or(u8::MAX)]
}

/// Returns the address of a node in the mesh.
pub(crate) fn address(node: usize) -> String {
    format!("10.20.0.{}", node + 1)
}

/// Writes the configuration of a node that can have cables to some others; the gateways' client is one of them.
pub(crate) fn of(
    algorithm: Algorithm,
    node: usize,
    beside: &BTreeSet<usize>,
    is_client: bool,
) -> String {
    let ends = beside.iter().map(|to| format!(", {:?}", end_of_cable(*to)));
    let ends: String = ends.collect();
    let address = address(node);
    // Bridge loop avoidance holds broadcasts back for half a minute; looks are by event but for one in ten seconds.
    let mut text = format!(
        r#"
[node]
name = "node{node}"
[mesh]
algorithm = "{algorithm}"
hard_interfaces = ["{PRIMARY}"{ends}]
addresses = ["{address}/24"]
bridge_loop_avoidance = false
hop_penalty = 5
bonding = false
originator_interval = "{ORIGINATOR_INTERVAL_MS}ms"
neighbour_timeout = "5s"
[identity]
server = "192.0.2.1:8081"
[control]
hello_interval = "10s"
hello_timeout = "30s"
[loop]
interval = "10s"
"#
    );
    if is_client {
        text = text.replace("[mesh]\n", "[mesh]\ngateway_mode = \"client\"\n");
    }
    if algorithm == Algorithm::V {
        for to in beside {
            let end = end_of_cable(*to);
            // A string takes all that is written to it.
            let _ = write!(text, "[mesh.link.{end}]\nelp_interval = \"250ms\"\n");
        }
    }
    text
}
