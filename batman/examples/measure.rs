//! Measures the throughput to a node of a mesh.
//!
//! ```text
//! measure bat0 02:00:00:00:00:0b 10      for ten seconds
//! measure bat0 02:00:00:00:00:0b 10 3    but cancels after three
//! ```
#![expect(clippy::disallowed_methods, reason = "an example that waits")]

use std::{env, error::Error, time::Duration};

use batman::{IfName, Kernel, MacAddr, Measurement};
use tokio::time::timeout;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measurement = runtime.block_on(run(&arguments))?;
    match measurement.throughput() {
        Some(throughput) => println!("{measurement:?}: {throughput}"),
        None => println!("{measurement:?}"),
    }
    Ok(())
}

async fn run(arguments: &[String]) -> Outcome<Measurement> {
    let [mesh, node, seconds, patience @ ..] = arguments else {
        return Err("usage: measure MESH NODE SECONDS [CANCEL-AFTER]".into());
    };
    let (mesh, node): (IfName, MacAddr) = (mesh.parse()?, node.parse()?);
    let duration = Duration::from_secs(seconds.parse()?);
    let patience = match patience.first() {
        Some(seconds) => Duration::from_secs(seconds.parse()?),
        None => Duration::MAX,
    };
    let mut kernel = Kernel::open()?;
    let mut measuring = kernel.begin_measurement(&mesh, node, duration).await?;
    let mut cancelled = false;
    loop {
        if let Ok(end) = timeout(Duration::from_secs(1), measuring.end()).await {
            return Ok(end?);
        }
        let progress = measuring.progress();
        println!("{:.0?} of {:.0?}", progress.elapsed, progress.duration);
        if progress.elapsed >= patience && !cancelled {
            kernel.cancel_measurement(&mesh, node).await?;
            cancelled = true;
        }
    }
}
