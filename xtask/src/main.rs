//! Developer commands, one file each; `./x help` lists them.
#![forbid(unsafe_code)]
#![expect(
    clippy::disallowed_methods,
    reason = "developer commands are files and processes throughout"
)]

mod arch;
mod bench;
mod binaries;
mod build;
mod check;
mod console;
mod demo;
mod image;
mod kernel;
mod lab;
mod progress;
mod rig;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "./x", bin_name = "./x", about = "Developer commands of the mesh router.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Boots three routers and a rogue, and shows who trusts whom.
    Demo(demo::Arguments),
    /// Tests everything that has to hold before a change goes in.
    Test(test::Arguments),
    /// Runs scenarios on real machines.
    Lab(lab::Arguments),
    /// Looks inside a machine that `demo --keep` left running.
    Console(console::Arguments),
    /// Measures how large and how quick everything is, beside a peer.
    Bench(bench::Arguments),
    /// Builds the programs alone.
    Build(build::Arguments),
    /// Builds everything and packs it into an image.
    Image(image::Arguments),
    /// Checks everything that can be checked without running it.
    Check,
    /// Installs what the other commands need and this machine lacks.
    Tools,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Build(arguments) => build::run(&arguments),
        Command::Check => check::run().map(drop),
        Command::Image(arguments) => image::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Console(arguments) => console::run(&arguments),
        Command::Lab(arguments) => lab::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Tools => tools::install(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
