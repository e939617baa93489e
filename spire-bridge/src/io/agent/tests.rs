use std::time::Duration;

use spiffe::TrustDomain;
use tempfile::TempDir;

use super::*;

/// A place with a program that stands in for the agent: it sleeps, or ends at once over its arguments.
struct Place {
    dir: TempDir,
    settings: Settings,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::copy("/bin/sleep", at("agent")).unwrap();
        let settings = Settings {
            binary: at("agent"),
            data_dir: at("data"),
            socket: at("sockets/agent.sock"),
            trust_domain: TrustDomain::new("m.mesh").unwrap(),
            server: "127.0.0.1:1".parse().unwrap(),
            join_token: at("join_token"),
            trust_bundle: at("bundle.pem"),
        };
        Self { dir, settings }
    }

    fn open(&self) -> Agent {
        Agent::open(self.settings.clone(), &self.dir.path().join("run")).unwrap()
    }

    /// Starts a sleeper and leaves its process id where an earlier mesh-node would have.
    fn orphan(&self) -> Child {
        let child = Command::new(&self.settings.binary).arg("60").spawn().unwrap();
        let pid = child.id().to_string();
        fs::create_dir_all(self.dir.path().join("run")).unwrap();
        fs::write(self.dir.path().join("run/agent.pid"), pid).unwrap();
        child
    }
}

/// Asks until there is an answer; a process ends when the kernel gets to it.
fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1_000 {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("no answer within 10 s")
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let mut place = Place::new();
    place.settings.binary = "/nonexistent/agent".into();

    let error = place.open().start().unwrap_err();

    assert!(matches!(error, Error::AgentMissing { .. }), "{error}");
}

#[test]
fn the_end_of_a_child_is_told_once() {
    let place = Place::new();
    let mut agent = place.open();

    agent.start().unwrap();
    let exit = eventually(|| agent.exited());

    assert_eq!((exit, agent.exited()), (Exit::Status(1), None));
}

#[test]
fn an_agent_that_runs_is_adopted_and_missed() {
    let place = Place::new();
    let mut orphan = place.orphan();

    let mut agent = place.open();
    let adopted = agent.adopted();
    let running = agent.exited();
    orphan.kill().unwrap();
    orphan.wait().unwrap();

    assert_eq!(adopted, i32::try_from(orphan.id()).ok());
    assert_eq!((running, agent.exited()), (None, Some(Exit::Unknown)));
}

#[test]
fn an_agent_whose_program_was_replaced_is_still_the_agent() {
    let place = Place::new();
    let mut orphan = place.orphan();

    fs::remove_file(&place.settings.binary).unwrap();
    let adopted = place.open().adopted();
    orphan.kill().unwrap();
    orphan.wait().unwrap();

    assert!(adopted.is_some());
}

#[test]
fn a_process_id_that_was_given_to_another_program_is_not_adopted() {
    let place = Place::new();
    fs::create_dir_all(place.dir.path().join("run")).unwrap();
    fs::write(place.dir.path().join("run/agent.pid"), std::process::id().to_string()).unwrap();

    assert_eq!(place.open().adopted(), None);
}

#[test]
fn an_agent_of_another_configuration_is_known_as_such() {
    let mut place = Place::new();
    fs::write(&place.settings.join_token, "t").unwrap();
    place.open().start().unwrap();
    let same = place.open().is_as_configured();

    place.settings.server = "127.0.0.1:2".parse().unwrap();

    assert_eq!((same, place.open().is_as_configured()), (true, false));
}

#[test]
fn only_a_token_that_the_agent_was_given_is_spent() {
    let place = Place::new();
    let mut agent = place.open();
    agent.start().unwrap();
    fs::write(&place.settings.join_token, "later").unwrap();
    let later = agent.holds_given_join_token();

    agent.start().unwrap();
    let given = agent.holds_given_join_token();

    assert_eq!((later, given), (false, true));
    assert!(agent.wipe_join_token().unwrap());
    assert!(!agent.holds_given_join_token());
}

#[test]
fn a_spent_token_is_overwritten_before_it_is_removed() {
    let place = Place::new();
    let token = &place.settings.join_token;
    fs::write(token, "secret").unwrap();
    let same_blocks = token.with_extension("link");
    fs::hard_link(token, &same_blocks).unwrap();

    let agent = place.open();
    let wiped = (agent.wipe_join_token().unwrap(), agent.wipe_join_token().unwrap());

    assert_eq!(wiped, (true, false));
    assert!(!token.exists());
    assert_eq!(fs::read(&same_blocks).unwrap(), [0; 6]);
}
