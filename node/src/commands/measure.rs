//! `mesh-node mesh measure` and `measurements`: the throughput to a node, with progress, and what was found so far.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use batman::{Error, IfName, Kernel, MacAddr, Measurement, Measuring, Throughput};
use clap::Args;
use mesh_node::io::api;
use mesh_node::mesh::measurements;
use mesh_node::mesh::names::Names;
use mesh_node::proto::node::{MeasureRequest, StatusRequest};
use serde_json::json;
use tonic::Code;

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
    /// The node that runs here did not measure.
    Refused(tonic::Status),
    TooLate,
    Interrupted,
}

/// Who measures.
enum Going {
    /// This program.
    Here(Measuring),
    /// The node that runs here, once its neighbourhood keeps still.
    ByNode(Pin<Box<dyn Future<Output = Result<Measurement, tonic::Status>>>>),
}

impl Going {
    async fn end(&mut self) -> End {
        match self {
            Self::Here(measuring) => End::Result(measuring.end().await),
            Self::ByNode(answer) => match answer.as_mut().await {
                Ok(measurement) => End::Result(Ok(measurement)),
                Err(status) => End::Refused(status),
            },
        }
    }
}

/// Measures, and says how it goes.
pub(super) async fn run(
    kernel: &mut Kernel,
    (mesh, socket): (&IfName, &Path),
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
    let by_node = ask_node(socket, mesh, node, duration).await;
    let mut end = wait(kernel, (mesh, node, duration), by_node, names).await?;
    if matches!(&end, End::Refused(status) if is_another(status)) {
        end = wait(kernel, (mesh, node, duration), None, names).await?;
    }
    if matches!(end, End::Result(Err(_)) | End::TooLate | End::Interrupted) {
        kernel.cancel_measurement(mesh, node).await?;
    }
    match end {
        End::Refused(status) => {
            eprintln!("mesh-node: {}", status.message());
            Ok(ExitCode::from(match status.code() {
                Code::ResourceExhausted | Code::DeadlineExceeded | Code::Aborted => exit::TEMPFAIL,
                _ => exit::UNAVAILABLE,
            }))
        }
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

/// Has the node that runs here measure, if one does.
async fn ask_node(
    socket: &Path,
    mesh: &IfName,
    node: MacAddr,
    duration: Duration,
) -> Option<Going> {
    let mut client = api::connect(socket).await.ok()?;
    let milliseconds = u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
    let originator = node.0.to_vec();
    let request = MeasureRequest { mesh: mesh.to_string(), originator, milliseconds };
    Some(Going::ByNode(Box::pin(async move {
        let found = client.measure(request).await?.into_inner();
        let duration = Duration::from_millis(found.milliseconds.into());
        Ok(Measurement { originator: node, bytes: found.bytes, duration })
    })))
}

/// Whether the node that runs here keeps another mesh, or is too old to measure.
fn is_another(status: &tonic::Status) -> bool {
    matches!(status.code(), Code::FailedPrecondition | Code::Unimplemented)
}

/// Tells what the node that runs here has measured.
pub(super) async fn show(socket: &Path, mut names: Names, as_json: bool) -> ExitCode {
    let status = match api::connect(socket).await {
        Ok(mut node) => node.status(StatusRequest {}).await.map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    let status = match status {
        Ok(status) => status.into_inner(),
        Err(error) => {
            eprintln!("mesh-node: {error}: {}", error.root_cause());
            return ExitCode::from(exit::UNAVAILABLE);
        }
    };
    let uptime = Duration::try_from_secs_f64(status.uptime_seconds).unwrap_or_default();
    let measuring = status.measuring.unwrap_or_default();
    let told = if as_json {
        format!("{}\n", json!(measuring))
    } else {
        names.learn_neighbours(&status.neighbours);
        measurements::table(&measuring, &names, uptime)
    };
    // Whoever has read enough closes the pipe.
    let _ = write!(io::stdout(), "{told}");
    ExitCode::SUCCESS
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
    (mesh, node, duration): (&IfName, MacAddr, Duration),
    by_node: Option<Going>,
    names: &Names,
) -> batman::Result<End> {
    let mut going = match by_node {
        Some(going) => going,
        None => Going::Here(kernel.begin_measurement(mesh, node, duration).await?),
    };
    let since = Instant::now();
    let mut ticks = tokio::time::interval(TICK);
    let mut too_late = std::pin::pin!(tokio::time::sleep(duration + GRACE));
    let mut is_cancelled = false;
    loop {
        tokio::select! {
            end = going.end() => return Ok(end),
            () = &mut too_late => return Ok(End::TooLate),
            _ = ticks.tick() => {
                tell(&names.show(node), since.elapsed(), duration);
                if is_cancelled {
                    // While the neighbourhood was asked there was nothing to end.
                    kernel.cancel_measurement(mesh, node).await?;
                }
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
