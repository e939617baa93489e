//! Holds the client against batctl on a real kernel: what one sets the other reads, and both see the same tables.
//!
//! It takes over the machine's links, so it runs on a machine of its own: see `./x lab batman`. It is told what to do:
//! `compare` client and batctl, change things behind the back of a mesh-node (`drift`), ask one for what is `lacking`.
//! It ends with a line `report` and a JSON object.
#![forbid(unsafe_code)]
#![expect(clippy::disallowed_methods, reason = "all of it acts on a kernel and on batctl")]

mod batctl;
mod coverage;
mod device;
mod drift;
mod knobs;
mod lacking;
mod node;
mod report;
mod shown;
mod tables;
mod world;

use std::process::ExitCode;

use anyhow::bail;
use batman::{Kernel, RoutingAlgorithm};

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
    let offered = Kernel::open()?.routing_algorithms().await?;
    for word in std::env::args().skip(1) {
        for algorithm in RoutingAlgorithm::ALL {
            println!("{word} {algorithm}");
            let has_it = offered.iter().any(|it| it == algorithm.name());
            match (word.as_str(), has_it) {
                ("compare", true) => compare(algorithm, &mut report).await?,
                ("compare", false) => report.has_no(algorithm),
                ("drift", true) => {
                    let mut world = World::cabled(algorithm).await?;
                    drift::check(&mut world, &mut report).await?;
                    world.remove().await?;
                }
                ("lacking", _) => {
                    let mut world = World::cabled(algorithm).await?;
                    lacking::check(&mut world, has_it, &mut report).await?;
                    world.remove().await?;
                }
                (word, _) => bail!("{word} of {algorithm} is nothing that can be done here"),
            }
        }
        if word == "compare" {
            report.close();
        }
    }
    Ok(report)
}

/// Holds two meshes against batctl.
async fn compare(algorithm: RoutingAlgorithm, report: &mut Report) -> anyhow::Result<()> {
    let mut world = World::create(algorithm).await?;
    knobs::check(&mut world, report).await?;
    tables::check(&mut world, report).await?;
    shown::check(&world, report).await;
    device::check(&mut world, report).await;
    world.remove().await
}
