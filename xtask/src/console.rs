//! `./x console`: a look inside a machine that `./x demo --keep` left running.

use std::fs;
use std::io::{self, IsTerminal as _, Read, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio, exit};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use qemu::io::console::Console;
use qemu::io::lab::Lab;

use crate::workspace;

/// Ctrl-], as telnet has it.
const LEAVE: u8 = 0x1d;

/// Ctrl-C.
const INTERRUPT: u8 = 0x03;

/// A command that takes longer is better typed into the shell.
const LIMIT: Duration = Duration::from_secs(60);

#[derive(Args)]
pub(crate) struct Arguments {
    /// The machine.
    node: String,
    /// A command for the shell there, its words joined by spaces; it has 60 s, and is shown when it ends.
    /// Without one it is a shell.
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
    let Arguments { node, lab, .. } = arguments;
    let Ok(socket) = fs::read_link(directory.join("console")) else {
        bail!("lab {lab} has no machine {node} to look into; ./x demo --keep leaves some running");
    };
    let Ok(mut stream) = UnixStream::connect(&socket) else {
        bail!("lab {lab} is not running any more: start it with ./x demo --keep");
    };
    // A command that somebody left there unfinished would keep the shell busy.
    stream.write_all(&[INTERRUPT])?;
    drop(stream);
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
        // The command's own status says more than ours.
        exit(output.status);
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
