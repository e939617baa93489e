//! The data file system while the node runs: what is wrong with it, and what the keep must hold for the day it is lost.

use std::fmt;

use image::keep::{File, Keep, Manner, Unfit};

use crate::prepare::ladder::Data;
use crate::prepare::restoring::{AGENT, AGENT_MOVED, JOIN_TOKEN, RECORD, TRUSTED};
use crate::release::trusted::Trusted;

/// The files that the keep mirrors, below the data file system's root, beside all of the agent's.
pub const MIRRORED: [&str; 9] = [
    "hostname",
    "uplink",
    "mesh-node/config.toml",
    "mesh-node/network",
    "mesh-node/update-root.json",
    RECORD,
    TRUSTED,
    "spire/bundle.pem",
    JOIN_TOKEN,
];

/// Whether the data file system takes writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// It does.
    Free,
    /// It has no room.
    Full,
    /// The kernel has made it read-only.
    ReadOnly,
}

/// The data file system as of one look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataSeen {
    /// What the boot could mount.
    pub boot: Data,
    /// Whether it takes writes now.
    pub room: Room,
    /// The agent keeps its data in memory, for want of a better place.
    pub agent_moved: bool,
    /// The keep does not hold what the data file system holds.
    pub keep_behind: bool,
    /// What has passed has not been written down for a while, or less has passed than was written down.
    pub clock_behind: bool,
    /// The clock stands before a moment that has certainly passed.
    pub clock_below_floor: bool,
}

impl DataSeen {
    /// Tells whether what is written now is there after the next boot.
    pub fn keeps(self) -> bool {
        !matches!(self.boot, Data::Volatile | Data::ReadOnly) && self.room == Room::Free
    }
}

/// Something about data that is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataFinding {
    /// The boot did not find it sound.
    Boot(Data),
    /// It has no room.
    Full,
    /// It turned read-only while it was in use.
    ReadOnly,
    /// The agent cannot keep its next key and SVID.
    AgentStuck,
    /// The keep does not hold what it should.
    KeepBehind,
    /// The clock has not been written down for a while.
    ClockBehind,
    /// The clock stands before a moment that has certainly passed.
    ClockBelowFloor,
}

/// What can be done about data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataAction {
    /// Have the agent keep its data in memory; the keep takes it through the next boot.
    MoveAgent,
    /// Bring the keep up to date.
    Mirror,
    /// Write the clock down.
    SaveClock,
    /// Set the clock to the moment that has certainly passed.
    RaiseClock,
}

/// Lists what is wrong with data.
pub fn findings(seen: DataSeen) -> Vec<DataFinding> {
    let mut findings = Vec::new();
    if seen.boot != Data::Sound {
        findings.push(DataFinding::Boot(seen.boot));
    }
    match seen.room {
        Room::Free => {}
        Room::Full => findings.push(DataFinding::Full),
        Room::ReadOnly if seen.boot == Data::ReadOnly => {}
        Room::ReadOnly => findings.push(DataFinding::ReadOnly),
    }
    if seen.room != Room::Free && !seen.agent_moved {
        findings.push(DataFinding::AgentStuck);
    }
    if seen.keep_behind {
        findings.push(DataFinding::KeepBehind);
    }
    if seen.clock_below_floor {
        findings.push(DataFinding::ClockBelowFloor);
    }
    if seen.clock_behind && seen.room == Room::Free {
        findings.push(DataFinding::ClockBehind);
    }
    findings
}

/// Plans what to do about a finding.
pub const fn action(finding: DataFinding) -> Option<DataAction> {
    match finding {
        DataFinding::AgentStuck => Some(DataAction::MoveAgent),
        DataFinding::KeepBehind => Some(DataAction::Mirror),
        DataFinding::ClockBehind => Some(DataAction::SaveClock),
        DataFinding::ClockBelowFloor => Some(DataAction::RaiseClock),
        DataFinding::Boot(_) | DataFinding::Full | DataFinding::ReadOnly => None,
    }
}

/// What there is to be mirrored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    /// The files that are there, by their paths in the keep.
    pub files: Vec<(String, File)>,
    /// The node holds an identity: the secret of the first attestation has done its duty.
    pub is_attested: bool,
    /// The agent's files are newer than what lies on the data file system.
    pub agent_moved: bool,
}

/// Returns what the keep holds of what is trusted: all but the targets, which have no bound that fits there. The
/// snapshot has their version. Nothing of what cannot be read.
pub fn versions(trusted: &[u8]) -> Option<Vec<u8>> {
    let trusted: Trusted = serde_json::from_slice(trusted).ok()?;
    serde_json::to_vec(&Trusted { targets: None, ..trusted }).ok()
}

/// Plans what the keep shall hold; nothing if it does.
///
/// A file that is missing stays kept: it may be what the keep is for. A spent secret is wiped from both copies.
///
/// # Errors
/// [`Unfit`] for a path that cannot be kept.
pub fn mirrored(keep: &Keep, present: &Present) -> Result<Option<(Keep, Manner)>, Unfit> {
    let mut wanted = keep.clone();
    let is_there = |path: &str| present.files.iter().any(|(there, _)| there == path);
    if present.files.iter().any(|(path, _)| path.starts_with(AGENT)) {
        let kept: Vec<String> = keep.files().map(|(path, _)| path.to_owned()).collect();
        for path in kept.iter().filter(|path| path.starts_with(AGENT) && !is_there(path)) {
            wanted.remove(path);
        }
    }
    for (path, file) in &present.files {
        wanted.put(path, file.clone())?;
    }
    if present.agent_moved {
        wanted.put(AGENT_MOVED, File { mode: 0o600, bytes: Vec::new() })?;
    }
    let is_spent = present.is_attested && !is_there(JOIN_TOKEN);
    let wiped = if is_spent { wanted.remove(JOIN_TOKEN) } else { None };
    let manner = if wiped.is_some() { Manner::Wipe } else { Manner::Change };
    Ok((wanted != *keep).then_some((wanted, manner)))
}

impl DataFinding {
    /// Tells whether an operator wants to hear of it.
    pub const fn is_notable(self) -> bool {
        !matches!(self, Self::KeepBehind | Self::ClockBehind | Self::AgentStuck)
    }
}

impl fmt::Display for DataFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boot(data) => data.fmt(f),
            Self::Full => f.write_str("the data file system is full"),
            Self::ReadOnly => f.write_str("the data file system has turned read-only"),
            Self::AgentStuck => f.write_str("spire-agent cannot keep its data"),
            Self::KeepBehind => f.write_str("the keep is not up to date"),
            Self::ClockBehind => f.write_str("the clock has not been written down for a while"),
            Self::ClockBelowFloor => f.write_str("the clock stands in the past"),
        }
    }
}

impl fmt::Display for DataAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MoveAgent => "have spire-agent keep its data in memory",
            Self::Mirror => "bring the keep up to date",
            Self::SaveClock => "write the clock down",
            Self::RaiseClock => "set the clock to the newest moment that is proven",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::SOUND;

    fn check(seen: DataSeen, found: &[DataFinding], done: &[DataAction]) {
        let findings = findings(seen);
        let actions: Vec<_> = findings.iter().filter_map(|finding| action(*finding)).collect();

        assert_eq!((findings.as_slice(), actions.as_slice()), (found, done), "{seen:?}");
    }

    #[test]
    fn each_trouble_is_told_and_mended_where_it_can_be() {
        use DataFinding::{AgentStuck, Boot, ClockBehind, Full, KeepBehind, ReadOnly};

        check(SOUND, &[], &[]);
        let volatile = DataSeen { boot: Data::Volatile, ..SOUND };
        check(volatile, &[Boot(Data::Volatile)], &[]);
        let full = DataSeen { room: Room::Full, ..SOUND };
        check(full, &[Full, AgentStuck], &[DataAction::MoveAgent]);
        check(DataSeen { agent_moved: true, ..full }, &[Full], &[]);
        let read_only = DataSeen { room: Room::ReadOnly, ..SOUND };
        check(read_only, &[ReadOnly, AgentStuck], &[DataAction::MoveAgent]);
        let born = DataSeen { boot: Data::ReadOnly, ..read_only };
        check(born, &[Boot(Data::ReadOnly), AgentStuck], &[DataAction::MoveAgent]);
        check(
            DataSeen { keep_behind: true, clock_behind: true, ..SOUND },
            &[KeepBehind, ClockBehind],
            &[DataAction::Mirror, DataAction::SaveClock],
        );
        check(DataSeen { clock_behind: true, agent_moved: true, ..full }, &[Full], &[]);
        check(
            DataSeen { clock_below_floor: true, ..SOUND },
            &[DataFinding::ClockBelowFloor],
            &[DataAction::RaiseClock],
        );
    }

    fn file(text: &str) -> File {
        File { mode: 0o600, bytes: text.as_bytes().to_vec() }
    }

    fn keep(files: &[(&str, &str)]) -> Keep {
        let mut keep = Keep::default();
        for (path, text) in files {
            keep.put(path, file(text)).unwrap();
        }
        keep
    }

    fn present(files: &[(&str, &str)]) -> Present {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), file(text))).collect();
        Present { files, is_attested: false, agent_moved: false }
    }

    #[test]
    fn a_keep_that_holds_all_is_not_written() {
        let files = [("hostname", "alpha"), ("spire/join_token", "t")];

        assert_eq!(mirrored(&keep(&files), &present(&files)), Ok(None));
    }

    #[test]
    fn changes_are_kept_and_what_is_missing_stays() {
        let kept =
            keep(&[("hostname", "alpha"), ("mesh-node/config.toml", "a"), ("factory/x", "f")]);

        let planned = mirrored(&kept, &present(&[("hostname", "beta")])).unwrap();

        let expected =
            keep(&[("hostname", "beta"), ("mesh-node/config.toml", "a"), ("factory/x", "f")]);
        assert_eq!(planned, Some((expected, Manner::Change)));
    }

    #[test]
    fn the_agents_files_are_kept_as_a_whole() {
        let kept = keep(&[("spire/agent/keys.json", "1"), ("spire/agent/old", "1")]);

        let rotated = mirrored(&kept, &present(&[("spire/agent/keys.json", "2")])).unwrap();
        let lost = mirrored(&kept, &present(&[])).unwrap();

        let expected = keep(&[("spire/agent/keys.json", "2")]);
        assert_eq!((rotated, lost), (Some((expected, Manner::Change)), None));
    }

    #[test]
    fn a_spent_secret_is_wiped_and_an_unused_one_stays() {
        let kept = keep(&[("spire/join_token", "t")]);
        let attested = Present { is_attested: true, ..present(&[]) };

        assert_eq!(mirrored(&kept, &attested), Ok(Some((Keep::default(), Manner::Wipe))));
        assert_eq!(mirrored(&kept, &present(&[])), Ok(None));
    }

    #[test]
    fn versions_that_are_trusted_are_kept_without_the_targets() {
        let some = |text: &str| Some(text.to_owned());
        let trusted = Trusted {
            root: some("2"),
            timestamp: some("7"),
            snapshot: some("7"),
            targets: some(&"5".repeat(1 << 20)),
        };

        let kept = versions(&serde_json::to_vec(&trusted).unwrap()).unwrap();

        let expected = Trusted { targets: None, ..trusted };
        assert_eq!(serde_json::from_slice::<Trusted>(&kept).unwrap(), expected);
        assert!(kept.len() < 100);
        assert_eq!(versions(b"{\"root\":"), None);
    }

    #[test]
    fn an_agent_that_lives_in_memory_is_marked() {
        let moved = Present { agent_moved: true, ..present(&[("spire/agent/keys.json", "2")]) };

        let (wanted, _) = mirrored(&Keep::default(), &moved).unwrap().unwrap();

        assert!(wanted.file(AGENT_MOVED).is_some());
    }
}
