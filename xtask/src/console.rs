//! `./x console`: a look inside a machine that `./x demo --keep` left running.

use std::fs;
use std::io::{self, IsTerminal as _, Read, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use qemu::io::console::Console;
use qemu::io::lab::Lab;

use crate::workspace;

/// Ctrl-], as telnet has it.
const LEAVE: u8 = 0x1d;

/// A command that takes longer is better typed into the shell.
const LIMIT: Duration = Duration::from_secs(60);

#[derive(Args)]
pub(crate) struct Arguments {
    /// The machine.
    node: String,
    /// A command to run there; without one it is a shell.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
    /// The lab.
    #[arg(long, default_value = "demo")]
    lab: String,
}

/// Leaves a name for each machine's console where [`run`] finds it.
pub(crate) fn publish(lab: &Lab<'_>) -> Result<()> {
    for (name, machine) in lab.nodes() {
        let link = lab.directory().join(name).join("console");
        symlink(machine.spec().person_socket(), &link).context(link.display().to_string())?;
    }
    Ok(())
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let directory = workspace::target("lab").join(&arguments.lab).join(&arguments.node);
    let socket = fs::read_link(directory.join("console")).with_context(|| {
        format!("no console of {}: start one with ./x demo --keep", arguments.node)
    })?;
    if UnixStream::connect(&socket).is_err() {
        bail!("lab {} is not running any more: start it with ./x demo --keep", arguments.lab);
    }
    if arguments.command.is_empty() {
        shell(&socket)
    } else {
        command(arguments, &socket, &directory)
    }
}

fn command(arguments: &Arguments, socket: &Path, directory: &Path) -> Result<()> {
    let log: PathBuf = directory.join("person.log");
    let mut console = Console::connect(&arguments.node, socket, &log)?;
    console.wait_for_shell(LIMIT)?;
    let output = console.run(&arguments.command.join(" "), LIMIT)?;
    print!("{}", output.stdout);
    if output.status != 0 {
        bail!("it ended with {}", output.status);
    }
    Ok(())
}

fn shell(socket: &Path) -> Result<()> {
    let stream = UnixStream::connect(socket).context("the lab is not running any more")?;
    let raw = io::stdin().is_terminal();
    if raw {
        stty(&["raw", "-echo"])?;
        eprint!("Ctrl-] leaves\r\n");
    }
    let mut from_machine = stream.try_clone()?;
    thread::spawn(move || io::copy(&mut from_machine, &mut io::stdout()));
    let ended = type_into(stream);
    if raw {
        stty(&["sane"])?;
    }
    ended
}

fn type_into(mut stream: UnixStream) -> Result<()> {
    stream.write_all(b"\n")?;
    let mut typed = [0; 256];
    loop {
        let length = io::stdin().read(&mut typed)?;
        let typed = typed.get(..length).unwrap_or_default();
        if typed.is_empty() || typed.contains(&LEAVE) {
            return Ok(());
        }
        stream.write_all(typed)?;
    }
}

fn stty(arguments: &[&str]) -> Result<()> {
    let status = Command::new("stty").args(arguments).stdin(Stdio::inherit()).status()?;
    if !status.success() {
        bail!("stty failed ({status})");
    }
    Ok(())
}
