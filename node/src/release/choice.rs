//! Picks the update for this router among a release's targets.

use semver::Version;
use serde::{Deserialize, Serialize};
use spire_bridge::identity::WallTime;

use super::custom::Sha256;
use super::{Custom, Refusal};

/// What runs on this router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// The processor architecture.
    pub architecture: String,
    /// The board.
    pub board: String,
    /// The firmware's version.
    pub version: Version,
    /// The schema of the data partition.
    pub schema: u32,
}

/// An update file in a repository. It can be kept and opened again after a reboot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The target's name.
    pub name: String,
    /// The file's name under the repository's `targets/`.
    pub file: String,
    /// The file's length in bytes.
    pub length: u64,
    /// The file's hash.
    pub sha256: Sha256,
    /// What the repository says about it.
    pub custom: Custom,
}

/// What a verified repository offers this router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Available {
    /// The newest update that may be installed, none if this router is up to date.
    pub update: Option<Target>,
    /// When the timestamp was signed, as its signer says, and before any of the metadata expires: a moment that has
    /// passed.
    pub signed: Option<WallTime>,
    /// The version of the trusted root.
    pub root: u64,
    /// When the first of the metadata expires.
    pub expires: WallTime,
}

/// Chooses the newest update for this board whose minimum this router meets; none if it runs the newest.
///
/// # Errors
///
/// Refuses, by name, a release with nothing that this router may install.
pub fn choose(offered: &[Target], running: &Running) -> Result<Option<Target>, Refusal> {
    let ours = |target: &&Target| {
        target.custom.architecture == running.architecture && target.custom.board == running.board
    };
    let newest = |targets: &[&Target]| {
        let newest = targets.iter().max_by(|a, b| a.custom.version.cmp(&b.custom.version));
        newest.map(|target| (*target).clone())
    };
    let ours: Vec<&Target> = offered.iter().filter(ours).collect();
    let Some(latest) = newest(&ours) else {
        return Err(Refusal::NotForThisBoard {
            architecture: running.architecture.clone(),
            board: running.board.clone(),
            offered: boards(offered),
        });
    };
    if latest.custom.version == running.version {
        return Ok(None);
    }
    if latest.custom.version < running.version {
        let running = running.version.clone();
        return Err(Refusal::OlderVersion { running, offered: latest.custom.version });
    }
    let newer = ours.into_iter().filter(|target| target.custom.version > running.version);
    let reachable: Vec<&Target> =
        newer.filter(|target| target.custom.minimum <= running.version).collect();
    let Some(best) = newest(&reachable) else {
        return Err(Refusal::MinimumNotMet {
            running: running.version.clone(),
            minimum: latest.custom.minimum,
            offered: latest.custom.version,
        });
    };
    if best.custom.schema < running.schema {
        return Err(Refusal::OlderSchema { data: running.schema, offered: best.custom.schema });
    }
    Ok(Some(best))
}

fn boards(offered: &[Target]) -> Vec<String> {
    let mut boards: Vec<String> = offered
        .iter()
        .map(|target| format!("{}/{}", target.custom.architecture, target.custom.board))
        .collect();
    boards.sort_unstable();
    boards.dedup();
    boards
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(board: &str, version: &str, minimum: &str, schema: u32) -> Target {
        let (architecture, _) = board.split_once('/').unwrap();
        Target {
            name: format!("{board}-{version}"),
            file: format!("{board}-{version}"),
            length: 1,
            sha256: Sha256([0; 32]),
            custom: Custom {
                architecture: architecture.to_owned(),
                board: board.replace(architecture, "").replace('/', ""),
                version: version.parse().unwrap(),
                minimum: minimum.parse().unwrap(),
                schema,
                header_sha256: Sha256([0; 32]),
            },
        }
    }

    fn check(offered: &[Target]) -> Result<Option<String>, Refusal> {
        let running = Running {
            architecture: "armv7".to_owned(),
            board: "generic".to_owned(),
            version: Version::new(1, 4, 0),
            schema: 2,
        };
        choose(offered, &running).map(|target| target.map(|it| it.custom.version.to_string()))
    }

    #[test]
    fn newest_update_for_this_board_is_chosen() {
        let offered = [
            target("armv7/generic", "1.5.0", "1.0.0", 2),
            target("armv7/generic", "1.10.0", "1.4.0", 3),
            target("aarch64/generic", "9.0.0", "0.1.0", 2),
        ];

        assert_eq!(check(&offered), Ok(Some("1.10.0".to_owned())));
    }

    #[test]
    fn same_version_is_no_update() {
        assert_eq!(check(&[target("armv7/generic", "1.4.0", "1.0.0", 2)]), Ok(None));
    }

    #[test]
    fn stepping_stone_is_chosen_where_the_newest_asks_for_more() {
        let offered = [
            target("armv7/generic", "2.0.0", "1.9.0", 2),
            target("armv7/generic", "1.9.0", "1.0.0", 2),
        ];

        assert_eq!(check(&offered), Ok(Some("1.9.0".to_owned())));
    }

    #[test]
    fn release_for_other_boards_is_refused_with_what_it_holds() {
        let offered = [
            target("aarch64/generic", "2.0.0", "1.0.0", 2),
            target("armv7/other", "2.0.0", "1.0.0", 2),
        ];

        let refused = Refusal::NotForThisBoard {
            architecture: "armv7".to_owned(),
            board: "generic".to_owned(),
            offered: vec!["aarch64/generic".to_owned(), "armv7/other".to_owned()],
        };
        assert_eq!(check(&offered), Err(refused));
    }

    #[test]
    fn older_version_is_refused() {
        let refused = Refusal::OlderVersion {
            running: Version::new(1, 4, 0),
            offered: Version::new(1, 3, 9),
        };

        assert_eq!(check(&[target("armv7/generic", "1.3.9", "1.0.0", 2)]), Err(refused));
    }

    #[test]
    fn update_that_asks_for_a_newer_firmware_first_is_refused() {
        let refused = Refusal::MinimumNotMet {
            running: Version::new(1, 4, 0),
            minimum: Version::new(1, 5, 0),
            offered: Version::new(2, 0, 0),
        };

        assert_eq!(check(&[target("armv7/generic", "2.0.0", "1.5.0", 2)]), Err(refused));
    }

    #[test]
    fn firmware_that_writes_an_older_data_schema_is_refused() {
        let refused = Refusal::OlderSchema { data: 2, offered: 1 };

        assert_eq!(check(&[target("armv7/generic", "2.0.0", "1.0.0", 1)]), Err(refused));
    }
}
