//! SVIDs are rotated, and sessions with them: nobody is unverified for a moment.

use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::io::mesh::{Mesh, Recipe};
use crate::io::site::Site;
use crate::patience::Seen;
use crate::scenario::{Parts, Scenario, Way};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "rotation",
    claim: "when SVIDs end every minute, sessions are renewed before that and nobody is unverified",
    parts: Parts::Image,
    way: Way::Alone(run),
};

/// The agent rotates at half of it, and a session renews in its last third.
const SVID_TTL: Duration = Duration::from_secs(60);

fn run(site: &Site) -> anyhow::Result<()> {
    let recipe = Recipe { svid_ttl: SVID_TTL, ..Recipe::routers(["alpha", "bravo"]) };
    let mesh = Mesh::form(site, "rotation", &recipe)?;
    let alpha = mesh.node("alpha")?;
    let first = end(&mesh)?;
    alpha.run("mesh-node status --watch --json >/tmp/watched 2>&1 &")?;

    // RFC 3339 in UTC sorts as it counts.
    mesh.lab.wait_until("two more SVIDs of bravo", SVID_TTL * 4, || {
        let ends =
            alpha.run(r#"grep -o '"svid_not_after":"[^"]*","svid_s' /tmp/watched | sort -u"#)?;
        Ok(Seen::when(ends.lines().count() >= 3, || ends))
    })?;

    ensure!(end(&mesh)? > first, "the session still ends at {first}");
    let looks = alpha.run("grep -c verified /tmp/watched")?;
    let gaps = alpha.run("grep -cv '\"state\":\"verified\"' /tmp/watched || true")?;
    ensure!(
        gaps.trim() == "0",
        "{} of {} looks saw no verified neighbour",
        gaps.trim(),
        looks.trim()
    );
    Ok(())
}

/// Returns the end of bravo's SVID, as alpha knows it.
fn end(mesh: &Mesh<'_>) -> anyhow::Result<String> {
    let status = mesh.wait_until_verified("alpha", 1, Duration::from_secs(30))?;
    let row = status.neighbours.first().context("no neighbour")?;
    row.svid_not_after.clone().context("no end")
}
