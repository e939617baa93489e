//! What a router has come to trust, and must not forget.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use tough::schema::{RoleType, Root, Signed};

/// The newest verified metadata, as texts; one value so that one rename replaces all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trusted {
    /// The root.
    pub root: Option<String>,
    /// The timestamp.
    pub timestamp: Option<String>,
    /// The snapshot.
    pub snapshot: Option<String>,
    /// The targets.
    pub targets: Option<String>,
}

/// The file that `tough` keeps the root in.
pub const ROOT: &str = "root.json";
/// The file that `tough` keeps the timestamp in.
pub const TIMESTAMP: &str = "timestamp.json";
/// The file that `tough` keeps the snapshot in.
pub const SNAPSHOT: &str = "snapshot.json";
/// The file that `tough` keeps the targets in.
pub const TARGETS: &str = "targets.json";

impl Trusted {
    /// Returns each role's file and text.
    pub fn files(&self) -> [(&'static str, Option<&String>); 4] {
        [
            (ROOT, self.root.as_ref()),
            (TIMESTAMP, self.timestamp.as_ref()),
            (SNAPSHOT, self.snapshot.as_ref()),
            (TARGETS, self.targets.as_ref()),
        ]
    }

    /// Takes over what `read` finds; a text that broke off is as good as none.
    pub fn from_files(read: impl Fn(&str) -> Option<String>) -> Self {
        let whole = |file: &str| {
            read(file).filter(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
        };
        Self {
            root: whole(ROOT),
            timestamp: whole(TIMESTAMP),
            snapshot: whole(SNAPSHOT),
            targets: whole(TARGETS),
        }
    }

    /// Joins what was trusted with what is found after a refresh.
    ///
    /// Only with a new root may the timestamp and the snapshot be forgotten (keys were rotated); anything else that is
    /// missing then was not written for want of room.
    pub fn succeeded_by(&self, found: Self) -> Self {
        let rotated = found.root.is_some() && found.root != self.root;
        let unless_rotated = |kept: &Option<String>| kept.clone().filter(|_| !rotated);
        Self {
            root: found.root.or_else(|| self.root.clone()),
            timestamp: found.timestamp.or_else(|| unless_rotated(&self.timestamp)),
            snapshot: found.snapshot.or_else(|| unless_rotated(&self.snapshot)),
            targets: found.targets.or_else(|| self.targets.clone()),
        }
    }

    /// Returns the root to start from: the kept one if it leads on from the router's own.
    ///
    /// Starting from the kept one is what lets keys be rotated: `tough` forgets the versions it has seen when the
    /// keys differ from those it started from.
    pub fn start<'a>(&'a self, own: &'a [u8]) -> &'a [u8] {
        let Some(kept) = self.root.as_deref().map(str::as_bytes) else { return own };
        let both = parse(own).zip(parse(kept));
        if both.is_some_and(|(own, kept)| leads_on(&own, &kept)) { kept } else { own }
    }
}

fn parse(text: &[u8]) -> Option<Signed<Root>> {
    let root: Signed<Root> = serde_json::from_slice(text).ok()?;
    root.signed.verify_role(&root).is_ok().then_some(root)
}

/// A newer root that shares a root key. After a whole exchange of the keys the way leads through the chain again.
fn leads_on(own: &Signed<Root>, kept: &Signed<Root>) -> bool {
    let keys = |root: &Signed<Root>| -> HashSet<Vec<u8>> {
        let keys = root.signed.roles.get(&RoleType::Root).map(|role| &role.keyids);
        keys.into_iter().flatten().map(|id| id.to_vec()).collect()
    };
    kept.signed.version > own.signed.version && !keys(own).is_disjoint(&keys(kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted(root: &str, timestamp: Option<&str>) -> Trusted {
        Trusted {
            root: Some(root.to_owned()),
            timestamp: timestamp.map(str::to_owned),
            ..Trusted::default()
        }
    }

    #[test]
    fn versions_seen_are_forgotten_only_with_a_new_root() {
        let before = trusted("1", Some("7"));

        assert_eq!(before.succeeded_by(trusted("1", None)), before);
        assert_eq!(before.succeeded_by(trusted("2", None)), trusted("2", None));
        assert_eq!(before.succeeded_by(Trusted::default()), before);
    }

    #[test]
    fn text_that_broke_off_is_as_good_as_none() {
        let read = |file: &str| match file {
            ROOT => Some("{\"signed\":1}".to_owned()),
            TIMESTAMP => Some("{\"signed\":".to_owned()),
            _ => None,
        };

        assert_eq!(Trusted::from_files(read), trusted("{\"signed\":1}", None));
    }

    #[test]
    fn nonsense_in_place_of_the_kept_root_leads_back_to_the_routers_own() {
        assert_eq!(trusted("{}", None).start(b"own"), b"own");
        assert_eq!(Trusted::default().start(b"own"), b"own");
    }
}
