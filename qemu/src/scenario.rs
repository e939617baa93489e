//! Scenarios: what the lab claims of the routers, each with the way to see it.

use crate::io::site::Site;
use crate::scenarios;

/// A claim that a lab can check.
pub struct Scenario {
    /// Its name on the command line, and of its directory.
    pub name: &'static str,
    /// What holds if it passes, as one sentence.
    pub claim: &'static str,
    /// Checks the claim.
    pub run: fn(&Site) -> anyhow::Result<()>,
}

/// Returns all scenarios, the quick ones first.
pub fn all() -> &'static [Scenario] {
    scenarios::ALL
}

/// Finds a scenario by its name.
pub fn find(name: &str) -> Option<&'static Scenario> {
    all().iter().find(|scenario| scenario.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_scenario_has_a_name_of_its_own_that_can_be_a_directory() {
        let names: BTreeSet<&str> = all().iter().map(|scenario| scenario.name).collect();

        assert_eq!(names.len(), all().len());
        for name in names {
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{name}");
            assert!(find(name).is_some());
        }
    }
}
