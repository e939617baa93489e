//! `mesh-node mesh measure`: the throughput to a node, with progress; Ctrl-C ends it early.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use batman::{Error, IfName, Kernel, MacAddr, Measurement, Throughput};
use clap::Args;
use mesh_node::mesh::names::Names;
use serde_json::json;

use super::exit;

/// Between two signs of life.
const TICK: Duration = Duration::from_secs(1);

/// The last packets may come after the time is up; a kernel whose mesh was deleted never answers.
const GRACE: Duration = Duration::from_secs(40);

#[derive(Args)]
pub(crate) struct Arguments {
    /// The node: its address among the originators, that of a client behind it, or a name of either.
    node: String,
    /// How long, in seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=120))]
    seconds: u64,
}

/// How waiting for a result ended.
enum End {
    Result(batman::Result<Measurement>),
    TooLate,
    Interrupted,
}

/// Measures, and says how it goes.
pub(super) async fn run(
    kernel: &mut Kernel,
    mesh: &IfName,
    names: &Names,
    arguments: &Arguments,
    as_json: bool,
) -> batman::Result<ExitCode> {
    let Some(address) = names.address(&arguments.node) else {
        eprintln!("mesh-node: {} is no address and no name of one node", arguments.node);
        return Ok(ExitCode::from(exit::NOHOST));
    };
    let Some(node) = originator(kernel, mesh, address).await? else {
        let shown = names.show(address);
        eprintln!(
            "mesh-node: {shown} is no node of {mesh} and behind none; see mesh-node mesh originators"
        );
        return Ok(ExitCode::from(exit::NOHOST));
    };
    let duration = Duration::from_secs(arguments.seconds);
    let end = wait(kernel, mesh, node, duration, names).await?;
    if !matches!(end, End::Result(Ok(_))) {
        kernel.cancel_measurement(mesh, node).await?;
    }
    match end {
        End::Result(measurement) => {
            let told = told(&measurement?, node, names, as_json);
            // Whoever has read enough closes the pipe.
            let _ = writeln!(io::stdout(), "{told}");
            Ok(ExitCode::SUCCESS)
        }
        End::TooLate => {
            eprintln!(
                "mesh-node: the kernel gave no result within {} s",
                (duration + GRACE).as_secs()
            );
            Ok(ExitCode::from(exit::TEMPFAIL))
        }
        End::Interrupted => Ok(ExitCode::from(exit::INTERRUPTED)),
    }
}

/// Finds the node that an address belongs to: a node's own, or that of a client behind it.
async fn originator(
    kernel: &mut Kernel,
    mesh: &IfName,
    address: MacAddr,
) -> Result<Option<MacAddr>, Error> {
    let originators = kernel.originators(mesh).await?;
    if originators.iter().any(|it| it.address == address) {
        return Ok(Some(address));
    }
    let clients = kernel.global_clients(mesh).await?;
    let behind = clients.iter().filter(|it| it.address == address);
    Ok(behind.max_by_key(|it| it.best).map(|it| it.originator))
}

/// Waits for the result. The first Ctrl-C has the kernel end with what it has, the second gives up.
async fn wait(
    kernel: &mut Kernel,
    mesh: &IfName,
    node: MacAddr,
    duration: Duration,
    names: &Names,
) -> batman::Result<End> {
    let mut measuring = kernel.begin_measurement(mesh, node, duration).await?;
    let mut ticks = tokio::time::interval(TICK);
    let mut too_late = std::pin::pin!(tokio::time::sleep(duration + GRACE));
    let mut is_cancelled = false;
    loop {
        tokio::select! {
            end = measuring.end() => return Ok(End::Result(end)),
            () = &mut too_late => return Ok(End::TooLate),
            _ = ticks.tick() => {
                let progress = measuring.progress();
                tell(&names.show(node), progress.elapsed, progress.duration);
            }
            _ = tokio::signal::ctrl_c() => {
                if is_cancelled {
                    return Ok(End::Interrupted);
                }
                is_cancelled = true;
                kernel.cancel_measurement(mesh, node).await?;
            }
        }
    }
}

fn told(measurement: &Measurement, node: MacAddr, names: &Names, as_json: bool) -> String {
    let rate = measurement.throughput();
    if as_json {
        let milliseconds = u64::try_from(measurement.duration.as_millis()).unwrap_or(u64::MAX);
        return json!({
            "orig_address": node.to_string(), "orig_address_name": names.of(node),
            "tpmeter_bytes": measurement.bytes, "tpmeter_test_time": milliseconds,
            "throughput": rate.map(Throughput::kbit),
        })
        .to_string();
    }
    let (bytes, seconds) = (measurement.bytes, measurement.duration.as_secs_f64());
    let rate = rate.map_or_else(|| "nothing".to_owned(), |rate| rate.to_string());
    format!("{}: {rate}, {bytes} bytes in {seconds:.1} s", names.show(node))
}

fn tell(node: &str, elapsed: Duration, duration: Duration) {
    if io::stderr().is_terminal() {
        eprintln!("measuring {node}: {} of {} s", elapsed.as_secs(), duration.as_secs());
    }
}
