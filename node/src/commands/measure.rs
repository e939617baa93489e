//! `mesh-node mesh measure`: the throughput to a node, with progress; Ctrl-C ends it early.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::time::Duration;

use batman::{IfName, Kernel, MacAddr, Throughput};
use clap::Args;
use mesh_node::mesh::names::Names;
use serde_json::json;

/// sysexits.h: there is no host of this name.
const EX_NOHOST: u8 = 68;

/// Between two signs of life.
const TICK: Duration = Duration::from_secs(1);

#[derive(Args)]
pub(crate) struct Arguments {
    /// The node: its originator address, or its name.
    node: String,
    /// How long, in seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=120))]
    seconds: u64,
}

/// Measures, and says how it goes.
pub(super) async fn run(
    kernel: &mut Kernel,
    mesh: &IfName,
    names: &Names,
    arguments: &Arguments,
    as_json: bool,
) -> batman::Result<ExitCode> {
    let Some(node) = names.address(&arguments.node) else {
        eprintln!("mesh-node: {} is no address and no name of one node", arguments.node);
        return Ok(ExitCode::from(EX_NOHOST));
    };
    let duration = Duration::from_secs(arguments.seconds);
    let mut measuring = kernel.begin_measurement(mesh, node, duration).await?;
    let mut ticks = tokio::time::interval(TICK);
    let measurement = loop {
        tokio::select! {
            end = measuring.end() => break end?,
            _ = ticks.tick() => {
                let progress = measuring.progress();
                tell(node, names, progress.elapsed, progress.duration);
            }
            _ = tokio::signal::ctrl_c() => {
                kernel.cancel_measurement(mesh, node).await?;
            }
        }
    };
    let rate = measurement.throughput();
    if as_json {
        println!(
            "{}",
            json!({
                "orig_address": node.to_string(), "name": names.of(node),
                "tpmeter_bytes": measurement.bytes,
                "tpmeter_test_time": u64::try_from(measurement.duration.as_millis()).unwrap_or(u64::MAX),
                "throughput": rate.map(Throughput::kbit),
            })
        );
    } else {
        let rate = rate.map_or_else(|| "nothing".to_owned(), |rate| rate.to_string());
        println!(
            "{}: {rate}, {} bytes in {:.1} s",
            names.show(node),
            measurement.bytes,
            measurement.duration.as_secs_f64()
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(node: MacAddr, names: &Names, elapsed: Duration, duration: Duration) {
    if io::stderr().is_terminal() {
        eprintln!(
            "measuring {}: {} of {} s",
            names.show(node),
            elapsed.as_secs(),
            duration.as_secs()
        );
    }
}
