use image::keep;
use spire_bridge::identity::Absence;

use super::*;
use crate::samples::{WALL as NOW, at, identity, identity_from};

const FLOOR: WallTime = WallTime::from_unix(1_000);

struct Router {
    directory: tempfile::TempDir,
    files: DataFiles,
}

/// A provisioned router with an agent that has a key.
fn router() -> Router {
    let directory = tempfile::tempdir().unwrap();
    let at = |path: &str| directory.path().join(path);
    fs::create_dir_all(at("data/mesh-node/releases")).unwrap();
    fs::create_dir_all(at("data/spire/agent")).unwrap();
    for (path, text) in [
        ("data/hostname", "alpha\n"),
        ("data/spire/join_token", "secret"),
        ("data/spire/agent/keys.json", "key 1"),
    ] {
        fs::write(at(path), text).unwrap();
    }
    fs::File::create(at("keep")).unwrap().set_len(keep::LENGTH).unwrap();
    let files = DataFiles {
        root: at("data"),
        boot: Data::Sound,
        keep: Some(at("keep")),
        agent: at("data/spire/agent"),
        agent_in_memory: at("run/agent-data"),
        mirrored: None,
        passed: Passed::new(NOW, crate::samples::at(0)),
        clock_saved: None,
    };
    fs::create_dir(at("run")).unwrap();
    Router { directory, files }
}

impl Router {
    fn observe(&mut self, identity: &Standing) -> DataSeen {
        self.files.observe(identity, (NOW, at(0)), FLOOR)
    }

    fn written_down(&self) -> String {
        fs::read_to_string(self.directory.path().join("data/mesh-node/clock")).unwrap()
    }

    fn kept(&self) -> Vec<(String, String)> {
        let seen = KeepPartition::open(&self.directory.path().join("keep")).unwrap();
        let seen = seen.observe().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let files = seen.newest().unwrap().files();
        files.map(|(path, file)| (path.to_owned(), text(&file.bytes))).collect()
    }

    fn keep_holds(&self, text: &str) -> bool {
        let bytes = fs::read(self.directory.path().join("keep")).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

fn stranger() -> Standing {
    Standing::Absent(Absence::NoWorkloadApi)
}

#[test]
fn the_keep_follows_what_changes() {
    let mut router = router();
    assert!(router.observe(&stranger()).keep_behind);

    router.files.mirror(false).unwrap();
    let first = router.kept();
    assert!(!router.observe(&stranger()).keep_behind);
    fs::write(router.directory.path().join("data/spire/agent/keys.json"), "key two").unwrap();
    assert!(router.observe(&stranger()).keep_behind);
    router.files.mirror(false).unwrap();

    let with_key = |key: &'static str| {
        pairs(&[
            ("hostname", "alpha\n"),
            ("spire/agent/keys.json", key),
            ("spire/join_token", "secret"),
        ])
    };
    assert_eq!(first, with_key("key 1"));
    assert_eq!(router.kept(), with_key("key two"));
}

#[test]
fn a_spent_token_is_nowhere_in_the_keep() {
    let mut router = router();
    router.files.mirror(false).unwrap();
    router.files.mirror(true).unwrap();
    assert!(router.keep_holds("secret"), "it still lies on the data file system");

    fs::remove_file(router.directory.path().join("data/spire/join_token")).unwrap();
    assert!(router.observe(&identity()).keep_behind);
    router.files.mirror(true).unwrap();

    assert!(!router.keep_holds("secret"));
}

#[test]
fn versions_that_are_trusted_outlive_the_data_file_system() {
    let mut router = router();
    let trusted = router.directory.path().join("data/mesh-node/releases/trusted.json");
    let targets = "5".repeat(256 << 10);
    fs::write(trusted, format!(r#"{{"root":"2","timestamp":"7","targets":"{targets}"}}"#)).unwrap();

    router.files.mirror(false).unwrap();

    let kept = router.kept();
    let (_, text) = kept.iter().find(|(path, _)| path == TRUSTED).unwrap();
    assert_eq!(text, r#"{"root":"2","timestamp":"7","snapshot":null,"targets":null}"#);
}

#[test]
fn an_agent_without_room_goes_on_in_memory_and_is_kept_from_there() {
    let mut router = router();

    let there = router.files.move_agent().unwrap().to_owned();
    fs::write(there.join("keys.json"), "key 2").unwrap();
    router.files.mirror(true).unwrap();

    assert!(router.observe(&identity()).agent_moved);
    assert_eq!(router.files.agent(), there);
    let kept = router.kept();
    assert!(kept.contains(&("spire/agent/keys.json".to_owned(), "key 2".to_owned())), "{kept:?}");
    assert!(kept.iter().any(|(path, _)| path == "node/agent-moved"));
}

#[test]
fn an_agent_of_a_router_without_its_medium_is_kept_as_the_newest() {
    let mut router = router();
    router.files.boot = Data::Volatile;

    router.files.mirror(true).unwrap();

    assert!(router.kept().iter().any(|(path, _)| path == "node/agent-moved"));
}

#[test]
fn what_has_passed_is_written_down_now_and_then_and_no_wall_clock() {
    let mut router = router();
    let ahead = WallTime::from_unix(2 * NOW.unix());
    let mut behind =
        |wall, second| router.files.observe(&stranger(), (wall, at(second)), FLOOR).clock_behind;
    assert!(behind(ahead, 0));

    router.files.save_clock(at(0)).unwrap();

    assert_eq!(router.written_down(), "1795348800\n");
    let mut behind =
        |wall, second| router.files.observe(&stranger(), (wall, at(second)), FLOOR).clock_behind;
    assert!(!behind(ahead, 599));
    assert!(behind(NOW, 601));
    let in_1970 = router.files.observe(&stranger(), (WallTime::from_unix(0), at(599)), FLOOR);
    assert!(!in_1970.clock_behind);
    assert!(in_1970.clock_below_floor);
}

#[test]
fn a_time_from_the_future_that_was_written_down_is_undone_by_an_svid() {
    let mut router = router();
    let ahead = WallTime::from_unix(NOW.unix() + (1 << 30));
    router.files.passed = Passed::new(ahead, at(0));
    router.files.save_clock(at(0)).unwrap();

    let first = router.observe(&identity_from(0)).clock_behind;
    let second = router.observe(&identity_from(60));
    router.files.save_clock(at(0)).unwrap();

    assert!(!first, "it may be an old one");
    assert!(second.clock_behind);
    assert_eq!(router.written_down(), format!("{}\n", NOW.unix() + 60));
}

#[test]
fn a_keep_that_cannot_be_opened_is_told() {
    let mut router = router();
    router.files.keep = Some(router.directory.path().join("no/keep"));

    assert!(router.files.mirror(true).is_err());
    assert!(router.observe(&identity()).keep_behind);
}
