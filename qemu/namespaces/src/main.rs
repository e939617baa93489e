//! Twenty routers in the network namespaces of one kernel: each a real mesh-node, wired up, cut apart and joined again.
//!
//! It takes over the machine's links, so it runs on a machine of its own: see `./x lab batman`. It ends with a line
//! `report` and a JSON object.
#![forbid(unsafe_code)]
#![expect(clippy::disallowed_methods, reason = "all of it acts on a kernel and on programs")]

mod cable;
mod configuration;
mod namespace;
mod node;
mod plays;
mod report;
mod shape;
mod waiting;
mod world;

use std::process::ExitCode;

use configuration::Algorithm;
use report::Report;

fn main() -> ExitCode {
    // One thread: a thread that shares its file system with others cannot go into another's.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(run()));
    match outcome {
        Ok(report) => {
            println!("report {}", report.json());
            if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("namespaces: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<Report> {
    let mut report = Report::default();
    for algorithm in Algorithm::ALL {
        plays::run(algorithm, &mut report).await?;
    }
    Ok(report)
}
