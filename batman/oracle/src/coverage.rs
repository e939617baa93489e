//! What of the family was compared, and why the rest was not.

use std::collections::{BTreeMap, BTreeSet};

use batman::Knob;
use batman::codec::{BatadvAttr, BatadvCmd};

/// The commands that were compared, and the attributes of each.
#[derive(Default)]
pub(crate) struct Coverage {
    commands: BTreeMap<u8, BTreeSet<String>>,
    /// What this kernel was built without, by attribute.
    lacking: BTreeMap<String, &'static str>,
    /// Commands that this kernel refuses for that reason.
    refused: BTreeSet<u8>,
}

impl Coverage {
    /// Notes a command, and attributes by their names in JSON.
    pub(crate) fn add(&mut self, command: BatadvCmd, attributes: &[&str]) {
        // Only this one has another name in JSON.
        let renamed = |it: &&str| if *it == "best" { "flag_best" } else { it }.to_owned();
        let of_command = self.commands.entry(command.into()).or_default();
        of_command.extend(attributes.iter().map(renamed));
    }

    /// Notes that this kernel has no such table, and which option it was built without: its attributes are out of reach.
    pub(crate) fn refused(
        &mut self,
        command: BatadvCmd,
        attributes: &[&str],
        option: &'static str,
    ) {
        self.refused.insert(command.into());
        self.lacks(attributes, option);
    }

    /// Notes attributes that this kernel does not tell.
    pub(crate) fn lacks(&mut self, attributes: &[&str], option: &'static str) {
        self.lacking.extend(attributes.iter().map(|it| ((*it).to_owned(), option)));
    }

    /// Notes a knob that this kernel does not have.
    pub(crate) fn lacks_knob(&mut self, knob: Knob, attribute: &str) {
        if let Some(option) = knob.about().needs {
            self.lacks(&[attribute], option);
        }
    }

    /// Lists what was compared: the attributes of each command.
    pub(crate) fn compared(&self) -> BTreeMap<String, &BTreeSet<String>> {
        let commands = self.commands.iter();
        commands.map(|(number, it)| (format!("{:?}", BatadvCmd::from(*number)), it)).collect()
    }

    /// Lists the attributes that were not compared because of how the kernel was built.
    pub(crate) fn out_of_reach(&self) -> BTreeMap<String, &'static str> {
        let reason = |name: String| self.lacking.get(&name).map(|option| (name, *option));
        self.missing_attributes().filter_map(reason).collect()
    }

    /// Lists what is missing without a reason.
    pub(crate) fn missing(&self) -> Vec<String> {
        let was_seen =
            |number: &u8| self.commands.contains_key(number) || self.refused.contains(number);
        let commands = BatadvCmd::KNOWN.iter().filter(|it| !was_seen(&u8::from(**it)));
        let attributes = self.missing_attributes().filter(|it| !self.lacking.contains_key(it));
        commands.map(|command| format!("{command:?}")).chain(attributes).collect()
    }

    fn missing_attributes(&self) -> impl Iterator<Item = String> + '_ {
        names().filter(|it| !self.commands.values().any(|compared| compared.contains(it)))
    }
}

/// The attributes of the family, by their names in JSON.
fn names() -> impl Iterator<Item = String> {
    let names = BatadvAttr::NAMES.iter();
    names.map(|it| it.strip_prefix("BATADV_ATTR_").unwrap_or(it).to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_compared_is_missing_unless_the_kernel_lacks_it() {
        let mut coverage = Coverage::default();
        coverage.add(BatadvCmd::GetOriginators, &["best", "tq"]);
        coverage.refused(BatadvCmd::GetBlaClaim, &["bla_own", "tq"], "CONFIG_BATMAN_ADV_BLA");

        let missing = coverage.missing();

        let names = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect();
        let compared: BTreeSet<String> = names(&["flag_best", "tq"]);
        assert_eq!(coverage.compared(), BTreeMap::from([("GetOriginators".to_owned(), &compared)]));
        assert!(missing.contains(&"GetMesh".to_owned()) && missing.contains(&"router".to_owned()));
        assert!(!missing.contains(&"GetBlaClaim".to_owned()));
        let reasons = coverage.out_of_reach();
        assert_eq!(reasons, BTreeMap::from([("bla_own".to_owned(), "CONFIG_BATMAN_ADV_BLA")]));
    }
}
