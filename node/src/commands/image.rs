//! `mesh-node image`: asks a running node about its slots, and has it do something with them.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use mesh_node::install::table;
use mesh_node::io::{image_api, places};
use mesh_node::proto::image::{
    ActivateRequest, CancelRequest, ConfirmRequest, FetchRequest, InstallRequest, Outcome,
    Progress, RollbackRequest, Stage, StatusRequest, VerifyRequest,
};
use serde::Serialize;
use tonic::{Code, Status, Streaming};

use super::exit;

/// Where nobody sees a line change, one is written at each tenth.
const TENTHS: u64 = 10;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// JSON, one object a line.
    #[arg(long, global = true)]
    json: bool,
    /// The node's socket.
    #[arg(long, global = true, default_value = places::API_SOCKET)]
    socket: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Tells what is on both slots, what is available, and what became of the last trials.
    Status,
    /// Asks the repository what it has for this router. Nothing is installed.
    Fetch,
    /// Streams the update into the slot that does not run, and reads it back. Goes on where it was broken off.
    Install {
        /// Do not wait for the hours of the configuration.
        #[arg(long)]
        now: bool,
        /// Let the node go on by itself, also after a reboot, and return once it has begun to receive.
        #[arg(long)]
        background: bool,
        /// This file on the router instead of the repository's update; [update] has to allow it.
        #[arg(long, value_name = "FILE")]
        unsigned_file: Option<PathBuf>,
        /// Also if the file's version is older than the one that runs.
        #[arg(long, requires = "unsigned_file")]
        older: bool,
        /// Also if this update was tried here before and failed.
        #[arg(long)]
        again: bool,
    },
    /// Sets the installed slot on trial and reboots the router into it.
    Activate {
        /// Also if the slot failed before.
        #[arg(long)]
        again: bool,
    },
    /// Keeps the slot on trial without waiting for the node's own judgement.
    Confirm,
    /// Goes back to the other slot and reboots the router.
    Rollback,
    /// Ends what is being done with the slots, whoever began it. What was received stays.
    Cancel,
    /// Reads a slot and holds it against what was installed there.
    Verify {
        /// a or b; the running one if not given.
        #[arg(long)]
        slot: Option<String>,
    },
}

/// Why it came to nothing.
enum Failure {
    /// Nobody answers.
    NoNode(anyhow::Error),
    /// The node says why.
    Refused(Status),
    /// Standard output takes no more.
    Output(io::Error),
}

type Done = Result<(), Failure>;

/// Does what was asked for; the exit status says whose fault it is if it was not done.
pub(crate) async fn run(arguments: Arguments) -> ExitCode {
    let background = matches!(arguments.command, Command::Install { background: true, .. });
    let outcome = tokio::select! {
        outcome = carry_out(arguments) => outcome,
        _ = tokio::signal::ctrl_c() => {
            if !background {
                eprintln!("\nmesh-node: interrupted; what was received is kept, and `install` goes on with it");
            }
            return ExitCode::from(exit::INTERRUPTED);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(Failure::Output(error)) => failed(&error.to_string(), exit::IOERR),
        Err(Failure::NoNode(error)) => {
            failed(&format!("{error}: {}", error.root_cause()), exit::UNAVAILABLE)
        }
        Err(Failure::Refused(status)) => {
            let exit = match status.code() {
                Code::ResourceExhausted => exit::TEMPFAIL,
                Code::FailedPrecondition => exit::CONFIG,
                Code::InvalidArgument => exit::DATAERR,
                Code::DataLoss => exit::IOERR,
                _ => exit::UNAVAILABLE,
            };
            failed(status.message(), exit)
        }
    }
}

async fn carry_out(arguments: Arguments) -> Done {
    let Arguments { command, json, socket } = arguments;
    let mut node = image_api::connect(&socket).await.map_err(Failure::NoNode)?;
    match command {
        Command::Status => {
            let status = node.status(StatusRequest {}).await?.into_inner();
            print(json, &status, || table::render(&status))
        }
        Command::Fetch => {
            let available = node.fetch(FetchRequest {}).await?.into_inner();
            print(json, &available, || format!("available: {}\n", table::available(&available)))
        }
        Command::Install { now, background, unsigned_file, older, again } => {
            let unsigned_file = unsigned_file.as_deref().map(absolute).transpose()?;
            let request = InstallRequest { now, background, unsigned_file, older, again };
            let progress = node.install(request).await?.into_inner();
            watch(progress, json, background).await
        }
        Command::Verify { slot } => {
            let progress = node.verify(VerifyRequest { slot }).await?.into_inner();
            watch(progress, json, false).await
        }
        Command::Activate { again } => {
            outcome(node.activate(ActivateRequest { again }).await?.get_ref(), json)
        }
        Command::Cancel => outcome(node.cancel(CancelRequest {}).await?.get_ref(), json),
        Command::Confirm => outcome(node.confirm(ConfirmRequest {}).await?.get_ref(), json),
        Command::Rollback => outcome(node.rollback(RollbackRequest {}).await?.get_ref(), json),
    }
}

fn outcome(outcome: &Outcome, json: bool) -> Done {
    let reboots = if outcome.reboots { "; the router reboots" } else { "" };
    print(json, outcome, || format!("{}{reboots}\n", outcome.told))
}

/// Shows progress until the end; something in the background is only seen off.
async fn watch(mut progress: Streaming<Progress>, json: bool, background: bool) -> Done {
    let mut screen = Screen::new(json);
    while let Some(told) = progress.message().await? {
        screen.show(&told)?;
        if background && told.stage() == Stage::Receiving {
            break;
        }
    }
    screen.leave();
    Ok(())
}

/// Where progress is shown: one line that changes on a terminal, a line now and then elsewhere.
struct Screen {
    json: bool,
    is_terminal: bool,
    last: Option<(i32, u64)>,
}

impl Screen {
    fn new(json: bool) -> Self {
        Self { json, is_terminal: !json && io::stderr().is_terminal(), last: None }
    }

    fn show(&mut self, told: &Progress) -> Done {
        if self.json || told.stage() == Stage::Done {
            self.leave();
            return print(self.json, told, || format!("{}\n", told.detail));
        }
        if self.is_terminal {
            // Back to the beginning of the line, which is cleared behind the text.
            eprint!("\r{}\x1b[K", table::progress(told));
            self.last = Some((told.stage, 0));
            return Ok(());
        }
        let tenth = told.done_bytes.saturating_mul(TENTHS).checked_div(told.total_bytes);
        let here = Some((told.stage, tenth.unwrap_or_default()));
        if here != std::mem::replace(&mut self.last, here) {
            eprintln!("{}", table::progress(told));
        }
        Ok(())
    }

    /// Leaves the line that changes.
    fn leave(&mut self) {
        if self.is_terminal && self.last.take().is_some() {
            eprintln!();
        }
    }
}

/// The node has another working directory.
fn absolute(path: &Path) -> Result<String, Failure> {
    let path = std::path::absolute(path).map_err(Failure::Output)?;
    Ok(path.display().to_string())
}

fn print(json: bool, value: &impl Serialize, text: impl FnOnce() -> String) -> Done {
    let text = if json {
        serde_json::to_string(value).map_err(|error| Failure::Output(error.into()))? + "\n"
    } else {
        text()
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::Output)
}

fn failed(why: &str, status: u8) -> ExitCode {
    eprintln!("mesh-node: {why}");
    ExitCode::from(status)
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Refused(status)
    }
}
