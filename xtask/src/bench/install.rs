//! Measures the installation of an update, from inside the router.

use anyhow::{Context as _, Result, ensure};
use qemu::io::machine::Machine;
use qemu::io::pair::Pair;
use std::time::Duration;

use super::{Benchmark, Row};
use crate::lab;
use crate::progress::stage;

/// Bytes after which an installation flushes.
const FLUSHED: u64 = 4 << 20;

/// Writing an image by hand takes seconds.
const WRITTEN: Duration = Duration::from_secs(180);

/// The most that an installation may take beyond what the node has anyway, in KiB.
const MEMORY: f64 = 8192.0;

/// The device of a partition by its name.
const DEVICE: &str = "device() { p=$(grep -lx PARTNAME=$1 /sys/class/block/*/uevent); \
    basename ${p%/uevent}; }";

/// Boots two routers, updates one, and measures that.
pub(super) fn measure() -> Result<Vec<Row>> {
    let site = lab::site_with_release()?;
    let mut pair = Pair::form(&site, "bench-install")?;
    let bytes = pair.update.unpacked();
    let by_hand = stage("writing as much with dd", || by_hand(pair.alpha()?, bytes))?;

    let good = pair.update.clone();
    pair.publish(&good)?;
    let written = sectors_written(pair.alpha()?)?;
    let idle = memory(pair.alpha()?, "VmRSS")?;
    pair.alpha()?.run("echo 5 >/proc/$(pidof mesh-node)/clear_refs")?;
    let begun = uptime(pair.alpha()?)?;
    let output = stage("installing", || pair.image("install --now"))?;
    ensure!(output.status == 0, "the installation ended with {output:?}");
    let took = uptime(pair.alpha()?)? - begun;
    let peak = memory(pair.alpha()?, "VmHWM")?;
    let written = (sectors_written(pair.alpha()?)? - written) * 512.0;

    let bytes = number(bytes)?;
    let row = |benchmark, value, unit: &'static str, peer: &'static str, peer_value| Row {
        benchmark,
        value,
        unit: unit.into(),
        peer: peer.into(),
        peer_value,
    };
    let mebibytes = bytes / f64::from(1 << 20);
    Ok(vec![
        row(Benchmark::Install, mebibytes / took, "MiB/s", "dd, same flushes", mebibytes / by_hand),
        row(Benchmark::InstallWrites, written, "bytes", "the image", bytes),
        row(Benchmark::InstallMemory, peak - idle, "KiB RSS", "what is allowed", MEMORY),
    ])
}

/// Writes zeroes over the slot that does not run, and returns how many seconds that took.
fn by_hand(alpha: &Machine, bytes: u64) -> Result<f64> {
    let flushes = bytes / FLUSHED;
    let begun = uptime(alpha)?;
    let command = format!(
        "{DEVICE}; d=/dev/$(device root-b); i=0; while [ $i -lt {flushes} ]; do \
         dd if=/dev/zero of=$d bs=256k count=16 seek=$((i * 16)) conv=notrunc,fsync 2>/dev/null \
         || exit 1; i=$((i + 1)); done"
    );
    let output = alpha.run_within(&command, WRITTEN)?;
    ensure!(output.status == 0, "dd ended with {output:?}");
    Ok(uptime(alpha)? - begun)
}

/// Reads how many sectors were written to the slot that does not run.
fn sectors_written(alpha: &Machine) -> Result<f64> {
    let command = format!(
        "{DEVICE}; for p in root-b boot-b; do \
         awk '{{ print $7 }}' /sys/class/block/$(device $p)/stat; done"
    );
    let told = alpha.run(&command)?;
    let sectors = told.split_whitespace().map(str::parse::<f64>);
    Ok(sectors.collect::<Result<Vec<_>, _>>()?.into_iter().sum())
}

/// Reads a line of the node's memory, in KiB.
fn memory(alpha: &Machine, line: &str) -> Result<f64> {
    let status = alpha.run("cat /proc/$(pidof mesh-node)/status")?;
    let found = status.lines().find_map(|it| it.strip_prefix(line)?.strip_prefix(':'));
    let value = found.and_then(|it| it.trim().strip_suffix("kB"));
    Ok(value.with_context(|| format!("no {line} in {status}"))?.trim().parse()?)
}

fn uptime(alpha: &Machine) -> Result<f64> {
    let told = alpha.run("cat /proc/uptime")?;
    Ok(told.split_whitespace().next().context("no uptime")?.parse()?)
}

/// Exact up to 2^32, beyond any image of ours.
fn number(bytes: u64) -> Result<f64> {
    Ok(f64::from(u32::try_from(bytes).context("an image of more than 4 GiB")?))
}
