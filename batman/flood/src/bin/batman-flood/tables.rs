//! Two large tables, by mesh-node and by batctl.

use anyhow::ensure;
use batman::RoutingAlgorithm;
use batman_flood::{Crowd, checksum};
use serde_json::{Value, json};

use crate::world::MESH;
use crate::{CLIENTS, NODES, cost, row};

/// How often each program is run; the one in the middle counts.
const RUNS: usize = 21;

/// A table, and how each program is asked for it.
struct Question {
    name: &'static str,
    ours: &'static [&'static str],
    theirs: &'static [&'static str],
    /// What batctl calls it.
    peer: &'static str,
}

const ORIGINATORS: Question = Question {
    name: "originators",
    ours: &["mesh-node", "mesh", "originators", "--json"],
    theirs: &["batctl", "meshif", MESH, "originators_json"],
    peer: "batctl oj",
};

const ORIGINATOR_TABLE: Question = Question {
    name: "originator-table",
    ours: &["mesh-node", "mesh", "originators"],
    theirs: &["batctl", "meshif", MESH, "originators"],
    peer: "batctl o",
};

const CLIENT_ENTRIES: Question = Question {
    name: "clients",
    ours: &["mesh-node", "mesh", "clients", "--global", "--json"],
    theirs: &["batctl", "meshif", MESH, "transtable_global_json"],
    peer: "batctl tgj",
};

pub(crate) fn measure(algorithm: RoutingAlgorithm) -> anyhow::Result<Vec<Value>> {
    for question in [ORIGINATORS, CLIENT_ENTRIES] {
        let count = match question.name {
            "clients" => usize::from(NODES) * usize::from(CLIENTS),
            _ => usize::from(NODES),
        };
        for command in [question.ours, question.theirs] {
            let told: Vec<Value> = serde_json::from_slice(&cost::printed(command)?)?;
            ensure!(told.len() == count, "{}: {} rows, not {count}", command.join(" "), told.len());
        }
    }
    agree_on_checksums()?;
    if algorithm == RoutingAlgorithm::BatmanV {
        // What is told is the same but for the measure.
        return Ok(vec![times("originators-cpu-v", &ORIGINATORS)?]);
    }
    let mut rows = Vec::new();
    for question in [ORIGINATORS, ORIGINATOR_TABLE, CLIENT_ENTRIES] {
        rows.push(times(&format!("{}-cpu", question.name), &question)?);
        let memory = (cost::memory(question.ours)?, cost::memory(question.theirs)?);
        let name = format!("{}-memory", question.name);
        rows.push(row(&name, memory.0, "KiB at peak", question.peer, memory.1));
    }
    Ok(rows)
}

/// The kernel sums up each node's clients as the flood has, or it would go on asking for them.
fn agree_on_checksums() -> anyhow::Result<()> {
    let told: Vec<Value> = serde_json::from_slice(&cost::printed(CLIENT_ENTRIES.theirs)?)?;
    let sums = (0..NODES).map(|node| {
        let clients = (0..CLIENTS).map(|client| Crowd::client(node, client));
        (json!(Crowd::node(node).to_string()), json!(checksum::table(0, clients)))
    });
    let sums: Vec<_> = sums.collect();
    let mut seen: Vec<_> =
        told.iter().map(|row| (&row["orig_address"], &row["tt_crc32"])).collect();
    seen.dedup();
    let stranger = seen.iter().find(|(node, sum)| {
        let ours = sums.iter().find(|ours| ours.0 == **node);
        ours.is_none_or(|ours| ours.1 != **sum)
    });
    ensure!(stranger.is_none(), "the kernel's sum is another: {stranger:?}");
    Ok(())
}

/// Runs the two in turns, so that what disturbs one disturbs the other.
fn times(name: &str, question: &Question) -> anyhow::Result<Value> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ours.push(cost::cpu(question.ours)?);
        theirs.push(cost::cpu(question.theirs)?);
    }
    Ok(row(name, middle(ours), "us CPU", question.peer, middle(theirs)))
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
