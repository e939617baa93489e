//! Releases that a router must not take, each refused by its name, while the mesh goes on.

use anyhow::ensure;
use semver::Version;

use crate::io::pair::Pair;
use crate::scenario::{Parts, Scenario, Way};

pub(super) const EXPIRED: Scenario = Scenario {
    name: "expired-metadata",
    claim: "a repository whose metadata has expired is refused by that name, until it is renewed",
    parts: Parts::Release,
    way: Way::OnPair(expired),
};

pub(super) const WRONG_KEYS: Scenario = Scenario {
    name: "wrong-keys",
    claim: "a repository that is signed by somebody else's keys is refused by that name",
    parts: Parts::Release,
    way: Way::OnPair(wrong_keys),
};

pub(super) const OLDER: Scenario = Scenario {
    name: "older-version",
    claim: "a release of an older version is not taken",
    parts: Parts::Release,
    way: Way::OnPair(older),
};

fn expired(pair: &mut Pair<'_>) -> anyhow::Result<()> {
    let good = pair.update.clone();
    pair.publish(&good)?;
    pair.depot.renew(0)?;
    pair.wait_for_clock()?;

    refused(pair, "expired")?;

    pair.depot.renew(30)?;
    let output = pair.image("fetch")?;
    ensure!(output.status == 0, "after the renewal: {output:?}");
    Ok(())
}

fn wrong_keys(pair: &mut Pair<'_>) -> anyhow::Result<()> {
    let stranger = pair.stranger()?;
    pair.server.serve(&stranger.repository());

    let outcome = refused(pair, "sign");

    pair.server.serve(&pair.depot.repository());
    outcome
}

fn older(pair: &mut Pair<'_>) -> anyhow::Result<()> {
    let good = pair.update.clone();
    pair.publish(&good)?;
    pair.depot.offer_instead(&good, &Version::new(0, 0, 1))?;

    let outcome = refused(pair, "older");

    // Whatever the next scenario publishes is newer than what runs.
    outcome
}

/// Nothing is fetched or installed, and the reason holds a word.
fn refused(pair: &Pair<'_>, word: &str) -> anyhow::Result<()> {
    let before = pair.status()?;
    for command in ["fetch", "install --now"] {
        let output = pair.image(command)?;
        ensure!(output.status != 0, "`image {command}` went through: {}", output.stdout);
        ensure!(output.stdout.contains(word), "`image {command}` said {:?}", output.stdout);
    }
    let after = pair.status()?;
    ensure!(before.slot(false)?.state == after.slot(false)?.state, "{}", after.summary());
    Ok(())
}
