//! The files on the data file system: what comes back from the keep, and their shape.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use image::keep::Keep;

use crate::io::durable;
use crate::prepare::data_schema::{self, MARK, Mark, Step};
use crate::prepare::ladder::Data;
use crate::prepare::restoring;

/// Writes back what the data file system lacks; returns the paths.
pub(super) fn restore(root: &Path, keep: &Keep, data: Data) -> io::Result<Vec<String>> {
    let is_marked = mark(root).is_some();
    let wanted = restoring::restore(keep, data, is_marked, |path| root.join(path).exists());
    for (path, file) in &wanted {
        let path = root.join(path);
        if let Some(parent) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        }
        durable::write(&path, &file.bytes, file.mode)?;
    }
    Ok(wanted.into_iter().map(|(path, _)| path.to_owned()).collect())
}

/// Writes the agent's files, where the keep's are newer than those of a data file system that does not take them, to
/// where the agent goes on with them; tells whether it did.
pub(super) fn carry_agent(place: &Path, keep: &Keep) -> io::Result<bool> {
    let newer = restoring::newer_agent(keep);
    if newer.is_empty() || place.exists() {
        return Ok(false);
    }
    // Others look for sockets beside it.
    place.parent().map_or(Ok(()), fs::create_dir_all)?;
    let beside = place.with_extension("new");
    DirBuilder::new().recursive(true).mode(0o700).create(&beside)?;
    for (name, file) in newer {
        durable::write(&beside.join(name), &file.bytes, file.mode)?;
    }
    fs::rename(&beside, place)?;
    Ok(true)
}

/// Brings the files into this firmware's shape; tells the shape they had if it is newer.
pub(super) fn migrate(root: &Path) -> io::Result<Option<u32>> {
    let mark = mark(root);
    let newer = mark.as_ref().map(|mark| mark.schema).filter(|it| *it > data_schema::CURRENT);
    for step in data_schema::plan(mark) {
        match step {
            Step::Directory { path, mode } => {
                let path = root.join(path);
                fs::create_dir_all(&path)?;
                fs::set_permissions(&path, Permissions::from_mode(mode))?;
            }
            Step::Mark(mark) => durable::write(&root.join(MARK), &mark.render(), 0o644)?,
        }
    }
    Ok(newer)
}

fn mark(root: &Path) -> Option<Mark> {
    Mark::parse(&fs::read(root.join(MARK)).ok()?)
}

#[cfg(test)]
mod tests {
    use image::keep::File;

    use super::*;

    #[test]
    fn an_empty_file_system_becomes_a_provisioned_one() {
        let root = tempfile::tempdir().unwrap();
        let mut keep = Keep::default();
        for (path, mode) in [("hostname", 0o644), ("spire/join_token", 0o600)] {
            keep.put(path, File { mode, bytes: path.as_bytes().to_vec() }).unwrap();
        }

        let restored = restore(root.path(), &keep, Data::New).unwrap();
        let newer = migrate(root.path()).unwrap();

        assert_eq!(restored, ["hostname", "spire/join_token"]);
        assert_eq!(newer, None);
        let token = root.path().join("spire/join_token");
        assert_eq!(fs::read(&token).unwrap(), b"spire/join_token");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&token), mode(&root.path().join("spire"))), (0o600, 0o700));
        assert_eq!(restore(root.path(), &keep, Data::Sound).unwrap(), Vec::<String>::new());
    }

    fn with_moved_agent() -> Keep {
        let mut keep = Keep::default();
        for path in [restoring::AGENT_MOVED, "spire/agent/keys.json"] {
            keep.put(path, File { mode: 0o600, bytes: b"key 2".to_vec() }).unwrap();
        }
        keep
    }

    #[test]
    fn a_newer_key_that_finds_no_room_goes_on_in_memory() {
        let directory = tempfile::tempdir().unwrap();
        let (root, place) =
            (directory.path().join("data"), directory.path().join("run/spire/data"));
        let keep = with_moved_agent();
        // Nothing can be written below a file.
        fs::create_dir(&root).unwrap();
        fs::write(root.join("spire"), "in the way").unwrap();

        let restored = restore(&root, &keep, Data::Sound);
        let carried = carry_agent(&place, &keep).unwrap();

        assert!(restored.is_err() && carried);
        assert_eq!(fs::read(place.join("keys.json")).unwrap(), b"key 2");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&place), mode(&place.join("keys.json"))), (0o700, 0o600));
        assert_eq!(mode(place.parent().unwrap()), mode(&root), "others pass through it");
        assert!(!carry_agent(&place, &keep).unwrap(), "it is there already");
    }

    #[test]
    fn an_agent_that_is_where_it_belongs_stays_there() {
        let directory = tempfile::tempdir().unwrap();
        let mut keep = with_moved_agent();
        keep.remove(restoring::AGENT_MOVED);

        assert!(!carry_agent(&directory.path().join("agent"), &keep).unwrap());
    }

    #[test]
    fn a_newer_shape_is_told_and_left() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("mesh-node")).unwrap();
        let newer = r#"{"schema":9,"colour":"red"}"#;
        fs::write(root.path().join(MARK), newer).unwrap();

        assert_eq!(migrate(root.path()).unwrap(), Some(9));
        assert_eq!(fs::read_to_string(root.path().join(MARK)).unwrap(), newer);
        assert!(!root.path().join("spire").exists());
    }
}
