use batman::{IfName, Measurement};
use image::slot::Slot;

use super::*;
use crate::data::DataSeen;
use crate::measuring::{Ended, Wish, candidates};
use crate::prepare::ladder::Data;
use crate::samples::{
    PEER, SOUND, WALL, at, config, hello, identity, knowledge, mesh, opened, peer, seen,
};
use crate::trial::judgement::Judgement;
use crate::trial::rules::SlotsSeen;

fn found(knowledge: &Knowledge, seen: &Observation, now: u64) -> Vec<String> {
    let findings = analyze(&config(), knowledge, seen, at(now));
    findings.iter().map(ToString::to_string).collect()
}

const NO_IDENTITY: &str = "no identity: the agent offers no Workload API yet";

#[test]
fn a_whole_mesh_is_nothing_to_speak_of() {
    assert_eq!(found(&knowledge(), &seen(), 1), [NO_IDENTITY]);
}

#[test]
fn a_configuration_of_a_newer_firmware_is_told() {
    let text =
        "schema = 2\n[mesh]\nhard_interfaces = [\"eth1\"]\n[identity]\nserver = \"a:1\"\n[x]\n";
    let config = Config::parse(text).unwrap();

    let findings = analyze(&config, &knowledge(), &seen(), at(1));

    assert_eq!(findings[0], Finding::ConfigurationNewer { overlooked: 1 });
}

#[test]
fn data_and_slots_are_looked_at_where_there_are_any() {
    let data = DataSeen { boot: Data::Volatile, keep_behind: true, ..SOUND };
    let slots = SlotsSeen {
        running: Slot::B,
        judgement: Some(Judgement::Healthy),
        given_up: None,
        unreadable: None,
        rot: None,
        is_leaving: false,
    };
    let seen = Observation { data: Some(data), slots: Some(slots), ..seen() };

    assert_eq!(
        found(&knowledge(), &seen, 1),
        [
            NO_IDENTITY,
            "there is no data file system: changes are lost with the next boot",
            "the keep is not up to date",
            "slot b has proven itself",
        ]
    );
}

#[test]
fn a_missing_mesh_interface_is_found_with_the_steps_to_it() {
    let mut bare = mesh();
    bare.mesh = None;
    bare.links.retain(|link| !link.is_mesh());
    bare.links[0].master = None;
    let seen = Observation { mesh: Ok(bare), ..seen() };

    assert_eq!(
        found(&knowledge(), &seen, 1),
        [
            "the mesh is not as wanted: create bat0 (BATMAN_IV)",
            "the mesh is not as wanted: attach eth1 to bat0",
            "the mesh is not as wanted: set bat0 up",
            "the mesh is not as wanted: add link-local address to bat0",
            NO_IDENTITY,
        ]
    );
}

#[test]
fn a_detached_hard_interface_is_found() {
    let mut torn = mesh();
    torn.links[0].master = None;
    let seen = Observation { mesh: Ok(torn), ..seen() };

    assert_eq!(
        found(&knowledge(), &seen, 1),
        ["the mesh is not as wanted: attach eth1 to bat0", NO_IDENTITY]
    );
}

#[test]
fn a_thing_that_another_program_undoes_is_left_and_alarmed_about() {
    let mut torn = mesh();
    torn.links[0].master = None;
    let mut knowledge = knowledge();
    let step = Step::Attach { link: "eth1".parse().unwrap(), mesh: "bat0".parse().unwrap() };
    (1..=5).for_each(|second| knowledge.fights.repaired(&step, &torn, at(second)));
    let seen = Observation { mesh: Ok(torn), ..seen() };

    let findings = analyze(&config(), &knowledge, &seen, at(6));

    assert!(findings.contains(&Finding::Contested(step)) && findings[0].is_alarm());
    assert_eq!(
        found(&knowledge, &seen, 6)[0],
        "another program undoes what mesh-node does, 5 times within 60 s: attach eth1 to bat0; \
         tried again after 5 minutes"
    );
    assert_eq!(crate::plan::plan(&knowledge, &findings, at(6)), []);
    assert_eq!(
        found(&knowledge, &seen, 305),
        ["the mesh is not as wanted: attach eth1 to bat0", NO_IDENTITY]
    );
}

#[test]
fn nothing_is_done_to_a_mesh_that_another_program_deletes() {
    let text = "[mesh]\nhard_interfaces = [\"eth1\"]\nhop_penalty = 15\n\
                [mesh.lan]\nbridge = \"br-lan\"\nports = [\"eth2\"]\n[mesh.vlan.10]\n\
                [identity]\nserver = \"a:1\"\n";
    let config = Config::parse(text).unwrap();
    let mut bare = mesh();
    bare.mesh = None;
    bare.links.retain(|link| !link.is_mesh());
    bare.links[0].master = None;
    let mut knowledge = knowledge();
    let create = batman::plan(&config.mesh.wanted, &bare).remove(0);
    (1..=5).for_each(|second| knowledge.fights.repaired(&create, &bare, at(second)));
    let seen = Observation { mesh: Ok(bare), ..seen() };

    let findings = analyze(&config, &knowledge, &seen, at(6));

    let steps = crate::plan::plan(&knowledge, &findings, at(6));
    let steps: Vec<_> = steps.iter().map(ToString::to_string).collect();
    assert_eq!(findings[0], Finding::Contested(create));
    assert_eq!(
        steps,
        ["create br-lan (bridge)", "set br-lan up", "add link-local address to br-lan"]
    );
}

#[test]
fn a_hard_interface_that_is_not_there_is_an_obstacle() {
    let mut bare = mesh();
    let eth1: IfName = "eth1".parse().unwrap();
    bare.links.retain(|link| link.name != eth1);
    let seen = Observation { mesh: Ok(bare), ..seen() };

    assert_eq!(
        found(&knowledge(), &seen, 1),
        ["the mesh is not whole: there is no link eth1", NO_IDENTITY]
    );
}

#[test]
fn a_dead_agent_is_found_with_how_it_ended() {
    let mut knowledge = knowledge();

    knowledge.agent.exited(Exit::Signal(9), at(5), 0.5);

    assert_eq!(
        found(&knowledge, &seen(), 5),
        ["spire-agent is not running, signal 9", NO_IDENTITY]
    );
}

#[test]
fn an_agent_that_is_not_there_says_what_to_do() {
    let seen = Observation { agent_missing: true, ..seen() };

    assert_eq!(
        found(&Knowledge::default(), &seen, 5),
        [
            "no spire-agent at /usr/bin/spire-agent: install it there or set identity.agent_binary",
            NO_IDENTITY
        ]
    );
}

#[test]
fn an_agent_that_waits_is_found_only_while_the_server_answers() {
    let mut knowledge = knowledge();
    knowledge.agent.attestation_delayed(Duration::from_secs(20), at(5));
    let silent = Observation { server_answers: Some(false), ..seen() };

    let asleep = "spire-agent waits although the server answers";
    let server = "the SPIRE server 10.0.2.2:8081 does not answer";
    assert_eq!(found(&knowledge, &seen(), 6), [asleep, NO_IDENTITY]);
    assert_eq!(found(&knowledge, &silent, 6), [NO_IDENTITY, server]);
    assert_eq!(found(&knowledge, &seen(), 20), [NO_IDENTITY], "it tries again soon by itself");
}

#[test]
fn a_node_without_an_identity_dials_nobody() {
    let mut knowledge = knowledge();

    knowledge.peers.learn(hello(true), at(1));

    assert_eq!(found(&knowledge, &seen(), 1), [NO_IDENTITY]);
}

#[test]
fn a_silent_session_is_found() {
    let mut knowledge = knowledge();
    knowledge.peers.learn(hello(true), at(1));
    knowledge.peers.learn(opened(), at(1));

    assert_eq!(found(&knowledge, &seen(), 6), [NO_IDENTITY]);
    assert_eq!(found(&knowledge, &seen(), 7), [NO_IDENTITY, "session 1 is over"]);
}

#[test]
fn an_unreadable_mesh_is_found_and_hides_nothing_else() {
    let seen = Observation { mesh: Err("netlink is broken".into()), ..seen() };

    assert_eq!(
        found(&knowledge(), &seen, 1),
        ["the mesh cannot be read: netlink is broken", NO_IDENTITY]
    );
}

#[test]
fn a_node_with_an_identity_misses_sessions() {
    let mut knowledge = knowledge();
    knowledge.peers.able(true, at(0));
    knowledge.peers.learn(hello(true), at(1));
    let seen = Observation { identity: identity(), ..seen() };

    let findings = analyze(&config(), &knowledge, &seen, at(1));

    assert_eq!(findings, [Finding::SessionMissing(peer())]);
}

#[test]
fn a_join_token_is_spent_once_there_is_an_identity() {
    let left = Observation { join_token_left: true, ..seen() };
    let held = Observation { join_token_left: true, identity: identity(), ..seen() };

    assert_eq!(found(&knowledge(), &left, 1), [NO_IDENTITY]);
    assert_eq!(found(&knowledge(), &held, 1), ["the join token has been used"]);
}

#[test]
fn an_identity_that_has_ended_is_found_and_dials_nobody() {
    let mut knowledge = knowledge();
    knowledge.peers.able(true, at(0));
    knowledge.peers.learn(hello(true), at(1));
    let wall = spire_bridge::identity::WallTime::from_unix(WALL.unix() + 3_600);
    let seen = Observation { identity: identity(), wall, ..seen() };

    assert_eq!(found(&knowledge, &seen, 1), ["the SVID of this node has ended"]);
}

#[test]
fn a_loop_that_the_kernel_told_of_is_an_alarm_for_a_while() {
    let mut knowledge = knowledge();
    knowledge.told.looped(VlanId::new(7).ok(), at(1));

    let findings = analyze(&config(), &knowledge, &seen(), at(2));
    let looping = findings.iter().find(|finding| finding.is_alarm()).unwrap();

    assert_eq!(
        looping.to_string(),
        "packets of VLAN 7 go round in a loop through a bridge beside the mesh"
    );
    assert_eq!(found(&knowledge, &seen(), 200), [NO_IDENTITY]);
}

/// A node in good health that measures, and has a neighbour to measure.
fn measuring() -> (Config, Knowledge, Observation) {
    let text = "[mesh]\nhard_interfaces = [\"eth1\"]\n[mesh.measure]\nschedule = \"wired\"\n\
                [identity]\nserver = \"10.0.2.2:8081\"\n";
    let mut knowledge = knowledge();
    knowledge.peers.learn(hello(true), at(1));
    knowledge.peers.learn(opened(), at(1));
    let measurable = candidates(&mesh(), &knowledge.peers, Duration::from_secs(10));
    let seen = Observation { identity: identity(), measurable, ..seen() };
    (Config::parse(text).unwrap(), knowledge, seen)
}

fn is_due(config: &Config, knowledge: &Knowledge, seen: &Observation) -> bool {
    let findings = analyze(config, knowledge, seen, at(2));
    findings.iter().any(|finding| matches!(finding, Finding::MeasurementDue(_)))
}

#[test]
fn neighbour_is_measured_by_a_node_that_is_well_and_not_on_trial() {
    let (config, knowledge, well) = measuring();
    assert!(is_due(&config, &knowledge, &well));
    assert!(!is_due(&self::config(), &knowledge, &well), "off unless somebody says so");

    let (_, mut ill, seen) = measuring();
    ill.agent.exited(Exit::Signal(9), at(1), 0.0);
    assert!(!is_due(&config, &ill, &seen));

    let judged = |judgement| SlotsSeen {
        running: Slot::B,
        judgement,
        given_up: None,
        unreadable: None,
        rot: None,
        is_leaving: false,
    };
    let (_, knowledge, seen) = measuring();
    let on_trial = Observation { slots: Some(judged(Some(Judgement::Healthy))), ..seen };
    assert!(!is_due(&config, &knowledge, &on_trial));
    let kept = Observation { slots: Some(judged(None)), ..on_trial };
    assert!(is_due(&config, &knowledge, &kept));

    let mut torn = mesh();
    torn.links[0].master = None;
    assert!(!is_due(&config, &knowledge, &Observation { mesh: Ok(torn), ..kept }));
}

#[test]
fn neighbour_to_which_less_goes_than_used_to_is_named() {
    let (config, mut knowledge, seen) = measuring();
    let target = seen.measurable[0].target.clone();
    let duration = Duration::from_secs(3);
    for (second, mbit) in [(1, 90), (2, 90), (3, 90), (4, 30)] {
        let found = Measurement { originator: PEER, bytes: mbit * 375_000, duration };
        let ended = Ended {
            target: Some(target.clone()),
            next_hop: Some(PEER),
            wish: Wish::Schedule,
            took: duration,
            outcome: Ok(found),
            wall: WALL,
        };
        knowledge.measuring.ended(ended, &config.mesh.measure, 0.0, at(second));
    }

    let findings = analyze(&config, &knowledge, &seen, at(5));

    let slower = findings.iter().find(|finding| matches!(finding, Finding::Slower { .. })).unwrap();
    assert_eq!(
        slower.to_string(),
        "02:00:00:00:00:02 on eth1 gets 30.0 Mbit/s, less than half of the usual 90.0 Mbit/s"
    );
    assert!(slower.is_notable() && !slower.is_alarm());
}
