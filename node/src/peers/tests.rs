use spire_bridge::identity::WallTime;
use spire_bridge::{Refusal, SpiffeId};

use super::*;

const LINK: IfIndex = IfIndex(3);
const LOW: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const HIGH: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);
const TIMEOUTS: Timeouts =
    Timeouts { hello: Duration::from_secs(5), session: Duration::from_secs(5) };
const WALL: WallTime = WallTime::from_unix(1_000_000);

fn at(seconds: u64) -> Uptime {
    Uptime::from_boot(Duration::from_secs(seconds))
}

fn address(mac: MacAddr) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, u16::from(mac.0[5]))
}

fn hello(mac: MacAddr) -> Hello {
    Hello { mesh: "mesh".into(), port: 4660, mac, nonce: 1, has_identity: true }
}

fn heard(mac: MacAddr, now: u64) -> Peers {
    let mut peers = Peers::default();
    peers.hello(LINK, address(mac), &hello(mac), at(now));
    peers
}

fn key(mac: MacAddr) -> PeerKey {
    PeerKey { link: LINK, mac }
}

fn session(id: u64, side: Side, now: u64) -> Session {
    let proven = tls::Peer {
        spiffe_id: SpiffeId::new("spiffe://m.mesh/node/alpha").unwrap(),
        not_after: WallTime::from_unix(WALL.unix() + 3_600),
        kx_group: "X25519MLKEM768",
    };
    Session { id: SessionId(id), side, proven, heard: at(now), round_trip: None }
}

fn dials(peers: &Peers, own: MacAddr, now: u64) -> usize {
    peers.to_dial(|_| Some(own), WALL, TIMEOUTS, at(now)).len()
}

#[test]
fn the_lower_address_dials_at_once_and_the_higher_after_a_while() {
    let mut peers = heard(HIGH, 0);
    assert_eq!(dials(&peers, LOW, 0), 1);

    peers = heard(LOW, 0);
    assert_eq!(dials(&peers, HIGH, 2), 0);
    assert_eq!(dials(&peers, HIGH, 3), 1);
}

#[test]
fn nobody_is_dialled_twice_at_a_time() {
    let mut peers = heard(HIGH, 0);

    peers.dialled(key(HIGH), at(0));
    peers.hello(LINK, address(HIGH), &hello(HIGH), at(20));

    assert_eq!(dials(&peers, LOW, 4), 0);
    assert_eq!(dials(&peers, LOW, 21), 1, "an attempt without a result is given up");
}

#[test]
fn a_peer_without_an_identity_is_not_dialled_until_it_has_one() {
    let mut peers = Peers::default();
    let bare = Hello { has_identity: false, ..hello(HIGH) };

    peers.hello(LINK, address(HIGH), &bare, at(0));
    let before = dials(&peers, LOW, 1);
    peers.hello(LINK, address(HIGH), &hello(HIGH), at(2));

    assert_eq!((before, dials(&peers, LOW, 2)), (0, 1));
}

#[test]
fn failures_space_the_attempts_out() {
    let mut peers = heard(HIGH, 0);
    let mut waits = Vec::new();

    for _ in 0..6 {
        peers.dialled(key(HIGH), at(0));
        let broken = HandshakeFailure::Broken { reason: "reset".into() };
        peers.failed(LINK, address(HIGH), Side::Dialler, broken, at(0));
        waits.push(peers.get(key(HIGH)).unwrap().dial_from.since(at(0)).as_secs());
    }

    assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
}

#[test]
fn a_peer_that_starts_anew_is_forgiven() {
    let mut peers = heard(HIGH, 0);
    peers.dialled(key(HIGH), at(0));
    peers.failed(LINK, address(HIGH), Side::Dialler, HandshakeFailure::NoIdentity, at(0));

    peers.hello(LINK, address(HIGH), &Hello { nonce: 2, ..hello(HIGH) }, at(0));

    assert_eq!(peers.get(key(HIGH)).unwrap().failure, None);
    assert_eq!(dials(&peers, LOW, 0), 1);
}

#[test]
fn both_ends_keep_the_session_that_the_lower_address_dialled() {
    for first_is_ours in [true, false] {
        let mut at_low = heard(HIGH, 0);
        let mut at_high = heard(LOW, 0);
        let (by_low, by_high) = (1, 2);
        let order = if first_is_ours { [by_low, by_high] } else { [by_high, by_low] };

        for id in order {
            let (low, high) = if id == by_low {
                (Side::Dialler, Side::Listener)
            } else {
                (Side::Listener, Side::Dialler)
            };
            at_low.opened(key(HIGH), LOW, address(HIGH), session(id, low, 0));
            at_high.opened(key(LOW), HIGH, address(LOW), session(id, high, 0));
        }

        let kept = |peers: &Peers, mac| peers.get(key(mac)).unwrap().session.as_ref().unwrap().id;
        assert_eq!(kept(&at_low, HIGH), SessionId(by_low));
        assert_eq!(kept(&at_high, LOW), SessionId(by_low));
    }
}

#[test]
fn the_fresher_of_two_sessions_replaces_the_older() {
    let mut peers = heard(HIGH, 0);
    peers.opened(key(HIGH), LOW, address(HIGH), session(1, Side::Dialler, 0));

    let superfluous = peers.opened(key(HIGH), LOW, address(HIGH), session(2, Side::Dialler, 9));

    assert_eq!(superfluous, Some(SessionId(1)));
}

#[test]
fn a_silent_session_and_one_of_an_ended_svid_are_stale() {
    let mut peers = heard(HIGH, 0);
    peers.opened(key(HIGH), LOW, address(HIGH), session(1, Side::Dialler, 0));

    let fresh = peers.stale(TIMEOUTS, WALL, at(5));
    let silent = peers.stale(TIMEOUTS, WALL, at(6));
    peers.beat(SessionId(1), None, at(6));
    let beating = peers.stale(TIMEOUTS, WALL, at(7));
    let ended = peers.stale(TIMEOUTS, WallTime::from_unix(WALL.unix() + 3_600), at(7));

    assert_eq!((fresh, silent), (vec![], vec![SessionId(1)]));
    assert_eq!((beating, ended), (vec![], vec![SessionId(1)]));
}

#[test]
fn a_session_is_renewed_by_its_dialler_before_the_svid_ends() {
    let mut peers = heard(HIGH, 0);
    peers.opened(key(HIGH), LOW, address(HIGH), session(1, Side::Dialler, 0));
    let dials_at = |left: u64| {
        let wall = WallTime::from_unix(WALL.unix() + 3_600 - left);
        peers.to_dial(|_| Some(LOW), wall, TIMEOUTS, at(1)).len()
    };

    assert_eq!((dials_at(301), dials_at(299)), (0, 1));
}

#[test]
fn our_own_verdict_outlives_a_later_alert_of_the_peer() {
    let mut peers = heard(HIGH, 0);
    let verdict = HandshakeFailure::Refused(Refusal::NoSpiffeId);
    let alert = HandshakeFailure::RefusedByPeer { alert: "UnknownCA".into() };

    peers.failed(LINK, address(HIGH), Side::Dialler, verdict.clone(), at(0));
    peers.failed(LINK, address(HIGH), Side::Listener, alert, at(1));

    assert_eq!(peers.get(key(HIGH)).unwrap().failure, Some(verdict));
}

#[test]
fn a_silent_peer_is_forgotten_unless_it_holds_a_session() {
    let mut peers = heard(HIGH, 0);
    peers.hello(LINK, address(LOW), &hello(LOW), at(0));
    peers.opened(key(HIGH), LOW, address(HIGH), session(1, Side::Dialler, 0));

    peers.forget(TIMEOUTS, at(6));

    assert!(peers.get(key(HIGH)).is_some());
    assert!(peers.get(key(LOW)).is_none());
}

#[test]
fn a_flood_of_hellos_does_not_push_out_a_session() {
    let mut peers = heard(HIGH, 0);
    peers.opened(key(HIGH), LOW, address(HIGH), session(1, Side::Dialler, 0));

    for n in 0..1_000_u32 {
        let [_, _, a, b] = n.to_be_bytes();
        let mac = MacAddr([6, 0, 0, 0, a, b]);
        peers.hello(LINK, Ipv6Addr::LOCALHOST, &hello(mac), at(1));
    }

    assert_eq!(peers.iter().count(), CAPACITY);
    assert!(peers.get(key(HIGH)).unwrap().session.is_some());
}
