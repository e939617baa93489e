//! What of the family was compared, and why the rest was not.

use std::collections::BTreeSet;

use batman::codec::{BatadvAttr, BatadvCmd};

/// What the kernels of the tests cannot show, and why.
const OUT_OF_REACH: [(&str, &str); 2] = [
    ("log_level", "Debian's kernels are built without CONFIG_BATMAN_ADV_DEBUG"),
    (
        "network_coding_enabled",
        "Debian's kernels are built without network coding, and none has it since 2025.4",
    ),
];

/// The commands and attributes that were compared.
#[derive(Default)]
pub(crate) struct Coverage {
    commands: BTreeSet<u8>,
    attributes: BTreeSet<String>,
}

impl Coverage {
    /// Notes a command, and attributes by their names in JSON.
    pub(crate) fn add(&mut self, command: BatadvCmd, attributes: &[&str]) {
        self.commands.insert(command.into());
        // Only this one has another name in JSON.
        let renamed = |it: &&str| if *it == "best" { "flag_best" } else { it }.to_owned();
        self.attributes.extend(attributes.iter().map(renamed));
    }

    /// Counts the commands that were compared, of how many.
    pub(crate) fn commands(&self) -> (usize, usize) {
        (self.commands.len(), BatadvCmd::KNOWN.len())
    }

    /// Counts the attributes that were compared, of how many.
    pub(crate) fn attributes(&self) -> (usize, usize) {
        let named = names().filter(|it| self.attributes.contains(it));
        (named.count(), BatadvAttr::NAMES.len())
    }

    /// Lists what is out of reach, with the reason.
    pub(crate) fn out_of_reach(&self) -> Vec<(String, &'static str)> {
        let reason = |name: &str| OUT_OF_REACH.iter().find(|(of, _)| *of == name).map(|it| it.1);
        let missing = names().filter(|it| !self.attributes.contains(it));
        missing.filter_map(|name| reason(&name).map(|why| (name, why))).collect()
    }

    /// Lists what is missing without a reason.
    pub(crate) fn missing(&self) -> Vec<String> {
        let excused = |name: &String| OUT_OF_REACH.iter().any(|(of, _)| of == name);
        let commands =
            BatadvCmd::KNOWN.iter().filter(|it| !self.commands.contains(&u8::from(**it)));
        let attributes = names().filter(|it| !self.attributes.contains(it) && !excused(it));
        commands.map(|command| format!("{command:?}")).chain(attributes).collect()
    }
}

fn names() -> impl Iterator<Item = String> {
    let names = BatadvAttr::NAMES.iter();
    names.map(|it| it.strip_prefix("BATADV_ATTR_").unwrap_or(it).to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_compared_is_missing_unless_it_is_out_of_reach() {
        let mut coverage = Coverage::default();
        coverage.add(BatadvCmd::GetOriginators, &["best", "tq"]);

        let missing = coverage.missing();

        assert_eq!((coverage.commands(), coverage.attributes()), ((1, 18), (2, 59)));
        assert!(missing.contains(&"GetMesh".to_owned()) && missing.contains(&"router".to_owned()));
        assert!(!missing.contains(&"flag_best".to_owned()));
        assert!(!missing.contains(&"log_level".to_owned()));
    }
}
