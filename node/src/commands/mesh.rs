//! `mesh-node mesh`: what the kernel knows of the mesh, asked of the kernel itself.

use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use batman::{Error, IfName, Kernel, VlanId};
use clap::{Args, Subcommand, ValueEnum};
use mesh_node::io::api;
use mesh_node::io::log::with_causes;
use mesh_node::mesh::names::Names;
use mesh_node::proto::node::StatusRequest;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::configured::{Configured, configured};
use super::viewing::Viewer;
use super::{exit, measure, planning};

/// Where names for addresses are looked for.
pub(super) const HOSTS: &str = "/etc/bat-hosts";

/// Between two looks of `--watch`.
const AGAIN: Duration = Duration::from_secs(1);

/// A node that is well answers sooner.
const MOMENT: Duration = Duration::from_millis(500);

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// JSON, with the keys of batctl's JSON queries where it has them.
    #[arg(long, global = true)]
    json: bool,
    /// The mesh interface; the configuration's, or bat0, if not given.
    #[arg(long, global = true, value_name = "INTERFACE")]
    mesh: Option<IfName>,
    /// Names for addresses, in batctl's format; /etc/bat-hosts, if it is there and no other is given.
    #[arg(long, global = true, value_name = "FILE")]
    hosts: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// The tables of the kernel.
    #[command(flatten)]
    Look(Looking),
    /// Tells what is not as the configuration wants it, and changes nothing.
    Plan(planning::Arguments),
    /// Makes the mesh as the configuration wants it, once; the node does so all the time.
    Apply {
        #[command(flatten)]
        arguments: planning::Arguments,
        /// Only tell what would be done.
        #[arg(long)]
        dry_run: bool,
    },
    /// Measures the throughput to a node; takes all the air time there is. Through the node that runs here, if one does,
    /// which asks its neighbours to keep still.
    Measure(measure::Arguments),
    /// Tells what the node that runs here has measured, newest first.
    Measurements,
}

#[derive(Subcommand)]
pub(super) enum Looking {
    /// Who is heard on which hard interface.
    Neighbours(Watch),
    /// Every node that is known, and the ways to it; * marks the one in use.
    Originators(Watch),
    /// Who offers a way out; * marks the one in use.
    Gateways(Watch),
    /// The hard interfaces and their settings.
    Interfaces(Watch),
    /// The VLANs of the mesh interface: those that have clients, or these, which anybody may ask.
    Vlans {
        /// The VLANs' numbers.
        #[arg(value_name = "VLAN", value_parser = vlan)]
        ids: Vec<VlanId>,
        #[command(flatten)]
        watch: Watch,
    },
    /// Devices behind this node, and behind others. Flags: P stays, N new, X is to go, W wireless, I isolated, T not
    /// confirmed yet, R has moved, D is going.
    Clients {
        /// Only those behind this node.
        #[arg(long, conflicts_with = "global")]
        local: bool,
        /// Only those behind others.
        #[arg(long)]
        global: bool,
        #[command(flatten)]
        watch: Watch,
    },
    /// The cache of the distributed ARP table.
    Dat(Watch),
    /// The claims of bridge loop avoidance.
    Claims(Watch),
    /// The backbones of bridge loop avoidance.
    Backbones(Watch),
    /// Who asks for which multicast.
    Multicast(Watch),
    /// How the mesh interface is set.
    Settings(Watch),
    /// What the mesh interface counted.
    Counters(Watch),
    /// Links and ways, as far as this node sees.
    Topology {
        /// How it is written.
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
        #[command(flatten)]
        watch: Watch,
    },
}

#[derive(Args, Clone, Copy)]
pub(super) struct Watch {
    /// Again every second, until interrupted.
    #[arg(long)]
    watch: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Format {
    /// Lines for people.
    Table,
    /// Graphviz.
    Dot,
    /// The document of `batadv-vis -f jsondoc`.
    Vis,
}

pub(crate) async fn run(arguments: Arguments) -> ExitCode {
    match act(&arguments).await {
        Ok(status) => status,
        Err(error) => failed(&error),
    }
}

pub(super) fn failed(error: &Error) -> ExitCode {
    // Who closed it wants to hear nothing.
    let _ = writeln!(io::stderr(), "mesh-node: {}", with_causes(error));
    ExitCode::from(exit::of(error))
}

async fn act(arguments: &Arguments) -> batman::Result<ExitCode> {
    let of_configuration = matches!(&arguments.command, Command::Plan(_) | Command::Apply { .. });
    if of_configuration && arguments.mesh.is_some() {
        eprintln!("mesh-node: plan and apply are about the configuration's mesh: leave --mesh out");
        return Ok(ExitCode::from(exit::USAGE));
    }
    if arguments.json && matches!(&arguments.command, Command::Look(looking) if looking.is_dot()) {
        eprintln!("mesh-node: --format dot is no JSON: leave one of the two out");
        return Ok(ExitCode::from(exit::USAGE));
    }
    let looking = match &arguments.command {
        Command::Plan(given) | Command::Apply { arguments: given, dry_run: true } => {
            return planning::plan(given, arguments.json).await;
        }
        Command::Apply { arguments: given, dry_run: false } => {
            return planning::apply(given, arguments.json).await;
        }
        Command::Look(looking) => Some(looking),
        Command::Measure(_) | Command::Measurements => None,
    };
    let mut names = match names(arguments.hosts.as_deref()) {
        Ok(names) => names,
        Err(status) => return Ok(status),
    };
    let (Configured { mesh: configured, socket }, fault) = configured();
    if let Some(fault) = fault.filter(|_| arguments.mesh.is_none()) {
        eprintln!("mesh-node: {fault}");
    }
    if matches!(arguments.command, Command::Measurements) {
        return Ok(measure::show(&socket, names, arguments.json).await);
    }
    if !arguments.json {
        name_neighbours(&socket, &mut names).await;
    }
    let mesh = arguments.mesh.clone().unwrap_or(configured);
    let mut viewer = Viewer { kernel: Kernel::open()?, mesh: &mesh, names };
    match (looking, &arguments.command) {
        (Some(looking), _) => look(&mut viewer, looking, arguments.json).await,
        (None, Command::Measure(what)) => {
            let Viewer { kernel, mesh, names } = &mut viewer;
            measure::run(kernel, (mesh, &socket), names, what, arguments.json).await
        }
        (None, _) => Ok(ExitCode::SUCCESS),
    }
}

async fn look(
    viewer: &mut Viewer<'_>,
    looking: &Looking,
    as_json: bool,
) -> batman::Result<ExitCode> {
    loop {
        let shown = match viewer.show(looking, as_json).await {
            Ok(shown) => shown,
            // What is being repaired is not there for a moment.
            Err(error) if looking.watch().watch && !matches!(error, Error::Permission { .. }) => {
                failed(&error);
                if !is_read(io::stdout().as_fd()) {
                    return Ok(ExitCode::SUCCESS);
                }
                String::new()
            }
            Err(error) => return Err(error),
        };
        let gap = if as_json || !looking.watch().watch { "" } else { "\n" };
        // Whoever has read enough closes the pipe.
        if write!(io::stdout(), "{shown}{gap}").is_err() || !looking.watch().watch {
            return Ok(ExitCode::SUCCESS);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Asks the node that runs here, if one does, who its neighbours are. A table waits no longer for names.
async fn name_neighbours(socket: &Path, names: &mut Names) {
    let asked = async { api::connect(socket).await.ok()?.status(StatusRequest {}).await.ok() };
    if let Ok(Some(status)) = tokio::time::timeout(MOMENT, asked).await {
        names.learn_neighbours(&status.get_ref().neighbours);
    }
}

/// Tells whether anybody still reads from the other end: where nothing is written, nothing fails.
fn is_read(output: BorrowedFd<'_>) -> bool {
    let mut ends = [PollFd::new(output, PollFlags::empty())];
    let closed = PollFlags::POLLERR | PollFlags::POLLHUP;
    match poll(&mut ends, PollTimeout::ZERO) {
        Ok(_) => !ends.iter().filter_map(PollFd::revents).any(|it| it.intersects(closed)),
        Err(_) => true,
    }
}

/// Reads the host file. The usual one need not be there; what a file says wrongly is told and skipped.
fn names(file: Option<&Path>) -> Result<Names, ExitCode> {
    let text = match (file, std::fs::read_to_string(file.unwrap_or(Path::new(HOSTS)))) {
        (_, Ok(text)) => text,
        (None, Err(_)) => return Ok(Names::default()),
        (Some(file), Err(error)) => {
            eprintln!("mesh-node: cannot read {}: {error}", file.display());
            return Err(ExitCode::from(exit::NOINPUT));
        }
    };
    let (names, bad) = Names::read(&text);
    for line in bad {
        eprintln!("{}: {line}; skipped", file.unwrap_or(Path::new(HOSTS)).display());
    }
    Ok(names)
}

fn vlan(word: &str) -> Result<VlanId, String> {
    let number = word.parse().map_err(|_| format!("{word} is no number"))?;
    VlanId::new(number).map_err(|error| error.to_string())
}

impl Looking {
    fn is_dot(&self) -> bool {
        matches!(self, Self::Topology { format: Format::Dot, .. })
    }

    fn watch(&self) -> Watch {
        match self {
            Self::Neighbours(watch)
            | Self::Originators(watch)
            | Self::Gateways(watch)
            | Self::Interfaces(watch)
            | Self::Dat(watch)
            | Self::Claims(watch)
            | Self::Backbones(watch)
            | Self::Multicast(watch)
            | Self::Settings(watch)
            | Self::Counters(watch)
            | Self::Vlans { watch, .. }
            | Self::Clients { watch, .. }
            | Self::Topology { watch, .. } => *watch,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipe_is_read_until_its_other_end_is_closed() {
        let (reader, writer) = io::pipe().unwrap();

        let before = is_read(writer.as_fd());
        drop(reader);

        assert_eq!((before, is_read(writer.as_fd())), (true, false));
    }
}
