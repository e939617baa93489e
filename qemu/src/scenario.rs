//! Scenarios: what the lab claims of the routers, each with the way to see it.

use image::Architecture;
use image::io::rig::Rig;

use crate::io::pair::Pair;
use crate::io::site::Site;
use crate::scenarios;

/// A claim that a lab can check.
pub struct Scenario {
    /// Its name on the command line, and of its directory.
    pub name: &'static str,
    /// What holds if it passes, as one sentence.
    pub claim: &'static str,
    /// What it needs.
    pub parts: Parts,
    /// Checks the claim.
    pub way: Way,
}

/// How a claim is checked.
pub enum Way {
    /// From the beginning, on machines of its own.
    Alone(fn(&Site) -> anyhow::Result<()>),
    /// On two routers that verify one another, as the scenario before has left them.
    OnPair(Play),
    /// As on a pair, where the router that is updated is of another architecture.
    OnPairOf(Architecture, Play),
    /// On a kernel that no image has.
    OnRig {
        /// What the machine is made of.
        recipe: Recipe,
        /// Checks the claim; it is told the scenario's name.
        run: fn(&Site, &Rig, &str) -> anyhow::Result<()>,
    },
}

/// What a rig is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recipe {
    /// The kernel's series, such as `6.1`.
    pub series: &'static str,
    /// The program of this workspace that it runs, which is its package's name too.
    pub program: &'static str,
    /// Whose batman-adv the kernel has.
    pub batman_adv: BatmanAdv,
}

impl Recipe {
    /// A program on a kernel as Debian compiled it.
    pub const fn on(series: &'static str, program: &'static str) -> Self {
        Self { series, program, batman_adv: BatmanAdv::Debian }
    }
}

/// A kernel's batman-adv.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BatmanAdv {
    /// Debian's, which has all but debug messages.
    Debian,
    /// One without B.A.T.M.A.N. V, bridge loop avoidance, the distributed ARP table, multicast optimisation and network coding, but
    /// with debug messages.
    Lean,
}

/// Checks a claim on two routers.
pub type Play = for<'site> fn(&mut Pair<'site>) -> anyhow::Result<()>;

/// What one scenario leaves to the next.
pub struct Stage<'site> {
    name: String,
    pair: Option<Pair<'site>>,
}

impl<'site> Stage<'site> {
    /// Makes an empty one; its machines live in a directory of its name.
    pub fn named(name: String) -> Self {
        Self { name, pair: None }
    }

    /// Plays on the pair that is there, or on a new one.
    fn play(
        &mut self,
        site: &'site Site,
        architecture: Architecture,
        run: Play,
    ) -> anyhow::Result<()> {
        let fits = |pair: &Pair<'_>| pair.architecture().is_ok_and(|it| it == architecture);
        let pair = self.pair.take().filter(fits);
        let form = || Pair::form_on(site, &self.name, architecture);
        let mut pair = pair.map_or_else(form, Ok)?;
        run(&mut pair)?;
        // One that does not work any more is not left to the next.
        pair.is_whole()?;
        self.pair = Some(pair);
        Ok(())
    }
}

impl Scenario {
    /// Checks the claim.
    ///
    /// # Errors
    /// What did not hold.
    pub fn run<'site>(&self, site: &'site Site, stage: &mut Stage<'site>) -> anyhow::Result<()> {
        match self.way {
            Way::Alone(run) => {
                stage.pair = None;
                run(site)
            }
            Way::OnRig { recipe, run } => {
                stage.pair = None;
                run(site, site.rig(recipe)?, self.name)
            }
            Way::OnPair(run) => stage.play(site, Architecture::X86_64, run),
            Way::OnPairOf(architecture, run) => stage.play(site, architecture, run),
        }
    }
}

/// What has to be built for a scenario; each needs all before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Parts {
    /// The image and the server of identities.
    #[default]
    Image,
    /// What makes releases.
    Release,
    /// The images of the other architectures.
    AllImages,
}

/// Scenarios that belong together.
pub struct Group {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// They promise things within seconds, so nothing is played beside them.
    pub is_timed: bool,
    /// Its scenarios, the quick ones first.
    pub scenarios: &'static [Scenario],
    /// Tells what those of them that passed have covered together.
    pub summary: Option<Summary>,
}

/// Tells what the scenarios of these names covered, as they have left it.
pub type Summary = fn(&Site, &[&str]) -> anyhow::Result<String>;

/// Returns all groups.
pub fn groups() -> &'static [Group] {
    scenarios::GROUPS
}

/// Returns all scenarios.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    groups().iter().flat_map(|group| group.scenarios)
}

/// Finds the scenario of a name, or all of a group's; empty if there is neither.
pub fn find(name: &str) -> Vec<&'static Scenario> {
    let group = groups().iter().filter(|group| group.name == name);
    let of_group: Vec<_> = group.flat_map(|group| group.scenarios).collect();
    if of_group.is_empty() { all().filter(|it| it.name == name).collect() } else { of_group }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_scenario_has_a_name_of_its_own_that_can_be_a_directory() {
        let scenarios = all().map(|scenario| scenario.name);
        let names: Vec<&str> = scenarios.chain(groups().iter().map(|group| group.name)).collect();
        let different: BTreeSet<&str> = names.iter().copied().collect();

        assert_eq!(names.len(), different.len());
        for name in names {
            let fits =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            assert!(name.bytes().all(fits), "{name}");
            assert!(!find(name).is_empty());
        }
    }
}
