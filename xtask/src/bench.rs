//! `bench`: how large, how quick, beside a peer measured in the same run.

mod handshake;
mod install;
mod mesh;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use image::Architecture;
use serde_json::json;

use crate::binaries::Profile;
use crate::image::Kernel;
use crate::{binaries, tools};

/// What `bench` can be told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What to measure; everything if nothing is named.
    name: Option<Benchmark>,
    /// Whose kernel the routers have whose boot, first neighbour and memory are measured.
    #[arg(long, value_enum, default_value_t)]
    kernel: Kernel,
    /// Print JSON lines instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Benchmark {
    /// CPU of one mTLS handshake, both sides, beside bare rustls.
    Handshake,
    /// The stripped program, beside SPIRE's agent.
    BinarySize,
    /// From the kernel's start to the first verified neighbour, beside the first one in batman-adv.
    FirstNeighbour,
    /// The processor's time from the kernel's start to the first verified neighbour, beside the kernel's own.
    Boot,
    /// The same but for what SPIRE's agent takes, which is not ours.
    BootButAgent,
    /// Resident memory in the machine after a minute's idling, beside SPIRE's agent.
    Memory,
    /// How quick an update is installed, beside dd with the same flushes; with it the next two.
    Install,
    /// Bytes that an installation writes, beside those of the image.
    InstallWrites,
    /// Memory of mesh-node at its peak in an installation beyond what it has when idle, beside what is allowed.
    InstallMemory,
}

/// What was measured.
#[derive(Debug, PartialEq)]
struct Row {
    benchmark: Benchmark,
    value: f64,
    unit: &'static str,
    peer: &'static str,
    peer_value: f64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    tools::install()?;
    let wanted = |benchmark| arguments.name.is_none_or(|it| it == benchmark);
    if !arguments.json {
        println!("{}", heading());
    }
    let print = |row: Row| {
        if arguments.json { println!("{}", row.json()) } else { println!("{}", row.line()) }
    };
    if wanted(Benchmark::Handshake) {
        print(handshake::measure()?);
    }
    if wanted(Benchmark::BinarySize) {
        print(binary_size()?);
    }
    let in_machines =
        [Benchmark::FirstNeighbour, Benchmark::Boot, Benchmark::BootButAgent, Benchmark::Memory];
    let in_machines: Vec<_> = in_machines.into_iter().filter(|it| wanted(*it)).collect();
    if !in_machines.is_empty() {
        mesh::measure(&in_machines, arguments.kernel)?.into_iter().for_each(print);
    }
    let of_install = [Benchmark::Install, Benchmark::InstallWrites, Benchmark::InstallMemory];
    if of_install.into_iter().any(wanted) {
        let all = wanted(Benchmark::Install);
        let rows = install::measure()?.into_iter().filter(|row| all || wanted(row.benchmark));
        rows.for_each(print);
    }
    Ok(())
}

fn binary_size() -> Result<Row> {
    Ok(Row {
        benchmark: Benchmark::BinarySize,
        value: bytes(&binaries::mesh_node(Architecture::X86_64, Profile::Release)?)?,
        unit: "bytes",
        peer: "spire-agent",
        peer_value: bytes(&binaries::spire_agent(Architecture::X86_64)?)?,
    })
}

fn bytes(program: &std::path::Path) -> Result<f64> {
    let length = program.metadata().with_context(|| program.display().to_string())?.len();
    // Exact up to 2^32, far beyond any program of ours.
    Ok(f64::from(u32::try_from(length).context("a program of more than 4 GiB")?))
}

fn heading() -> String {
    format!(
        "{:<16}{:>14} {:<12}{:<18}{:>14}{:>8}",
        "name", "value", "unit", "peer", "value", "ratio"
    )
}

impl Row {
    fn ratio(&self) -> f64 {
        self.value / self.peer_value
    }

    fn name(&self) -> String {
        let value = self.benchmark.to_possible_value();
        value.map_or_else(String::new, |it| it.get_name().to_owned())
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "name": self.name(),
            "value": self.value,
            "unit": self.unit,
            "peer": self.peer,
            "peer_value": self.peer_value,
            "ratio": self.ratio(),
        })
    }

    fn line(&self) -> String {
        let Self { value, unit, peer, peer_value, .. } = self;
        let (name, ratio) = (self.name(), self.ratio());
        format!("{name:<16}{value:>14.1} {unit:<12}{peer:<18}{peer_value:>14.1}{ratio:>8.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row {
            benchmark: Benchmark::FirstNeighbour,
            value: 30.0,
            unit: "s uptime",
            peer: "batman-adv",
            peer_value: 12.0,
        }
    }

    #[test]
    fn row_is_one_json_object_with_its_ratio() {
        assert_eq!(
            row().json(),
            json!({
                "name": "first-neighbour",
                "value": 30.0,
                "unit": "s uptime",
                "peer": "batman-adv",
                "peer_value": 12.0,
                "ratio": 2.5,
            })
        );
    }

    #[test]
    fn columns_stand_under_their_headings() {
        assert_eq!(row().line().len(), heading().len());
    }
}
