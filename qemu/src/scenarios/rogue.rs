//! Nobody verifies a machine that cannot prove itself, and everybody says why.

use std::time::Duration;

use anyhow::ensure;

use crate::io::demo;
use crate::io::mesh::{Member, Mesh, Recipe};
use crate::io::site::Site;
use crate::scenario::{Parts, Scenario, Way};

pub(super) const FOREIGN: Scenario = Scenario {
    name: "rogue-foreign",
    claim: "three routers verify one another and refuse an identity of a foreign trust domain",
    parts: Parts::Image,
    way: Way::Alone(|site| demo::show(&demo::power_on(site, "rogue-foreign")?).map(drop)),
};

pub(super) const STRANGER: Scenario = Scenario {
    name: "rogue-stranger",
    claim: "a machine without an identity reaches the kernel's tables and is verified by nobody",
    parts: Parts::Image,
    way: Way::Alone(stranger),
};

const ROUTERS: [&str; 2] = ["alpha", "bravo"];

fn stranger(site: &Site) -> anyhow::Result<()> {
    let recipe = Recipe::routers(ROUTERS).with(Member::Stranger("rogue"));
    let mesh = Mesh::form(site, "rogue-stranger", &recipe)?;
    let mac = mesh.mac("rogue")?;
    let why = "it has no identity to show";

    for router in ROUTERS {
        let what = format!("{router} to hear the rogue");
        mesh.wait_for(router, &what, Duration::from_secs(60), |status| {
            status.neighbour(&mac).is_some_and(|rogue| rogue.reason == why)
        })?;
    }

    let reasons = mesh.shunned(&ROUTERS, "rogue")?;
    ensure!(reasons.values().all(|reason| reason.starts_with("unverified")), "{reasons:?}");
    let own = mesh.status("rogue")?;
    ensure!(own.state == "bootstrapping" && own.spiffe_id.is_none(), "{}", own.summary());
    Ok(())
}
