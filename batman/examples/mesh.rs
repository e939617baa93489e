//! Makes a mesh, shows it, keeps it, removes it.
//!
//! ```text
//! mesh show   bat0 BATMAN_IV eth0 eth1   what there is, and what it would take
//! mesh apply  bat0 BATMAN_IV eth0 eth1   takes the steps, then shows
//! mesh keep   bat0 BATMAN_IV eth0 eth1   repairs whenever a link changes, until it is killed
//! mesh remove bat0
//! ```

use std::{env, error::Error, process::ExitCode};

use batman::{IfName, Kernel, Seen, Wanted, obstacles, plan};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: mesh show|apply|keep MESH ALGORITHM [LINK...], or mesh remove MESH";

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => match runtime.block_on(run(&arguments)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(error.as_ref()),
        },
        Err(error) => fail(&error),
    }
}

fn fail(error: &dyn Error) -> ExitCode {
    eprint!("mesh: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprint!(": {error}");
        cause = error.source();
    }
    eprintln!();
    ExitCode::FAILURE
}

async fn run(arguments: &[String]) -> Outcome {
    let [verb, mesh, rest @ ..] = arguments else { return Err(USAGE.into()) };
    let mesh: IfName = mesh.parse()?;
    let mut kernel = Kernel::open()?;
    if verb == "remove" {
        return Ok(kernel.remove_mesh(&mesh).await?);
    }
    let [algorithm, links @ ..] = rest else { return Err(USAGE.into()) };
    let links = links.iter().map(|link| link.parse()).collect::<Result<_, _>>()?;
    let wanted = Wanted::new(mesh, algorithm.parse()?, links)?;
    match verb.as_str() {
        "show" => show(&wanted, &kernel.observe(&wanted).await?),
        "apply" => {
            let seen = approach(&mut kernel, &wanted).await?;
            show(&wanted, &seen);
        }
        "keep" => keep(&mut kernel, &wanted).await?,
        _ => return Err(USAGE.into()),
    }
    Ok(())
}

/// Takes the steps that are missing, as many as succeed, and looks again.
async fn approach(kernel: &mut Kernel, wanted: &Wanted) -> Outcome<Seen> {
    let seen = kernel.observe(wanted).await?;
    let steps = plan(wanted, &seen);
    if steps.is_empty() {
        return Ok(seen);
    }
    for step in &steps {
        println!("step: {step}");
        if let Err(error) = kernel.apply(step).await {
            fail(&error);
        }
    }
    Ok(kernel.observe(wanted).await?)
}

async fn keep(kernel: &mut Kernel, wanted: &Wanted) -> Outcome {
    let mut events = kernel.events()?;
    loop {
        approach(kernel, wanted).await?;
        println!("events: {:?}", events.next().await?);
    }
}

fn show(wanted: &Wanted, seen: &Seen) {
    match &seen.mesh {
        Some(mesh) => println!("{mesh:#?}"),
        None => println!("there is no mesh {}", wanted.mesh()),
    }
    for link in &seen.links {
        println!("{link:?}");
    }
    for interface in &seen.hard_interfaces {
        println!("{interface:?}");
    }
    println!("{:15}  {:17}  {:>9}  quality", "interface", "neighbour", "last seen");
    for link in seen.neighbour_links() {
        let neighbour = &link.neighbour;
        let age = format!("{:.2?}", neighbour.last_seen);
        let quality = link.quality.map_or_else(|| "unknown".to_owned(), |q| q.to_string());
        println!("{:15}  {}  {age:>9}  {quality}", neighbour.interface, neighbour.address);
    }
    println!("originator ways: {}, rows left out: {}", seen.originators.len(), seen.left_out);
    plan(wanted, seen).iter().for_each(|step| println!("would: {step}"));
    obstacles(wanted, seen).iter().for_each(|obstacle| println!("in the way: {obstacle}"));
}
