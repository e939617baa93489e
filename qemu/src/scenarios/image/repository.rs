//! What an installation does when what it leans on gives way.

use anyhow::ensure;

use crate::io::pair::Pair;
use crate::scenario::{Parts, Scenario, Way};

pub(super) const DEAD_HALF_WAY: Scenario = Scenario {
    name: "repository-dead-half-way",
    claim: "an installation goes on where it was when the repository died, and fetches nothing twice",
    parts: Parts::Release,
    way: Way::OnPair(dead_half_way),
};

pub(super) const DISK_FULL: Scenario = Scenario {
    name: "disk-full",
    claim: "with a full data partition an update is installed and kept all the same",
    parts: Parts::Release,
    way: Way::OnPair(disk_full),
};

/// More than an update's length, of what is fetched: metadata, and what was on its way when the server died.
const ALLOWANCE: u64 = 3 << 20;

fn dead_half_way(pair: &mut Pair<'_>) -> anyhow::Result<()> {
    let good = pair.update.clone();
    let length = pair.publish(&good)?;
    let before = pair.server.sent();
    pair.server.die_after(u32::try_from(length / 2)?);

    pair.start_installing()?;
    pair.wait_for("the repository to die", |_| Ok(pair.server.is_dead()))?;
    let halted = pair.status()?;
    ensure!(halted.slot(false)?.state == "receiving", "{}", halted.summary());
    pair.server.revive();
    pair.wait_until_ready()?;

    let sent = pair.server.sent() - before;
    ensure!(sent < length + ALLOWANCE, "{sent} bytes were sent for an update of {length}");
    pair.keep_it()
}

fn disk_full(pair: &mut Pair<'_>) -> anyhow::Result<()> {
    let fill = "dd if=/dev/zero of=/data/filling bs=1M 2>/dev/null; \
        dd if=/dev/zero of=/data/rest bs=1 2>/dev/null; sync; df /data";
    pair.alpha()?.run(fill)?;

    let good = pair.update.clone();
    let outcome = pair.install(&good).and_then(|_| pair.keep_it());

    pair.alpha()?.run("rm -f /data/filling /data/rest && sync")?;
    outcome
}
