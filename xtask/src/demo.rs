//! `./x demo`: three routers and a rogue.

use std::io::{self, Read as _};
use std::thread;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use qemu::io::demo::{self, Report};

use crate::image::Kernel;
use crate::{console, lab};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Leaves the machines running until Enter is pressed, and says how to look inside.
    #[arg(long)]
    keep: bool,
    /// One JSON object, and nothing else on standard output.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let start = Instant::now();
    let site = lab::site(Kernel::Debian)?;
    let built = start.elapsed().as_secs_f64();
    let mesh = demo::power_on(&site, "demo")?;
    let started = start.elapsed().as_secs_f64() - built;
    let shown = demo::show(&mesh).map(|mut report| {
        report.seconds.insert("build", built);
        report.seconds.insert("servers_and_enrolment", started);
        report.seconds.insert("total", start.elapsed().as_secs_f64());
        report
    });
    match &shown {
        Ok(report) if arguments.json => println!("{}", serde_json::to_string(report)?),
        Ok(report) => print(report),
        // The person who wants to look inside wants to know why.
        Err(error) if arguments.keep => eprintln!("not as expected: {error:#}"),
        Err(_) => {}
    }
    if arguments.keep {
        console::publish(&mesh.lab)?;
        keep();
    }
    shown.map(drop)
}

fn print(report: &Report) {
    for node in &report.nodes {
        println!("{}", node.table);
    }
    println!("The rogue {} was verified by nobody:", report.rogue.mac);
    for (router, reason) in &report.rogue.reasons {
        println!("  {router:<10} {reason}");
    }
    println!("\nHow long it took:");
    let stages = [
        "build",
        "servers_and_enrolment",
        "boot",
        "routers_verified",
        "rogue_turned_away",
        "total",
    ];
    for stage in stages {
        if let Some(seconds) = report.seconds.get(stage) {
            println!("  {:<24}{seconds:>7.1} s", stage.replace('_', " "));
        }
    }
}

fn keep() {
    eprintln!(
        "\nThe machines run on. In another terminal:\n  \
         ./x console alpha mesh-node status   runs a command on a node\n  \
         ./x console alpha                    is a shell there (Ctrl-] leaves it)\n\
         Logs are in target/lab/demo. Press Enter here to end."
    );
    let read = io::stdin().read(&mut [0]);
    if matches!(read, Ok(0) | Err(_)) {
        // Nobody is there to press a key: the lab ends with this process.
        loop {
            thread::park();
        }
    }
}
