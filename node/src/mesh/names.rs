//! Names for hardware addresses, out of batctl's `/etc/bat-hosts` and of what neighbours have proven.

use std::collections::HashMap;
use std::fmt;

use batman::MacAddr;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::proto::node::{Neighbour, NeighbourState};

/// An address is so wide, in a terminal's columns.
const WIDEST: usize = 17;

/// What addresses are called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(HashMap<MacAddr, String>);

/// A line of a host file that is no address and a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Which one, from 1.
    pub line: usize,
    /// Its text.
    pub text: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: expected an address and a name, found {:?}", self.line, self.text)
    }
}

impl Names {
    /// Reads a host file: an address and a name on each line, `#` begins a comment. The first name of an address holds.
    /// What cannot be read is skipped and told.
    pub fn read(text: &str) -> (Self, Vec<BadLine>) {
        let (mut names, mut bad) = (Self::default(), Vec::new());
        for (number, line) in text.lines().enumerate() {
            let said = line.split('#').next().unwrap_or_default();
            let mut words = said.split_whitespace();
            match (words.next(), words.next(), words.next()) {
                (None, ..) => {}
                (Some(address), Some(name), None)
                    if let Ok(address) = address.parse()
                        && !name.contains(char::is_control) =>
                {
                    names.learn(address, name);
                }
                _ => bad.push(BadLine { line: number + 1, text: line.trim().to_owned() }),
            }
        }
        (names, bad)
    }

    /// Gives an address a name, unless it has one.
    pub fn learn(&mut self, address: MacAddr, name: &str) {
        self.0.entry(address).or_insert_with(|| name.to_owned());
    }

    /// Gives the neighbours that have proven who they are the last word of their SPIFFE IDs.
    pub fn learn_neighbours(&mut self, neighbours: &[Neighbour]) {
        let verified = NeighbourState::Verified;
        for neighbour in neighbours.iter().filter(|it| it.state() == verified) {
            let word = neighbour.spiffe_id.as_deref().and_then(|id| id.rsplit('/').next());
            if let (Ok(address), Some(name)) = (neighbour.mac.parse(), word) {
                self.learn(address, name);
            }
        }
    }

    /// Returns an address's name.
    pub fn of(&self, address: MacAddr) -> Option<&str> {
        self.0.get(&address).map(String::as_str)
    }

    /// Returns an address's name, or the address.
    pub fn show(&self, address: MacAddr) -> String {
        self.of(address).map_or_else(|| address.to_string(), str::to_owned)
    }

    /// Returns the same for a table: a name is cut where it is wider than an address.
    pub fn cell(&self, address: MacAddr) -> String {
        let shown = self.show(address);
        if shown.width() <= WIDEST {
            return shown;
        }
        let mut used = 0;
        let kept = shown.chars().take_while(|letter| {
            used += letter.width().unwrap_or(0);
            used < WIDEST
        });
        kept.chain(['…']).collect()
    }

    /// Finds the address of a name, or reads an address. A name that two addresses share is none.
    pub fn address(&self, word: &str) -> Option<MacAddr> {
        if let Ok(address) = word.parse() {
            return Some(address);
        }
        let mut called = self.0.iter().filter(|(_, name)| *name == word);
        match (called.next(), called.next()) {
            (Some((address, _)), None) => Some(*address),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEAR: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);
    const FAR: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);

    #[test]
    fn host_file_names_addresses_and_bad_lines_are_told() {
        let text = "# mesh\n02:00:00:00:00:02 roof # the tall one\n\nroof 02:00:00:00:00:02\n\
                    02:00:00:00:00:09\tbarn\n02:00:00:00:00:02 again\n";

        let (names, bad) = Names::read(text);

        assert_eq!((names.of(NEAR), names.of(FAR)), (Some("roof"), Some("barn")));
        assert_eq!(bad, [BadLine { line: 4, text: "roof 02:00:00:00:00:02".to_owned() }]);
        assert_eq!(
            bad[0].to_string(),
            "line 4: expected an address and a name, found \"roof 02:00:00:00:00:02\""
        );
    }

    #[test]
    fn name_that_would_move_a_terminals_cursor_is_a_bad_line() {
        let (names, bad) = Names::read("02:00:00:00:00:02 roof\u{1b}[2J\n");

        assert_eq!((names.of(NEAR), bad.len()), (None, 1));
        assert!(bad[0].to_string().is_ascii());
    }

    #[test]
    fn neighbour_that_has_proven_itself_has_a_name_but_where_the_host_file_gives_another() {
        let neighbour = |mac: MacAddr, state: NeighbourState| Neighbour {
            mac: mac.to_string(),
            state: state.into(),
            spiffe_id: Some("spiffe://x0tta6bl4.mesh/node/bravo".to_owned()),
            ..Neighbour::default()
        };
        let verified = neighbour(NEAR, NeighbourState::Verified);
        let refused = neighbour(FAR, NeighbourState::Refused);

        let (mut names, mut given) = (Names::default(), Names::default());
        given.learn(NEAR, "roof");
        names.learn_neighbours(&[verified.clone(), refused]);
        given.learn_neighbours(&[verified]);

        assert_eq!((names.of(NEAR), names.of(FAR)), (Some("bravo"), None));
        assert_eq!(given.of(NEAR), Some("roof"));
    }

    #[test]
    fn name_in_a_table_is_as_wide_as_an_address_at_most() {
        let shown = |name: &str| {
            let mut names = Names::default();
            names.learn(NEAR, name);
            names.cell(NEAR)
        };

        assert_eq!(shown("the-seventeenth-x"), "the-seventeenth-x");
        assert_eq!(shown("the-eighteenth-xyz"), "the-eighteenth-x…");
        assert_eq!(shown("屋上の高いほうのアンテナ"), "屋上の高いほうの…");
    }

    #[test]
    fn a_word_is_an_address_or_a_name_that_only_one_has() {
        let mut names = Names::default();
        names.learn(NEAR, "roof");

        assert_eq!(names.address("roof"), Some(NEAR));
        assert_eq!(names.address("02:00:00:00:00:09"), Some(FAR));
        assert_eq!(names.address("cellar"), None);
        names.learn(FAR, "roof");
        assert_eq!(names.address("roof"), None);
    }

    #[test]
    fn an_address_without_a_name_shows_itself() {
        assert_eq!(Names::default().show(NEAR), "02:00:00:00:00:02");
    }
}
