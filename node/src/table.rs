//! The status as people read it: a heading, a table of neighbours, and what is wrong.

use std::fmt::Write as _;
use std::time::Duration;

use crate::mesh::columns::paragraph;
use crate::proto::node::{Neighbour, NeighbourState, Status};
use crate::proto::{neighbour_state_word, node_state_word};
use crate::status::shortly;

/// Writes a status for people.
pub fn render(status: &Status) -> String {
    let mut text = heading(status);
    if status.neighbours.is_empty() {
        text.push_str("no neighbours\n");
    } else {
        text.push_str(&neighbours(&status.neighbours));
    }
    for finding in &status.findings {
        let mark = if status.alarms.contains(finding) { "ALARM:" } else { "!" };
        // A String takes any text; writing to it cannot fail.
        let _ = writeln!(text, "{mark} {finding}");
    }
    text
}

fn heading(status: &Status) -> String {
    let state = node_state_word(status.state);
    let reason =
        if status.reason.is_empty() { String::new() } else { format!(" ({})", status.reason) };
    let id = status.spiffe_id.as_deref().unwrap_or("no SPIFFE ID");
    let dry = if status.dry_run { ", dry run" } else { "" };
    let mut text = format!("{}: {state}{reason}{dry}\n  {id}", status.name);
    if let Some(end) = &status.svid_not_after {
        let _ = write!(text, " until {end}");
    }
    if let Some(mesh) = &status.mesh {
        let algorithm = mesh.algorithm.as_deref().unwrap_or("absent");
        let state = if mesh.up { "up" } else { "down" };
        let _ = write!(text, "\n  {} {algorithm} {state}", mesh.interface);
        for link in &mesh.hard_interfaces {
            let how = match (link.attached, link.carrier) {
                (true, true) => "",
                (true, false) => " (no carrier)",
                (false, _) => " (not attached)",
            };
            let _ = write!(text, ", {}{how}", link.name);
        }
    }
    text.push('\n');
    if let Some(mesh) = status.mesh.as_ref().filter(|mesh| !mesh.gateway_reason.is_empty()) {
        let used = mesh.gateway.as_ref().map(|it| format!("{} on {}", it.mac, it.interface));
        let used = used.unwrap_or_else(|| "none".to_owned());
        let told = format!("gateway {used}: {}", mesh.gateway_reason);
        text.push_str(&paragraph(&told, "  "));
    }
    text
}

fn neighbours(neighbours: &[Neighbour]) -> String {
    let mut rows = vec![
        ["INTERFACE", "MAC", "QUALITY", "STATE", "TLS GROUP", "CERT", "SPIFFE ID, OR WHY NOT"]
            .map(str::to_owned),
    ];
    rows.extend(neighbours.iter().map(row));
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..6).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(text, "{cell:width$}  ");
        }
        text.push_str(row.last().map_or("", String::as_str));
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

fn row(neighbour: &Neighbour) -> [String; 7] {
    let quality = match (neighbour.tq, neighbour.throughput_kbit) {
        (Some(tq), _) => format!("{tq}/255"),
        (None, Some(kbit)) => mbit(kbit),
        (None, None) => "-".to_owned(),
    };
    let left = neighbour.svid_seconds_left.map(|seconds| shortly(Duration::from_secs(seconds)));
    let verified = neighbour.state() == NeighbourState::Verified;
    let who =
        if verified { neighbour.spiffe_id.as_deref() } else { Some(neighbour.reason.as_str()) };
    [
        neighbour.interface.clone(),
        neighbour.mac.clone(),
        quality,
        neighbour_state_word(neighbour.state).to_owned(),
        neighbour.kx_group.clone().unwrap_or_else(|| "-".to_owned()),
        left.unwrap_or_else(|| "-".to_owned()),
        who.unwrap_or_default().to_owned(),
    ]
}

fn mbit(kbit: u64) -> String {
    format!("{}.{} Mbit", kbit / 1_000, kbit % 1_000 / 100)
}

#[cfg(test)]
mod tests;
