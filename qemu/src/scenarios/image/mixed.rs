//! One router of each architecture, each booted from its image as hardware is.

use std::time::Duration;

use anyhow::ensure;
use image::Architecture;

use crate::io::mesh::{Mesh, Recipe};
use crate::io::site::Site;
use crate::scenario::{Parts, Scenario, Way};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "mesh-mixed",
    claim: "an x86_64, an aarch64 and an armv7 router boot by firmware and verify one another",
    parts: Parts::AllImages,
    way: Way::Alone(run),
};

const ROUTERS: [(&str, Architecture); 3] = [
    ("alpha", Architecture::X86_64),
    ("bravo", Architecture::Aarch64),
    ("charlie", Architecture::Armv7),
];

/// Three processors in software on two cores, two of them with no shortcuts.
const FORMED: Duration = Duration::from_secs(480);

fn run(site: &Site) -> anyhow::Result<()> {
    let recipe = Recipe::routers(ROUTERS.map(|(name, _)| name));
    let mesh = Mesh::power_on_shaped(site, "mesh-mixed", &recipe, |node| {
        let found = ROUTERS.iter().find(|(name, _)| *name == node.name);
        match found {
            Some((_, architecture)) => node.on(*architecture).by_firmware(),
            None => node,
        }
    })?;
    mesh.wait_for_shells()?;
    mesh.wait_until_formed(&recipe, FORMED)?;

    for (name, architecture) in ROUTERS {
        let machine = mesh.node(name)?.run("uname -m")?;
        let expected = match architecture {
            Architecture::Armv7 => "armv7l",
            other => other.name(),
        };
        ensure!(machine.trim() == expected, "{name} is {machine:?}");
    }
    Ok(())
}
