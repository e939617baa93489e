//! The agent is killed: it comes back, and nobody loses a session meanwhile.

use std::time::Duration;

use anyhow::ensure;

use crate::io::mesh::{Mesh, Recipe};
use crate::io::site::Site;
use crate::scenario::{Parts, Scenario, Way};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "agent-killed",
    claim: "a killed agent is started again, is told of, and costs no session",
    parts: Parts::Image,
    way: Way::Alone(run),
};

fn run(site: &Site) -> anyhow::Result<()> {
    let mesh = Mesh::form(site, "agent-killed", &Recipe::routers(["alpha", "bravo"]))?;
    let before = mesh.status("alpha")?;
    let closed = || -> anyhow::Result<usize> {
        let of = |router| Ok(mesh.log_lines(router, "session closed")?.len());
        of("alpha").and_then(|alpha: usize| of("bravo").map(|bravo| alpha + bravo))
    };
    let closed_before = closed()?;
    let watch = "mesh-node status --watch --json >/tmp/watched 2>&1 &";
    mesh.node("alpha")?.run(watch)?;

    mesh.node("alpha")?.kill9("spire-agent")?;

    let told =
        mesh.wait_for("alpha", "the loss to be told", Duration::from_secs(10), |status| {
            status.agent.last_exit.as_deref() == Some("signal 9")
        })?;
    ensure!(told.verified() == 1, "a session was lost: {}", told.summary());
    let after = mesh.wait_for("alpha", "a new agent", Duration::from_secs(60), |status| {
        status.state == "attested"
            && status.agent.starts > before.agent.starts
            && status.agent.pid != before.agent.pid
    })?;
    ensure!(after.verified() == 1, "a session was lost: {}", after.summary());
    ensure!(closed()? == closed_before, "a session was closed; see the logs");
    let states = mesh.node("alpha")?.run("grep -c degraded_offline /tmp/watched")?;
    ensure!(states.trim() != "0", "the state never said degraded_offline");
    let told = mesh.log_lines("alpha", "WARN spire-agent is not running, signal 9")?;
    ensure!(told.len() == 1, "told {} times: {told:?}", told.len());
    Ok(())
}
