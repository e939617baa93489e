//! Somebody takes the mesh apart: it is whole again in a moment, and one line tells of it.

use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::io::mesh::{Mesh, Recipe};
use crate::io::progress::tell;
use crate::io::site::Site;
use crate::patience::Seen;
use crate::scenario::{Parts, Scenario, Way};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "mesh-repaired",
    claim: "a deleted bat0 and a detached hard interface are repaired within 2 s, logged once",
    parts: Parts::Image,
    way: Way::Alone(run),
};

/// What is promised, in seconds of the machine's own clock.
const PROMISED: f64 = 2.0;

fn run(site: &Site) -> anyhow::Result<()> {
    let mesh = Mesh::form(site, "mesh-repaired", &Recipe::routers(["alpha", "bravo"]))?;

    for damage in ["ip link delete bat0", "ip link set eth1 nomaster"] {
        let told = mesh.log_lines("alpha", "mesh changed")?.len();

        let seconds = repaired_after(&mesh, damage)?;

        tell(format_args!("`{damage}` was repaired after {seconds:.2} s"));
        ensure!(seconds <= PROMISED, "`{damage}` was repaired after {seconds:.2} s");
        mesh.lab.wait_until("the repair to be told", Duration::from_secs(10), || {
            let lines = mesh.log_lines("alpha", "mesh changed")?;
            Ok(Seen::when(lines.len() > told, || format!("{lines:?}")))
        })?;
    }
    mesh.wait_until_verified("alpha", 1, Duration::from_secs(30))?;
    let lines = mesh.log_lines("alpha", "mesh changed")?;
    ensure!(lines.len() == 3, "one line for the start and one for each repair: {lines:?}");
    Ok(())
}

/// Does the damage and returns how long the machine was without a whole mesh.
fn repaired_after(mesh: &Mesh<'_>, damage: &str) -> anyhow::Result<f64> {
    let now = "read t rest </proc/uptime && echo $t";
    let whole = "[ -e /sys/class/net/bat0/lower_eth1 ] && ip link show bat0 | grep -q 'UP'";
    let printed = mesh
        .node("alpha")?
        .run(&format!("{damage} && {now}; until {whole}; do usleep 50000; done; {now}"))?;
    let mut times = printed.lines().map(|line| line.trim().parse::<f64>());
    let mut time = || times.next().context("the machine printed no time")?.context("no time");
    let (begun, ended) = (time()?, time()?);
    Ok(ended - begun)
}
