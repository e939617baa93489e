use image::keep;

use super::*;

const NOW: WallTime = WallTime::from_unix(1_795_348_800);
const FLOOR: WallTime = WallTime::from_unix(1_000);

struct Router {
    directory: tempfile::TempDir,
    files: DataFiles,
}

/// A provisioned router with an agent that has a key.
fn router() -> Router {
    let directory = tempfile::tempdir().unwrap();
    let at = |path: &str| directory.path().join(path);
    fs::create_dir_all(at("data/mesh-node")).unwrap();
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
        clock_saved: None,
    };
    fs::create_dir(at("run")).unwrap();
    Router { directory, files }
}

impl Router {
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

#[test]
fn the_keep_follows_what_changes() {
    let mut router = router();
    assert!(router.files.observe(false, NOW, FLOOR).keep_behind);

    router.files.mirror(false).unwrap();
    let first = router.kept();
    assert!(!router.files.observe(false, NOW, FLOOR).keep_behind);
    fs::write(router.directory.path().join("data/spire/agent/keys.json"), "key two").unwrap();
    assert!(router.files.observe(false, NOW, FLOOR).keep_behind);
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
    assert!(router.files.observe(true, NOW, FLOOR).keep_behind);
    router.files.mirror(true).unwrap();

    assert!(!router.keep_holds("secret"));
}

#[test]
fn an_agent_without_room_goes_on_in_memory_and_is_kept_from_there() {
    let mut router = router();

    let there = router.files.move_agent().unwrap().to_owned();
    fs::write(there.join("keys.json"), "key 2").unwrap();
    router.files.mirror(true).unwrap();

    assert!(router.files.observe(true, NOW, FLOOR).agent_moved);
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
fn the_clock_is_written_down_now_and_then() {
    let mut router = router();
    assert!(router.files.observe(true, NOW, FLOOR).clock_behind);

    router.files.save_clock(NOW).unwrap();

    let later = |seconds| WallTime::from_unix(NOW.unix() + seconds);
    let text = fs::read_to_string(router.directory.path().join("data/mesh-node/clock")).unwrap();
    assert_eq!(text, "1795348800\n");
    assert!(!router.files.observe(true, later(599), FLOOR).clock_behind);
    assert!(router.files.observe(true, later(600), FLOOR).clock_behind);
    let in_1970 = router.files.observe(true, WallTime::from_unix(0), FLOOR);
    assert!(!in_1970.clock_behind, "never backwards");
    assert!(in_1970.clock_below_floor);
}

#[test]
fn a_keep_that_cannot_be_opened_is_told() {
    let mut router = router();
    router.files.keep = Some(router.directory.path().join("no/keep"));

    assert!(router.files.mirror(true).is_err());
    assert!(router.files.observe(true, NOW, FLOOR).keep_behind);
}
