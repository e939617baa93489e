//! `meshctl`: the operator's tool on a workstation.

mod key_holder;
mod publisher;
mod report;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::report::Report;

/// Operates a fleet of mesh routers from a workstation.
#[derive(Parser)]
#[command(name = "meshctl", version)]
struct Arguments {
    /// One JSON object instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Publishes firmware updates as a TUF repository of plain files.
    #[command(subcommand)]
    Release(Release),
}

#[derive(Subcommand)]
enum Release {
    /// Makes keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Writes the first root, which its key holders then sign.
    Init(key_holder::Init),
    /// Adds one key holder's signature to a root.
    Sign(key_holder::Sign),
    /// Writes the next root, with other keys or a later expiry, which its key holders then sign.
    RotateKeys(key_holder::RotateKeys),
    /// Adds updates to a repository, takes them back, or goes on to another root.
    Publish(publisher::Publish),
    /// Puts off the expiry of whatever the given keys can sign.
    Expire(publisher::Expire),
    /// Tells who may sign, until when, and what is published.
    Show(Folder),
    /// Checks a repository as a router would, and every update in it.
    Verify(verify::Verify),
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Writes a new private key (mode 0600) and beside it its public half (`.pub`).
    Generate(key_holder::Generate),
}

/// Which repository.
#[derive(Args)]
struct Folder {
    /// The repository's folder.
    #[arg(long, value_name = "DIR")]
    repository: PathBuf,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Arguments { json, command: Command::Release(command) } = Arguments::parse();
    match run(command).await {
        Ok(report) => report.print(json),
        Err(error) => {
            report::print_error(&error, json);
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Release) -> anyhow::Result<Report> {
    match command {
        Release::Key(KeyCommand::Generate(arguments)) => key_holder::generate(&arguments),
        Release::Init(arguments) => key_holder::init(&arguments),
        Release::Sign(arguments) => key_holder::sign(&arguments),
        Release::RotateKeys(arguments) => key_holder::rotate_keys(&arguments),
        Release::Publish(arguments) => publisher::publish(&arguments),
        Release::Expire(arguments) => publisher::expire(&arguments),
        Release::Show(folder) => publisher::show(&folder.repository),
        Release::Verify(arguments) => verify::verify(&arguments).await,
    }
}
