//! `mesh-node`: runs the node, or asks a running one.
#![forbid(unsafe_code)]
#![expect(clippy::disallowed_methods, reason = "the command line reads the configuration")]

mod commands;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};

use clap::{Parser, Subcommand};
use commands::exit;
use mesh_node::config::{self, Config};
use mesh_node::io::{api, factory_reset, host, log, places, prepare};
use mesh_node::proto::node::{Status, StatusRequest};
use mesh_node::run::{Unable, count_start, run, stand_down};
use mesh_node::self_check;
use mesh_node::table;

/// Runs a mesh router, or asks a running one.
#[derive(Parser)]
#[command(name = "mesh-node", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the node until it is told to stop (SIGTERM).
    Run {
        /// The configuration.
        #[arg(long, default_value = places::CONFIG)]
        config: PathBuf,
    },
    /// Tells who the node is, who its neighbours are, and what is wrong.
    Status {
        /// One JSON object instead of a table.
        #[arg(long)]
        json: bool,
        /// Again after every look, until interrupted.
        #[arg(long)]
        watch: bool,
        /// The node's socket.
        #[arg(long, default_value = places::API_SOCKET)]
        socket: PathBuf,
    },
    /// Checks a configuration and changes nothing; exit status 78 if it is faulty.
    CheckConfig {
        /// The configuration.
        file: PathBuf,
    },
    /// Writes an example of the whole configuration.
    ExampleConfig,
    /// Gets a boot ready: slot, clock, data partition. Runs before anything else, and never fails.
    Prepare,
    /// Tells what is on the slots, and installs, tries, keeps or leaves an update.
    Image(commands::image::Arguments),
    /// Tells what the kernel knows of the mesh: neighbours, nodes, gateways, clients, settings.
    Mesh(commands::mesh::Arguments),
    /// Takes the router back to how it was provisioned and restarts it: data, identity and secrets are erased.
    FactoryReset,
    /// Checks that the cryptography does here what the standards say; exit status 1 if it does not.
    SelfCheck {
        /// One JSON array instead of lines.
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let plain = commands::streaming::plain(words.iter().map(OsString::as_os_str));
    plain.and_then(commands::streaming::answer).unwrap_or_else(act)
}

/// Does what any words ask. It is far larger than an answer to plain ones, which has a stack of its own.
#[inline(never)]
#[tokio::main(flavor = "current_thread")]
async fn act() -> ExitCode {
    match Arguments::parse().command {
        Command::Run { config } => run_node(&config).await,
        Command::Status { json, watch, socket } => match show(&socket, json, watch).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&format!("{error}: {}", error.root_cause()), exit::UNAVAILABLE),
        },
        Command::CheckConfig { file } => match load(&file) {
            Ok(config) => {
                for fault in &config.overlooked {
                    eprintln!("{}:{fault}; overlooked", file.display());
                }
                println!("{}: good", file.display());
                ExitCode::SUCCESS
            }
            Err(status) => status,
        },
        Command::ExampleConfig => {
            print!("{}", config::example());
            ExitCode::SUCCESS
        }
        Command::Prepare => {
            prepare::prepare();
            ExitCode::SUCCESS
        }
        Command::Image(arguments) => commands::image::run(arguments).await,
        Command::Mesh(arguments) => commands::mesh::run(arguments).await,
        Command::FactoryReset => match factory_reset::mark() {
            Ok(()) => {
                println!("the router restarts and goes back to how it was provisioned");
                host::restart();
                ExitCode::SUCCESS
            }
            Err(error) => failed(&format!("{error:#}"), exit::UNAVAILABLE),
        },
        Command::SelfCheck { json } => check_self(json),
    }
}

fn check_self(json: bool) -> ExitCode {
    let outcomes = self_check::run();
    if json {
        match serde_json::to_string(&outcomes) {
            Ok(text) => println!("{text}"),
            Err(error) => return failed(&error.to_string(), 1),
        }
    } else {
        for outcome in &outcomes {
            println!("{outcome}");
        }
    }
    let passed = outcomes.iter().all(|outcome| outcome.passed);
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run_node(file: &Path) -> ExitCode {
    let starts = count_start();
    let config = match load(file) {
        Ok(config) => config,
        Err(status) => {
            stand_down();
            return status;
        }
    };
    log::start(&config.log);
    match run(config, starts).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(unable @ Unable::NotPermitted(_)) => failed(&unable.to_string(), exit::NOPERM),
        Err(unable @ Unable::NoBatmanAdv(_)) => failed(&unable.to_string(), exit::UNAVAILABLE),
        Err(Unable::Machine(error)) => failed(&format!("{error:#}"), 1),
    }
}

/// Reads the configuration, or says everything that is wrong with it.
fn load(file: &Path) -> Result<Config, ExitCode> {
    let shown = file.display();
    let text = fs::read_to_string(file).map_err(|error| {
        failed(&format!("cannot read {shown}: {error}; see mesh-node example-config"), exit::CONFIG)
    })?;
    Config::parse(&text).map_err(|faults| {
        eprint!("{}", faults.report(&shown.to_string()));
        ExitCode::from(exit::CONFIG)
    })
}

async fn show(socket: &Path, json: bool, watch: bool) -> anyhow::Result<()> {
    let mut node = api::connect(socket).await?;
    if !watch {
        return print_status(&node.status(StatusRequest {}).await?.into_inner(), json);
    }
    let mut changes = node.watch(StatusRequest {}).await?.into_inner();
    while let Some(status) = changes.message().await? {
        print_status(&status, json)?;
    }
    Ok(())
}

fn print_status(status: &Status, json: bool) -> anyhow::Result<()> {
    let text = if json { serde_json::to_string(status)? + "\n" } else { table::render(status) };
    match io::stdout().lock().write_all(text.as_bytes()) {
        // Whoever read it has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => process::exit(0),
        outcome => Ok(outcome?),
    }
}

fn failed(why: &str, status: u8) -> ExitCode {
    eprintln!("mesh-node: {why}");
    ExitCode::from(status)
}
