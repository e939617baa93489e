use spire_bridge::agent::Exit;

use super::*;
use crate::samples::{
    LINK, PEER, WALL, at, config, hello, identity, knowledge, mesh, opened, seen,
};

#[test]
fn a_node_without_an_identity_says_why() {
    let mut knowledge = knowledge();
    knowledge.peers.learn(hello(true), at(1));
    let silent = Observation { server_answers: Some(false), ..seen() };

    let told = status("alpha", &config(), &knowledge, &silent, at(2));

    assert_eq!(told.state(), NodeState::Bootstrapping);
    assert_eq!(
        told.reason,
        "no identity: the agent offers no Workload API yet; the SPIRE server does not answer"
    );
    assert_eq!(told.spiffe_id, None);
}

#[test]
fn json_has_the_words_that_operators_use() {
    let mut knowledge = knowledge();
    knowledge.peers.learn(hello(true), at(1));
    knowledge.peers.learn(opened(), at(1));

    let told = status("alpha", &config(), &knowledge, &seen(), at(2));
    let json = serde_json::to_value(&told).unwrap();

    let neighbour = &json["neighbours"][0];
    assert_eq!(neighbour["state"], "verified");
    assert_eq!(neighbour["tq"], 251);
    assert_eq!(neighbour.get("throughput_kbit"), None, "absent is not zero");
    assert_eq!(neighbour["spiffe_id"], "spiffe://x0tta6bl4.mesh/node/bravo");
    assert_eq!(neighbour["kx_group"], "X25519MLKEM768");
    assert_eq!(neighbour["svid_not_after"], "2026-11-22T12:59:00Z");
    assert_eq!(json["state"], "bootstrapping");
}

#[test]
fn the_agents_last_end_is_told() {
    let mut knowledge = knowledge();
    knowledge.agent.exited(Exit::Signal(9), at(5), 1.0);

    let agent = status("alpha", &config(), &knowledge, &seen(), at(5)).agent.unwrap();

    assert_eq!((agent.phase.as_str(), agent.pid), ("down", None));
    assert_eq!(agent.last_exit.as_deref(), Some("signal 9"));
}

#[test]
fn times_that_are_left_are_short() {
    let check = |seconds, expected: &str| {
        assert_eq!(shortly(Duration::from_secs(seconds)), expected);
    };

    check(12, "12s");
    check(3_540, "59m");
    check(5_400, "1h 30m");
    check(90_000, "1d 1h");
}

#[test]
fn the_state_follows_the_identity_and_the_agent() {
    let held = || Observation { identity: identity(), ..seen() };
    let ended = Observation { wall: WallTime::from_unix(WALL.unix() + 3_600), ..held() };
    let (healthy, mut agentless) = (knowledge(), knowledge());
    agentless.agent.exited(Exit::Signal(9), at(5), 1.0);
    let state = |knowledge: &Knowledge, seen: &Observation| {
        status("alpha", &config(), knowledge, seen, at(5)).state()
    };

    assert_eq!(state(&healthy, &held()), NodeState::Attested);
    assert_eq!(state(&agentless, &held()), NodeState::DegradedOffline);
    assert_eq!(state(&healthy, &ended), NodeState::Expired);
}

#[test]
fn the_gateway_in_use_is_told_with_its_reason() {
    let mut mesh = mesh();
    let device = mesh.mesh.as_mut().unwrap();
    device.settings.gateway_mode = Some(GatewayMode::Client);
    device.settings.gateway_class = Some(20);
    let row = Gateway {
        address: PEER,
        router: PEER,
        interface: "eth1".parse().unwrap(),
        interface_index: LINK,
        quality: LinkQuality::Tq(200),
        download: Throughput::from_kbit(10_000),
        upload: Throughput::from_kbit(2_000),
        best: true,
    };
    let client = Observation { mesh: Ok(mesh), gateways: Some(vec![row]), ..seen() };
    let unread = Observation { gateways: None, mesh: client.mesh.clone(), ..seen() };
    let told = |seen: &Observation| {
        let told = status("alpha", &config(), &knowledge(), seen, at(1)).mesh.unwrap();
        (told.gateway, told.gateway_reason)
    };

    let (used, reason) = told(&client);
    let used = used.unwrap();

    assert_eq!(
        (used.mac.as_str(), used.tq, used.download_kbit),
        ("02:00:00:00:00:02", Some(200), 10_000)
    );
    assert!(reason.ends_with("it has TQ 200 and is the only one known"), "{reason}");
    assert_eq!(told(&unread), (None, String::new()));
}
