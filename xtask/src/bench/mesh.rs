//! Measures in a mesh of two routers, from inside one of them.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use qemu::io::machine::Machine;
use qemu::io::mesh::{Mesh, Recipe};
use qemu::patience::Seen;
use serde_json::Value;

use super::{Benchmark, Row};
use crate::image::Kernel;
use crate::lab;
use crate::progress::stage;

/// The router that is asked all the time.
const NAME: &str = "alpha";

/// The router that nobody asks anything before it has a verified neighbour: an answer costs it as much as a session.
const LEFT_ALONE: &str = "bravo";

/// From power-on to a verified neighbour, with much to spare.
const FORMED: Duration = Duration::from_secs(180);

/// What the way from the kernel to the first neighbour may take, in seconds of the processor.
const ALLOWED: f64 = 2.0;

/// Start-up's garbage is gone by then.
const IDLE: Duration = Duration::from_secs(60);

/// Boots one mesh and measures what is wanted in it.
pub(super) fn measure(wanted: &[Benchmark], kernel: Kernel) -> Result<Vec<Row>> {
    let site = lab::site(kernel)?;
    let recipe = Recipe::routers([NAME, LEFT_ALONE]);
    let mesh = Mesh::power_on(&site, "bench", &recipe)?;
    let mut rows = vec![first_neighbour(&mesh)?];
    rows.extend(boot(&mesh)?);
    if wanted.contains(&Benchmark::Memory) {
        stage("idling for a minute", || {
            thread::sleep(IDLE);
            Ok(())
        })?;
        rows.push(memory(mesh.node(NAME)?)?);
    }
    rows.retain(|row| wanted.contains(&row.benchmark));
    Ok(rows)
}

/// Follows the neighbour table from the node's first answer on. The node looks at it once a second.
fn first_neighbour(mesh: &Mesh<'_>) -> Result<Row> {
    mesh.node(NAME)?.wait_for_shell()?;
    let mut heard = None;
    let (verified, heard) = mesh.lab.wait_until("the first verified neighbour", FORMED, || {
        let printed = mesh.node(NAME)?.run("mesh-node status --json")?;
        let look = Look::parse(&printed)?;
        if look.neighbours > 0 {
            heard = heard.or(Some(look.uptime));
        }
        match (look.verified, heard) {
            (1.., Some(heard)) => Ok(Seen::Yes((look.uptime, heard))),
            _ => Ok(Seen::NotYet(format!("{look:?}"))),
        }
    })?;
    Ok(Row {
        benchmark: Benchmark::FirstNeighbour,
        value: verified,
        unit: "s uptime".into(),
        peer: "batman-adv's first".into(),
        peer_value: heard,
    })
}

/// Takes the processor's time right after the first session, with and without what the agent took of it, beside what the
/// kernel alone took.
fn boot(mesh: &Mesh<'_>) -> Result<[Row; 2]> {
    let machine = mesh.node(LEFT_ALONE)?;
    let log = || -> Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(machine.spec().serial_log())?).into_owned())
    };
    mesh.lab.wait_until("its first session", FORMED, || {
        Ok(Seen::when(log()?.contains("session opened"), || "none yet".to_owned()))
    })?;
    let busy =
        busy(&machine.run("cat /proc/stat")?).context("a /proc/stat without its first line")?;
    let agent = machine.run("cat /proc/$(pidof spire-agent)/stat")?;
    let agent = taken(&agent).context("a /proc/PID/stat without its times")?;
    let kernel = kernel_alone(&log()?).context("the kernel did not tell when it started init")?;
    let row = |benchmark, value| Row {
        benchmark,
        value,
        unit: "s CPU".into(),
        peer: "kernel and 2 s".into(),
        peer_value: kernel + ALLOWED,
    };
    Ok([row(Benchmark::Boot, busy), row(Benchmark::BootButAgent, busy - agent)])
}

/// Reads the seconds that the processor has worked out of `/proc/stat`, whose unit is 10 ms.
fn busy(stat: &str) -> Option<f64> {
    let mut fields = stat.lines().next()?.strip_prefix("cpu")?.split_whitespace();
    let mut field = || fields.next()?.parse::<f64>().ok();
    let (user, nice, system) = (field()?, field()?, field()?);
    let (_idle, _waiting) = (field()?, field()?);
    Some((user + nice + system + field()? + field()?) / 100.0)
}

/// Reads the seconds that a process has had of the processor out of its `/proc/PID/stat`, whose unit is 10 ms.
fn taken(stat: &str) -> Option<f64> {
    // The name, in parentheses, may hold anything; the times are fields 14 and 15 of the whole.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut field = || fields.next()?.parse::<f64>().ok();
    Some((field()? + field()?) / 100.0)
}

/// Reads when the kernel was done with itself out of its log.
fn kernel_alone(serial: &str) -> Option<f64> {
    // An initramfs has it at /init, a root file system at /sbin/init.
    let line = serial.lines().find(|line| line.contains("init as init process"))?;
    line.split_once('[')?.1.split_once(']')?.0.trim().parse().ok()
}

fn memory(machine: &Machine) -> Result<Row> {
    let resident = |process: &str| {
        let status = machine.run(&format!("cat /proc/$(pidof {process})/status"))?;
        resident(&status).with_context(|| format!("the memory of {process}"))
    };
    Ok(Row {
        benchmark: Benchmark::Memory,
        value: resident("mesh-node")?,
        unit: "KiB RSS".into(),
        peer: "spire-agent".into(),
        peer_value: resident("spire-agent")?,
    })
}

/// Reads the resident set out of `/proc/PID/status`, in KiB.
fn resident(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.strip_suffix("kB")?.trim().parse().ok()
}

/// What of a status is measured.
#[derive(Debug, PartialEq)]
struct Look {
    uptime: f64,
    neighbours: usize,
    verified: usize,
}

impl Look {
    fn parse(status: &str) -> Result<Self> {
        let status: Value = serde_json::from_str(status)?;
        let neighbours = status.get("neighbours").and_then(Value::as_array);
        let neighbours = neighbours.context("a status without neighbours")?;
        let is_verified = |it: &&Value| it.get("state").and_then(Value::as_str) == Some("verified");
        let uptime = status.get("uptime_seconds").and_then(Value::as_f64);
        Ok(Self {
            uptime: uptime.context("a status without uptime")?,
            neighbours: neighbours.len(),
            verified: neighbours.iter().filter(is_verified).count(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_counts_neighbours_and_the_verified_among_them() {
        let status = r#"{"uptime_seconds": 12.5, "neighbours": [
            {"state": "verified"}, {"state": "unverified", "reason": "no session"}]}"#;

        let look = Look::parse(status).unwrap();

        assert_eq!(look, Look { uptime: 12.5, neighbours: 2, verified: 1 });
    }

    #[test]
    fn kernel_and_processor_tell_how_long_they_worked() {
        let serial = "[    0.5] Freeing unused kernel\r\n[    4.25] Run /init as init process\r\n";
        let stat = "cpu  300 5 200 9000 70 10 15 0 0 0\ncpu0 300 0 200 9000 70 10 20 0 0 0\n";

        assert_eq!(kernel_alone(serial), Some(4.25));
        assert_eq!(kernel_alone(&serial.replace("/init", "/sbin/init")), Some(4.25));
        assert_eq!(busy(stat), Some(5.3));
        assert_eq!(taken("97 (a ) b) S 1 97 97 0 -1 0 4230 0 171 0 178 192 0 0"), Some(3.7));
    }

    #[test]
    fn resident_memory_is_read_from_its_line() {
        let status = "Name:\tmesh-node\nVmHWM:\t    9000 kB\nVmRSS:\t    4321 kB\n";

        assert_eq!(resident(status), Some(4321.0));
        assert_eq!(resident("Name:\tmesh-node\n"), None);
    }
}
