//! Holds the client against batctl on a real kernel: what one sets the other reads, and both see the same tables.
//!
//! It takes over the machine's links, so it runs on a machine of its own: see `./x lab batman`. It ends with a line
//! `report` and a JSON object.
#![forbid(unsafe_code)]
#![expect(clippy::disallowed_methods, reason = "all of it acts on a kernel and on batctl")]

mod batctl;
mod coverage;
mod device;
mod knobs;
mod report;
mod tables;
mod world;

use std::process::ExitCode;

use batman::RoutingAlgorithm;

use report::Report;
use world::World;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(run()));
    match outcome {
        Ok(report) => {
            println!("report {}", report.json());
            if report.failures().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("oracle: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<Report> {
    let mut report = Report::default();
    for algorithm in RoutingAlgorithm::ALL {
        println!("{algorithm}");
        let mut world = World::create(algorithm).await?;
        knobs::check(&mut world, &mut report).await?;
        tables::check(&mut world, &mut report).await?;
        device::check(&mut world, &mut report).await;
        world.remove().await?;
    }
    report.close();
    Ok(report)
}
