use spire_bridge::tls::HandshakeFailure;
use spire_bridge::{Refusal, SpiffeId, TrustDomain};

use super::*;
use crate::analyze::Finding;
use crate::peers::LinkEvent;
use crate::samples::{at, config, failed, hello, knowledge, opened, seen};
use crate::status::status;

fn rendered(events: impl IntoIterator<Item = LinkEvent>) -> String {
    let mut knowledge = knowledge();
    for event in events {
        knowledge.peers.learn(event, at(1));
    }
    render(&status("alpha", &config(), &knowledge, &seen(), at(2)))
}

#[test]
fn a_verified_neighbour_has_a_name() {
    assert_eq!(
        rendered([hello(true), opened()]),
        "alpha: bootstrapping (no identity: the agent offers no Workload API yet)
  no SPIFFE ID
  bat0 BATMAN_IV up, eth1
INTERFACE  MAC                QUALITY  STATE     TLS GROUP       CERT  SPIFFE ID, OR WHY NOT
eth1       02:00:00:00:00:02  251/255  verified  X25519MLKEM768  59m   spiffe://x0tta6bl4.mesh/node/bravo
"
    );
}

#[test]
fn what_a_person_must_act_on_is_marked() {
    let mut knowledge = knowledge();
    let up = batman::Step::SetUp { link: "eth1".parse().unwrap() };
    knowledge.findings =
        vec![Finding::JoinTokenSpent, Finding::Contested(up), Finding::IdentityExpired];

    let status = status("alpha", &config(), &knowledge, &seen(), at(2));

    let text = render(&status);
    let marks: Vec<_> = text.lines().rev().take(2).map(|line| line.split(' ').next()).collect();
    assert_eq!(marks, [Some("!"), Some("ALARM:")]);
    assert_eq!((status.findings.len(), status.alarms.len()), (2, 1));
}

#[test]
fn a_refused_neighbour_has_a_reason() {
    let refusal = Refusal::ForeignTrustDomain {
        id: SpiffeId::new("spiffe://rogue.example/node/mallory").unwrap(),
        own: TrustDomain::new("x0tta6bl4.mesh").unwrap(),
    };

    let text = rendered([hello(true), failed(HandshakeFailure::Refused(refusal))]);

    assert_eq!(
        text.lines().last().unwrap(),
        "eth1       02:00:00:00:00:02  251/255  refused  -          -     \
         spiffe://rogue.example/node/mallory is of trust domain rogue.example, not x0tta6bl4.mesh"
    );
}

#[test]
fn a_neighbour_that_says_no_hello_is_unverified() {
    let text = rendered([]);

    assert!(
        text.ends_with("unverified  -          -     it says no hello on this link\n"),
        "{text}"
    );
}
