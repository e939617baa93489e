//! `mesh-image`: brings images onto disks.
#![expect(
    clippy::disallowed_methods,
    reason = "the command line asks a person and reads the clock"
)]

mod failure;
mod flash;
mod list;
mod pack;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Brings images onto the disks of mesh routers.
#[derive(Parser)]
#[command(name = "mesh-image", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes an image to a disk, reads it back, and gives the router its name, configuration and enrolment.
    ///
    /// Only removable disks that nothing uses are written, and only after their name was typed. The partition table
    /// comes last: a disk that was not written to its end boots nothing.
    #[command(after_help = flash::HELP)]
    Flash(flash::Arguments),
    /// Lists the disks of this computer and says which may be flashed.
    List(list::Arguments),
    /// Packs what Buildroot built into a disk and an update.
    Pack(pack::Arguments),
}

fn main() -> ExitCode {
    let (outcome, json) = match Arguments::parse().command {
        Command::Flash(arguments) => (flash::run(&arguments), arguments.json),
        Command::List(arguments) => (list::run(&arguments), arguments.json),
        Command::Pack(arguments) => {
            return pack::run(&arguments)
                .map_or_else(|error| failure::tell_packing(&error), |()| ExitCode::SUCCESS);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(unable) => failure::tell(&unable, json),
    }
}

/// A reader that has gone is no reason to leave a disk half written.
fn say(event: &serde_json::Value) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{event}").and_then(|()| out.flush());
}
