//! The agent is killed: it comes back, and nobody loses a session meanwhile.

use std::time::Duration;

use anyhow::ensure;

use crate::io::mesh::{Mesh, Recipe};
use crate::io::site::Site;
use crate::scenario::Scenario;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "agent-killed",
    claim: "a killed agent is started again, is told of, and costs no session",
    run,
};

fn run(site: &Site) -> anyhow::Result<()> {
    let mesh = Mesh::form(site, "agent-killed", &Recipe::routers(["alpha", "bravo"]))?;
    let before = mesh.status("alpha")?;

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
    for router in ["alpha", "bravo"] {
        let closed = mesh.log_lines(router, "session closed")?;
        ensure!(closed.is_empty(), "{router} closed a session: {closed:?}");
    }
    let told = mesh.log_lines("alpha", "WARN spire-agent is not running, signal 9")?;
    ensure!(told.len() == 1, "told {} times: {told:?}", told.len());
    Ok(())
}
