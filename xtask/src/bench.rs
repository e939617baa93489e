//! `bench`: how large, how quick, beside a peer measured in the same run.

mod batman;
mod handshake;
mod install;
mod mesh;

use std::borrow::Cow;

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
    /// The batman-adv client beside batctl, in a mesh of 1,000 nodes; with it the rest.
    Batman,
    /// CPU of a dump of 1,000 originators as JSON, under B.A.T.M.A.N. IV.
    OriginatorsCpu,
    /// Memory at the peak of that.
    OriginatorsMemory,
    /// CPU of the same table for people.
    OriginatorTableCpu,
    /// Memory at the peak of that.
    OriginatorTableMemory,
    /// CPU of a dump of 10,000 entries of the translation table as JSON.
    ClientsCpu,
    /// Memory at the peak of that.
    ClientsMemory,
    /// CPU of a dump of 1,000 originators as JSON, under B.A.T.M.A.N. V.
    OriginatorsCpuV,
    /// CPU of mesh-node's loop in a mesh of 100 nodes, beside one of 10.
    #[value(name = "idle-cpu-100")]
    IdleCpu100,
    /// CPU of mesh-node's loop in a mesh of 1,000 nodes, beside one of 10.
    #[value(name = "idle-cpu-1000")]
    IdleCpu1000,
    /// Resident memory of mesh-node in a mesh of 100 nodes, beside one of 10.
    #[value(name = "idle-memory-100")]
    IdleMemory100,
    /// Resident memory of mesh-node in a mesh of 1,000 nodes, beside one of 10.
    #[value(name = "idle-memory-1000")]
    IdleMemory1000,
    /// What the batman crate adds to a program, beside mesh-node.
    BatmanSize,
}

/// What is measured on the batman-adv client.
const OF_BATMAN: [Benchmark; 13] = [
    Benchmark::Batman,
    Benchmark::OriginatorsCpu,
    Benchmark::OriginatorsMemory,
    Benchmark::OriginatorTableCpu,
    Benchmark::OriginatorTableMemory,
    Benchmark::ClientsCpu,
    Benchmark::ClientsMemory,
    Benchmark::OriginatorsCpuV,
    Benchmark::IdleCpu100,
    Benchmark::IdleCpu1000,
    Benchmark::IdleMemory100,
    Benchmark::IdleMemory1000,
    Benchmark::BatmanSize,
];

/// What was measured.
#[derive(Debug, PartialEq)]
struct Row {
    benchmark: Benchmark,
    value: f64,
    unit: Cow<'static, str>,
    peer: Cow<'static, str>,
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
    if OF_BATMAN.into_iter().any(wanted) {
        let all = wanted(Benchmark::Batman);
        let rows = batman::measure()?.into_iter().filter(|row| all || wanted(row.benchmark));
        rows.for_each(print);
    }
    Ok(())
}

fn binary_size() -> Result<Row> {
    Ok(Row {
        benchmark: Benchmark::BinarySize,
        value: bytes(&binaries::mesh_node(Architecture::X86_64, Profile::Release)?)?,
        unit: "bytes".into(),
        peer: "spire-agent".into(),
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
        "{:<23}{:>14} {:<12}{:<18}{:>14}{:>8}",
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
        format!("{name:<23}{value:>14.1} {unit:<12}{peer:<18}{peer_value:>14.1}{ratio:>8.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row {
            benchmark: Benchmark::FirstNeighbour,
            value: 30.0,
            unit: "s uptime".into(),
            peer: "batman-adv".into(),
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
