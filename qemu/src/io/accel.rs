//! Finds out whether KVM can be trusted with a kernel, by booting it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context as _;
use image::Architecture;

use super::process::Process;
use super::sockets::SocketDirectory;
use super::waiting;
use crate::accel::{Accel, PROBE_COMMAND_LINE, verdict};
use crate::machine::{Boot, Clock, MachineSpec, Uplink};
use crate::patience::Seen;
use crate::topology::MacAddr;

/// Under KVM a kernel comes up in a second or two.
const PROBE: Duration = Duration::from_secs(15);

/// Chooses how to run a kernel: KVM where it has been seen to boot this kernel, TCG otherwise.
///
/// The verdict is remembered in `directory` for as long as the kernel's file stays the same.
pub fn choose(kernel: &Path, directory: &Path) -> anyhow::Result<Accel> {
    if !Path::new("/dev/kvm").exists() {
        return Ok(Accel::Tcg);
    }
    fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
    let verdicts = directory.join("accel.json");
    let key = identity(kernel)?;
    let mut known: BTreeMap<String, Accel> = fs::read(&verdicts)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default();
    if let Some(accel) = known.get(&key) {
        return Ok(*accel);
    }
    let accel = probe(kernel, directory)?;
    known.insert(key, accel);
    fs::write(&verdicts, serde_json::to_vec_pretty(&known)?)
        .with_context(|| format!("writing {}", verdicts.display()))?;
    Ok(accel)
}

/// Tells one kernel from another without reading it all.
fn identity(kernel: &Path) -> anyhow::Result<String> {
    let kernel =
        kernel.canonicalize().with_context(|| format!("no kernel {}", kernel.display()))?;
    let metadata = fs::metadata(&kernel)?;
    let changed = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    Ok(format!("{} {} {changed}", kernel.display(), metadata.len()))
}

fn probe(kernel: &Path, directory: &Path) -> anyhow::Result<Accel> {
    let sockets = SocketDirectory::create()?;
    let spec = probe_machine(kernel, sockets.path(), directory.join("accel-probe"));
    fs::create_dir_all(&spec.logs)?;
    let _ = fs::remove_file(spec.serial_log());
    let mut qemu = Process::start(spec.board().program, spec.arguments(), &spec.qemu_log())?;
    let booted = waiting::until("KVM to boot the kernel once", PROBE, || {
        // Whether it has ended is asked first, so that the log is read after its last line.
        let ended = qemu.ended().is_some();
        let serial = fs::read(spec.serial_log()).unwrap_or_default();
        let accel = verdict(&String::from_utf8_lossy(&serial));
        let decided = ended || accel == Accel::Kvm;
        Ok(if decided { Seen::Yes(accel) } else { Seen::NotYet("no marker".into()) })
    });
    // A probe that did not end in time has answered, too.
    Ok(booted.unwrap_or(Accel::Tcg))
}

fn probe_machine(kernel: &Path, sockets: &Path, logs: PathBuf) -> MachineSpec {
    MachineSpec {
        name: "probe".into(),
        architecture: Architecture::X86_64,
        memory_mib: 256,
        boot: Boot::Direct {
            kernel: kernel.into(),
            initramfs: None,
            command_line: PROBE_COMMAND_LINE.into(),
        },
        clock: Clock::Host,
        disk: None,
        uplink_mac: MacAddr::of_link(0, 0),
        uplink: Uplink::Nothing,
        links: Vec::new(),
        accel: Accel::Kvm,
        sockets: sockets.into(),
        logs,
    }
}
