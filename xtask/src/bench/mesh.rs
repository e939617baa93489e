//! Measures in a mesh of two routers, from inside one of them.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use qemu::io::machine::Machine;
use qemu::io::mesh::{Mesh, Recipe};
use qemu::patience::Seen;
use serde_json::Value;

use super::{Benchmark, Row};
use crate::lab;
use crate::progress::stage;

/// The router that is measured.
const NAME: &str = "alpha";

/// From power-on to a verified neighbour, with much to spare.
const FORMED: Duration = Duration::from_secs(180);

/// Start-up's garbage is gone by then.
const IDLE: Duration = Duration::from_secs(60);

/// Boots one mesh and measures what is wanted in it.
pub(super) fn measure(wanted: &[Benchmark]) -> Result<Vec<Row>> {
    let site = lab::site()?;
    let recipe = Recipe::routers([NAME, "bravo"]);
    let mesh = Mesh::power_on(&site, "bench", &recipe)?;
    let mut rows = vec![first_neighbour(&mesh)?];
    if wanted.contains(&Benchmark::Memory) {
        stage("idling for a minute", || {
            thread::sleep(IDLE);
            Ok(())
        })?;
        rows.push(memory(mesh.node(NAME)?)?);
    }
    rows.retain(|row| wanted.contains(&row.benchmark));
    Ok(rows)
}

/// Follows the neighbour table from the node's first answer on. The node looks at it once a second.
fn first_neighbour(mesh: &Mesh<'_>) -> Result<Row> {
    mesh.node(NAME)?.wait_for_shell()?;
    let mut heard = None;
    let (verified, heard) = mesh.lab.wait_until("the first verified neighbour", FORMED, || {
        let printed = mesh.node(NAME)?.run("mesh-node status --json")?;
        let look = Look::parse(&printed)?;
        if look.neighbours > 0 {
            heard = heard.or(Some(look.uptime));
        }
        match (look.verified, heard) {
            (1.., Some(heard)) => Ok(Seen::Yes((look.uptime, heard))),
            _ => Ok(Seen::NotYet(format!("{look:?}"))),
        }
    })?;
    Ok(Row {
        benchmark: Benchmark::FirstNeighbour,
        value: verified,
        unit: "s uptime",
        peer: "batman-adv's first",
        peer_value: heard,
    })
}

fn memory(machine: &Machine) -> Result<Row> {
    let resident = |process: &str| {
        let status = machine.run(&format!("cat /proc/$(pidof {process})/status"))?;
        resident(&status).with_context(|| format!("the memory of {process}"))
    };
    Ok(Row {
        benchmark: Benchmark::Memory,
        value: resident("mesh-node")?,
        unit: "KiB RSS",
        peer: "spire-agent",
        peer_value: resident("spire-agent")?,
    })
}

/// Reads the resident set out of `/proc/PID/status`, in KiB.
fn resident(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.strip_suffix("kB")?.trim().parse().ok()
}

/// What of a status is measured.
#[derive(Debug, PartialEq)]
struct Look {
    uptime: f64,
    neighbours: usize,
    verified: usize,
}

impl Look {
    fn parse(status: &str) -> Result<Self> {
        let status: Value = serde_json::from_str(status)?;
        let neighbours = status.get("neighbours").and_then(Value::as_array);
        let neighbours = neighbours.context("a status without neighbours")?;
        let is_verified = |it: &&Value| it.get("state").and_then(Value::as_str) == Some("verified");
        let uptime = status.get("uptime_seconds").and_then(Value::as_f64);
        Ok(Self {
            uptime: uptime.context("a status without uptime")?,
            neighbours: neighbours.len(),
            verified: neighbours.iter().filter(is_verified).count(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_counts_neighbours_and_the_verified_among_them() {
        let status = r#"{"uptime_seconds": 12.5, "neighbours": [
            {"state": "verified"}, {"state": "unverified", "reason": "no session"}]}"#;

        let look = Look::parse(status).unwrap();

        assert_eq!(look, Look { uptime: 12.5, neighbours: 2, verified: 1 });
    }

    #[test]
    fn resident_memory_is_read_from_its_line() {
        let status = "Name:\tmesh-node\nVmHWM:\t    9000 kB\nVmRSS:\t    4321 kB\n";

        assert_eq!(resident(status), Some(4321.0));
        assert_eq!(resident("Name:\tmesh-node\n"), None);
    }
}
