//! Boots a kernel that no image has, with one test in its initramfs, and reads what it printed.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use image::Architecture;
use image::io::rig::Rig;

use super::process::Process;
use super::site::Site;
use super::sockets::SocketDirectory;
use super::waiting;
use crate::machine::{Boot, Clock, MachineSpec, SERIAL_LOG, Uplink};
use crate::patience::Seen;
use crate::topology::MacAddr;

/// Quiet but for our own words; a kernel that panics ends its machine.
const COMMAND_LINE: &str = "console=ttyS0 quiet panic=-1";

/// Runs a rig until its machine powers off, and returns all that it printed.
///
/// # Errors
/// If it does not power off within the limit.
pub fn run(site: &Site, rig: &Rig, name: &str, limit: Duration) -> anyhow::Result<String> {
    run_with(site, rig, name, &[], limit)
}

/// Runs a rig as [`run`] does, and gives words to its program.
///
/// # Errors
/// As [`run`].
pub fn run_with(
    site: &Site,
    rig: &Rig,
    name: &str,
    words: &[&str],
    limit: Duration,
) -> anyhow::Result<String> {
    let sockets = SocketDirectory::create()?;
    let spec = spec(site, rig, sockets.path(), &site.directory.join(name), words);
    fs::create_dir_all(&spec.logs)?;
    let _ = fs::remove_file(spec.serial_log());
    let mut qemu = Process::start(spec.board().program, spec.arguments(), &spec.qemu_log())?;
    let limit = site.slowness.stretch(limit);
    waiting::until(&format!("kernel {} to be done", rig.release), limit, || {
        Ok(Seen::when(qemu.ended().is_some(), || last_line(&spec.serial_log())))
    })?;
    read(&spec.serial_log())
}

/// Returns all that the rig of a scenario printed when it last ran.
///
/// # Errors
/// If it never ran.
pub fn printed(site: &Site, name: &str) -> anyhow::Result<String> {
    read(&site.directory.join(name).join(SERIAL_LOG))
}

fn read(log: &Path) -> anyhow::Result<String> {
    let bytes = fs::read(log).with_context(|| log.display().to_string())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn spec(site: &Site, rig: &Rig, sockets: &Path, logs: &Path, words: &[&str]) -> MachineSpec {
    MachineSpec {
        name: "rig".into(),
        architecture: Architecture::X86_64,
        memory_mib: 1024,
        boot: Boot::Direct {
            kernel: rig.kernel.clone(),
            initramfs: Some(rig.initramfs.clone()),
            command_line: format!("{COMMAND_LINE} -- {}", words.join(" ")),
        },
        clock: Clock::Host,
        disk: None,
        uplink_mac: MacAddr::of_link(0, 0),
        uplink: Uplink::Nothing,
        links: Vec::new(),
        accel: site.accel,
        sockets: sockets.into(),
        logs: logs.into(),
    }
}

fn last_line(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().next_back().unwrap_or("nothing").to_owned()
}
