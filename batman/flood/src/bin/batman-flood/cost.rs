//! What a program takes of the machine.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

/// Has this program run another one and tell its peak memory: a process inherits the peak of the one that starts it, and this
/// one is small then.
pub(crate) const WEIGH: &str = "weigh";

/// Returns the processor's time that a program takes from its start to its end, in microseconds. What it prints is thrown away.
pub(crate) fn cpu(command: &[&str]) -> anyhow::Result<f64> {
    let before = spent()?;
    let mut program = program(command)?;
    let status = program.stdout(Stdio::null()).status().with_context(|| command.join(" "))?;
    ensure!(status.success(), "{}: {status}", command.join(" "));
    Ok(spent()? - before)
}

/// Returns a program's memory at its peak, in KiB. What it prints is thrown away.
pub(crate) fn memory(command: &[&str]) -> anyhow::Result<f64> {
    let weigh = [&["/proc/self/exe", WEIGH], command].concat();
    let output = program(&weigh)?.output().with_context(|| command.join(" "))?;
    ensure!(output.status.success(), "{}: {}", command.join(" "), output.status);
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
}

/// Runs a program and prints its peak memory, in KiB.
pub(crate) fn weigh(command: &[String]) -> anyhow::Result<()> {
    let command: Vec<_> = command.iter().map(String::as_str).collect();
    let status = program(&command)?.stdout(Stdio::null()).status()?;
    ensure!(status.success(), "{}: {status}", command.join(" "));
    println!("{}", children()?.max_rss());
    Ok(())
}

/// Returns what a program prints.
pub(crate) fn printed(command: &[&str]) -> anyhow::Result<Vec<u8>> {
    let output = program(command)?.output().with_context(|| command.join(" "))?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {} ({})", command.join(" "), told.trim(), output.status);
    Ok(output.stdout)
}

/// Returns the processor's time that a running process has taken so far, in milliseconds.
pub(crate) fn of_process(process: u32) -> anyhow::Result<f64> {
    let mut nanoseconds = 0.0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let file = thread?.path().join("schedstat");
        let told = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let first = told.split_whitespace().next().context("an empty schedstat")?;
        nanoseconds += first.parse::<f64>()?;
    }
    Ok(nanoseconds / 1e6)
}

/// Returns the resident set of a running process, in KiB.
pub(crate) fn resident(process: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"));
    Ok(line.context("a process without memory")?.trim().parse()?)
}

fn program(command: &[&str]) -> anyhow::Result<Command> {
    let (program, words) = command.split_first().context("there is no program")?;
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null());
    Ok(command)
}

/// The processor's time of all programs that have ended, which the kernel keeps to the microsecond.
fn spent() -> anyhow::Result<f64> {
    let usage = children()?;
    let time = usage.user_time() + usage.system_time();
    // Exact below 2^53: three hundred years.
    Ok(time.num_seconds() as f64 * 1e6
        + f64::from(u32::try_from(time.num_microseconds().rem_euclid(1_000_000))?))
}

fn children() -> anyhow::Result<Usage> {
    Ok(getrusage(UsageWho::RUSAGE_CHILDREN)?)
}
