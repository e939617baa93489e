//! What comes back from the keep, and what a factory reset leaves of it.

use image::keep::{File, Keep, Unfit};

use super::ladder::Data;

/// How the machine was provisioned, as the keep remembers it: what a factory reset goes back to.
const FACTORY: &str = "factory/";

/// What the node keeps for itself there, and what is no file of the data file system.
const OWN: &str = "node/";

/// The agent's files in the keep are newer than those on the data file system, which took no more writes.
pub const AGENT_MOVED: &str = "node/agent-moved";

/// A factory reset is to be done at the next boot.
pub const RESET: &str = "node/factory-reset";

/// The one-time secret of the first attestation; it is nobody's factory state.
pub const JOIN_TOKEN: &str = "spire/join_token";

/// What is remembered of updates.
pub const RECORD: &str = "mesh-node/update.json";

/// What is trusted of the repository: the versions below which nothing is taken.
pub const TRUSTED: &str = "mesh-node/releases/trusted.json";

/// The agent's key, SVID and bundle.
pub const AGENT: &str = "spire/agent/";

/// Lists the kept files that are to be written to the data file system.
///
/// Only a file system that may have lost something gets back what it lacks: of a sound one, what is not there was
/// removed on purpose.
pub fn restore(
    keep: &Keep,
    data: Data,
    is_marked: bool,
    is_there: impl Fn(&str) -> bool,
) -> Vec<(&str, &File)> {
    if data == Data::ReadOnly {
        return Vec::new();
    }
    let may_lack = data != Data::Sound || !is_marked;
    let agent_is_newer = keep.file(AGENT_MOVED).is_some();
    let is_wanted = |path: &str| {
        let is_newer = agent_is_newer && path.starts_with(AGENT);
        !is_inner(path) && (is_newer || (may_lack && !is_there(path)))
    };
    keep.files().filter(|(path, _)| is_wanted(path)).collect()
}

/// Returns the keep without its mark, once the agent's newer files are whole where they stay.
pub fn returned(keep: &Keep, data: Data, is_restored: bool) -> Option<Keep> {
    let stays = is_restored && !matches!(data, Data::Volatile | Data::ReadOnly);
    let mut returned = keep.clone();
    (stays && returned.remove(AGENT_MOVED).is_some()).then_some(returned)
}

/// Lists the agent's files by their names, if they are newer than those on the data file system.
pub fn newer_agent(keep: &Keep) -> Vec<(&str, &File)> {
    let is_newer = keep.file(AGENT_MOVED).is_some();
    let files = keep.files().filter(|_| is_newer);
    let named = files.filter_map(|(path, file)| Some((path.strip_prefix(AGENT)?, file)));
    named.filter(|(name, _)| !name.contains('/')).collect()
}

/// Remembers how the machine was provisioned; nothing to write once that is known.
///
/// # Errors
/// [`Unfit`] where a path cannot be kept.
pub fn remember_factory(keep: &Keep) -> Result<Option<Keep>, Unfit> {
    let is_known = keep.files().any(|(path, _)| path.starts_with(FACTORY));
    let provisioned = |path: &str| {
        let is_learnt = path.starts_with(AGENT) || [RECORD, TRUSTED].contains(&path);
        !is_inner(path) && path != JOIN_TOKEN && !is_learnt
    };
    let files: Vec<_> = keep.files().filter(|(path, _)| provisioned(path)).collect();
    if is_known || files.is_empty() {
        return Ok(None);
    }
    let mut remembering = keep.clone();
    for (path, file) in files {
        remembering.put(&format!("{FACTORY}{path}"), file.clone())?;
    }
    Ok(Some(remembering))
}

/// Returns what is kept after a factory reset: what provisioning gave, and neither identity nor a secret that was used.
///
/// # Errors
/// [`Unfit`] where a path cannot be kept.
pub fn reset(keep: &Keep) -> Result<Keep, Unfit> {
    let mut fresh = Keep::default();
    // A secret that is still kept has not been used, and nobody could enrol the router again without it.
    if let Some(token) = keep.file(JOIN_TOKEN) {
        fresh.put(JOIN_TOKEN, token.clone())?;
    }
    for (path, file) in keep.files() {
        if let Some(original) = path.strip_prefix(FACTORY) {
            fresh.put(path, file.clone())?;
            fresh.put(original, file.clone())?;
        }
    }
    Ok(fresh)
}

/// Tells whether a path in the keep is no file of the data file system.
pub fn is_inner(path: &str) -> bool {
    path.starts_with(FACTORY) || path.starts_with(OWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(paths: &[&str]) -> Keep {
        let mut keep = Keep::default();
        for path in paths {
            let file = File { mode: 0o600, bytes: path.as_bytes().to_vec() };
            keep.put(path, file).unwrap();
        }
        keep
    }

    fn paths(keep: &Keep) -> Vec<&str> {
        keep.files().map(|(path, _)| path).collect()
    }

    fn check(kept: &[&str], data: Data, is_marked: bool, there: &[&str], expected: &[&str]) {
        let keep = keep(kept);

        let restored = restore(&keep, data, is_marked, |path| there.contains(&path));

        let restored: Vec<_> = restored.into_iter().map(|(path, _)| path).collect();
        assert_eq!(restored, expected, "{data:?}");
    }

    const KEPT: [&str; 4] = ["factory/hostname", "hostname", "node/x", "spire/agent/keys.json"];

    #[test]
    fn a_new_file_system_gets_all_and_a_sound_one_nothing() {
        let files = ["hostname", "spire/agent/keys.json"];

        check(&KEPT, Data::New, false, &[], &files);
        check(&KEPT, Data::Volatile, false, &[], &files);
        check(&KEPT, Data::Repaired, true, &["hostname"], &["spire/agent/keys.json"]);
        check(&KEPT, Data::Sound, true, &[], &[]);
        check(&KEPT, Data::Sound, false, &["hostname"], &["spire/agent/keys.json"]);
        check(&KEPT, Data::ReadOnly, false, &[], &[]);
    }

    #[test]
    fn newer_agent_files_replace_those_that_took_no_more_writes() {
        let kept = ["hostname", "node/agent-moved", "spire/agent/keys.json"];

        check(&kept, Data::Sound, true, &["spire/agent/keys.json"], &["spire/agent/keys.json"]);
    }

    #[test]
    fn newer_agent_files_are_marked_until_they_are_back() {
        let marked = keep(&["hostname", AGENT_MOVED, "spire/agent/keys.json"]);
        let without = keep(&["hostname", "spire/agent/keys.json"]);

        for (data, is_restored, expected) in [
            (Data::Sound, true, Some(&without)),
            (Data::New, true, Some(&without)),
            (Data::Sound, false, None),
            (Data::Volatile, true, None),
            (Data::ReadOnly, true, None),
        ] {
            assert_eq!(returned(&marked, data, is_restored).as_ref(), expected, "{data:?}");
        }
        assert_eq!(returned(&without, Data::Sound, true), None);
        let names = |keep| newer_agent(keep).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(&marked), ["keys.json"]);
        assert_eq!(names(&without), Vec::<&str>::new());
    }

    #[test]
    fn a_factory_reset_leaves_what_provisioning_gave() {
        let provisioned = keep(&["hostname", "mesh-node/config.toml", "spire/join_token"]);
        let mut lived = remember_factory(&provisioned).unwrap().unwrap();
        lived.remove("spire/join_token");
        for path in ["spire/agent/keys.json", RESET, "hostname"] {
            lived.put(path, File { mode: 0o600, bytes: b"changed".to_vec() }).unwrap();
        }

        let fresh = reset(&lived).unwrap();

        assert_eq!(
            paths(&fresh),
            [
                "factory/hostname",
                "factory/mesh-node/config.toml",
                "hostname",
                "mesh-node/config.toml"
            ]
        );
        assert_eq!(fresh.file("hostname").unwrap().bytes, b"hostname");
    }

    #[test]
    fn a_secret_that_was_never_used_outlives_a_factory_reset() {
        let provisioned = keep(&["hostname", JOIN_TOKEN]);
        let lived = remember_factory(&provisioned).unwrap().unwrap();

        assert!(reset(&lived).unwrap().file(JOIN_TOKEN).is_some());
    }

    #[test]
    fn what_a_router_has_learnt_is_not_how_it_was_provisioned() {
        let lived = keep(&["hostname", RECORD, TRUSTED, "spire/agent/keys.json"]);

        let remembering = remember_factory(&lived).unwrap().unwrap();

        let factory = paths(&remembering).into_iter().filter(|path| path.starts_with(FACTORY));
        assert_eq!(factory.collect::<Vec<_>>(), ["factory/hostname"]);
    }

    #[test]
    fn provisioning_is_remembered_once() {
        let first = remember_factory(&keep(&["hostname"])).unwrap().unwrap();

        assert_eq!(remember_factory(&first), Ok(None));
        assert_eq!(remember_factory(&Keep::default()), Ok(None));
    }
}
