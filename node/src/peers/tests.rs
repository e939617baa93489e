use spire_bridge::{Refusal, SpiffeId, tls};

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

fn key(mac: MacAddr) -> PeerKey {
    PeerKey { link: LINK, address: link_local(mac) }
}

fn hello(mac: MacAddr) -> Hello {
    Hello { mesh: "mesh".into(), port: 4660, mac, nonce: 1, has_identity: true }
}

fn able() -> Peers {
    let mut peers = Peers::default();
    peers.able(true, at(0));
    peers
}

fn heard(mac: MacAddr, now: u64) -> Peers {
    let mut peers = able();
    peers.hello(key(mac), &hello(mac), at(now));
    peers
}

fn session_of(name: &str, id: u64, side: Side, mac: MacAddr) -> Session {
    let life = Duration::from_secs(3_600);
    let ends = WallTime::from_unix(WALL.unix() + life.as_secs());
    let proven = tls::Peer {
        spiffe_id: SpiffeId::new(format!("spiffe://m.mesh/node/{name}")).unwrap(),
        not_after: ends,
        kx_group: "X25519MLKEM768",
    };
    Session { id: SessionId(id), side, proven, mac, ends, life, heard: at(0), round_trip: None }
}

fn session(id: u64, side: Side, mac: MacAddr) -> Session {
    session_of("victor", id, side, mac)
}

fn broken() -> HandshakeFailure {
    HandshakeFailure::Broken { reason: "reset".into() }
}

fn dials(peers: &Peers, own: MacAddr, now: u64) -> usize {
    peers.to_dial(|_| Some(own), WALL, TIMEOUTS, at(now)).len()
}

fn kept(peers: &Peers, mac: MacAddr) -> Option<u64> {
    peers.get(key(mac))?.session.as_ref().map(|session| session.id.0)
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
fn courtesy_begins_when_this_node_could_dial() {
    let mut peers = Peers::default();
    peers.hello(key(LOW), &hello(LOW), at(0));
    let unable = dials(&peers, HIGH, 4);

    peers.able(true, at(4));
    peers.hello(key(LOW), &hello(LOW), at(6));

    assert_eq!((unable, dials(&peers, HIGH, 6), dials(&peers, HIGH, 7)), (0, 0, 1));
}

#[test]
fn nobody_is_dialled_twice_at_a_time() {
    let mut peers = heard(HIGH, 0);

    peers.dialled(key(HIGH), at(0));
    peers.hello(key(HIGH), &hello(HIGH), at(20));

    assert_eq!(dials(&peers, LOW, 4), 0);
    assert_eq!(dials(&peers, LOW, 21), 1, "an attempt without a result is given up");
}

#[test]
fn a_changing_nonce_does_not_get_a_peer_dialled_more_often() {
    let mut peers = heard(HIGH, 0);
    peers.dialled(key(HIGH), at(0));

    for nonce in 2..100 {
        peers.hello(key(HIGH), &Hello { nonce, ..hello(HIGH) }, at(1));
        assert_eq!(dials(&peers, LOW, 1), 0);
    }
}

#[test]
fn a_crowd_is_dialled_a_few_at_a_time() {
    let mut peers = able();
    for n in 0..40 {
        let mac = MacAddr([6, 0, 0, 0, 0, n]);
        peers.hello(key(mac), &hello(mac), at(0));
    }

    let first = peers.to_dial(|_| Some(LOW), WALL, TIMEOUTS, at(0));
    first.iter().for_each(|key| peers.dialled(*key, at(0)));

    assert_eq!((first.len(), dials(&peers, LOW, 1)), (DIALS, 0));
}

#[test]
fn a_peer_without_an_identity_is_not_dialled_until_it_has_one() {
    let mut peers = able();
    let bare = Hello { has_identity: false, ..hello(HIGH) };

    peers.hello(key(HIGH), &bare, at(0));
    let before = dials(&peers, LOW, 1);
    peers.hello(key(HIGH), &hello(HIGH), at(2));

    assert_eq!((before, dials(&peers, LOW, 3)), (0, 1));
}

#[test]
fn a_spoofed_hello_does_not_make_a_peer_undiallable() {
    let mut peers = heard(HIGH, 0);

    peers.hello(key(HIGH), &Hello { has_identity: false, ..hello(HIGH) }, at(1));

    assert_eq!(dials(&peers, LOW, 2), 1);
}

#[test]
fn failures_space_the_attempts_out() {
    let mut peers = heard(HIGH, 0);
    let mut waits = Vec::new();

    for _ in 0..6 {
        peers.dialled(key(HIGH), at(0));
        peers.failed(key(HIGH), Side::Dialler, broken(), at(0));
        waits.push(peers.get(key(HIGH)).unwrap().dial_from.since(at(0)).as_secs());
    }

    assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
}

#[test]
fn a_peer_that_starts_anew_is_forgiven() {
    let mut peers = heard(HIGH, 0);
    for _ in 0..6 {
        peers.dialled(key(HIGH), at(0));
        peers.failed(key(HIGH), Side::Dialler, broken(), at(0));
    }

    peers.hello(key(HIGH), &Hello { nonce: 2, ..hello(HIGH) }, at(0));

    assert_eq!(peers.get(key(HIGH)).unwrap().failure, None);
    assert_eq!((dials(&peers, LOW, 0), dials(&peers, LOW, 1)), (0, 1));
}

#[test]
fn both_ends_keep_the_session_that_the_lower_address_dialled() {
    for order in [[1, 2], [2, 1]] {
        let (mut at_low, mut at_high) = (heard(HIGH, 0), heard(LOW, 0));

        for id in order {
            let (low, high) = match id {
                1 => (Side::Dialler, Side::Listener),
                _ => (Side::Listener, Side::Dialler),
            };
            at_low.opened(key(HIGH), LOW, session(id, low, HIGH));
            at_high.opened(key(LOW), HIGH, session(id, high, LOW));
        }

        assert_eq!((kept(&at_low, HIGH), kept(&at_high, LOW)), (Some(1), Some(1)));
    }
}

#[test]
fn the_newer_of_two_sessions_replaces_the_older() {
    let mut peers = heard(HIGH, 0);
    peers.opened(key(HIGH), LOW, session(1, Side::Dialler, HIGH));

    let superfluous = peers.opened(key(HIGH), LOW, session(2, Side::Dialler, HIGH));

    assert_eq!((superfluous, kept(&peers, HIGH)), (Some(SessionId(1)), Some(2)));
}

#[test]
fn nobody_takes_the_place_of_another_identity() {
    let elsewhere = PeerKey { link: LINK, address: Ipv6Addr::LOCALHOST };

    for from in [key(HIGH), elsewhere] {
        let mut peers = heard(HIGH, 0);
        peers.opened(key(HIGH), LOW, session(1, Side::Dialler, HIGH));

        let mallory = session_of("mallory", 2, Side::Listener, HIGH);
        let superfluous = peers.opened(from, LOW, mallory);

        assert_eq!(superfluous, Some(SessionId(2)));
        let owner = peers.owner(LINK, HIGH).unwrap().session.as_ref().unwrap();
        assert_eq!(owner.id, SessionId(1));
    }
}

#[test]
fn a_second_address_of_one_peer_costs_it_no_session() {
    let alias = PeerKey { link: LINK, address: Ipv6Addr::LOCALHOST };
    let (mut dialler, mut listener) = (heard(HIGH, 0), heard(LOW, 0));
    dialler.opened(key(HIGH), LOW, session(1, Side::Dialler, HIGH));
    listener.opened(key(LOW), HIGH, session(1, Side::Listener, LOW));

    let given_up = dialler.opened(alias, LOW, session(2, Side::Dialler, HIGH));
    let kept_meanwhile = listener.opened(alias, HIGH, session(2, Side::Listener, LOW));

    assert_eq!((given_up, kept_meanwhile), (Some(SessionId(2)), None));
    assert_eq!((kept(&dialler, HIGH), kept(&listener, LOW)), (Some(1), Some(1)));
}

#[test]
fn one_identity_cannot_fill_the_table() {
    let mut peers = able();

    for n in 0..40 {
        let mac = MacAddr([6, 0, 0, 0, 0, n]);
        peers.opened(key(mac), LOW, session_of("mallory", u64::from(n), Side::Listener, mac));
    }

    assert_eq!(peers.sessions().count(), SESSIONS_OF_ONE);
}

#[test]
fn a_silent_session_and_one_of_an_ended_svid_are_stale() {
    let mut peers = heard(HIGH, 0);
    peers.opened(key(HIGH), LOW, session(1, Side::Dialler, HIGH));

    let fresh = peers.stale(TIMEOUTS, WALL, at(5));
    let silent = peers.stale(TIMEOUTS, WALL, at(6));
    peers.beat(SessionId(1), None, at(6));
    let beating = peers.stale(TIMEOUTS, WALL, at(7));
    let ended = peers.stale(TIMEOUTS, WallTime::from_unix(WALL.unix() + 3_600), at(7));

    assert_eq!((fresh, silent), (vec![], vec![SessionId(1)]));
    assert_eq!((beating, ended), (vec![], vec![SessionId(1)]));
}

#[test]
fn a_session_is_renewed_by_its_dialler_before_it_ends_and_not_over_and_over() {
    let mut peers = heard(HIGH, 0);
    peers.opened(key(HIGH), LOW, session(1, Side::Dialler, HIGH));
    let dials_at = |peers: &Peers, left: u64, now: u64| {
        let wall = WallTime::from_unix(WALL.unix() + 3_600 - left);
        peers.to_dial(|_| Some(LOW), wall, TIMEOUTS, at(now)).len()
    };

    assert_eq!((dials_at(&peers, 301, 40), dials_at(&peers, 299, 40)), (0, 1));
    peers.opened(key(HIGH), LOW, Session { heard: at(40), ..session(2, Side::Dialler, HIGH) });
    assert_eq!((dials_at(&peers, 298, 41), dials_at(&peers, 270, 70)), (0, 1));
}

#[test]
fn a_short_session_is_renewed_in_its_last_third() {
    let life = Duration::from_secs(60);
    let ends = WallTime::from_unix(WALL.unix() + 60);
    let session = Session { ends, life, ..session(1, Side::Dialler, HIGH) };

    assert!(!session.ends_soon(WallTime::from_unix(WALL.unix() + 40)));
    assert!(session.ends_soon(WallTime::from_unix(WALL.unix() + 41)));
}

#[test]
fn our_own_verdict_outlives_a_later_alert_of_the_peer() {
    let mut peers = heard(HIGH, 0);
    let verdict = HandshakeFailure::Refused(Refusal::NoSpiffeId);
    let alert = HandshakeFailure::RefusedByPeer { alert: "UnknownCA".into() };

    let first = peers.failed(key(HIGH), Side::Dialler, verdict.clone(), at(0));
    let second = peers.failed(key(HIGH), Side::Listener, alert, at(1));

    assert_eq!((first, second), (true, false), "only what changes something is news");
    assert_eq!(peers.get(key(HIGH)).unwrap().failure, Some(verdict));
}

#[test]
fn a_claim_to_a_victims_address_does_not_speak_for_the_victim() {
    let mallory = PeerKey { link: LINK, address: Ipv6Addr::LOCALHOST };
    let verdict = HandshakeFailure::Refused(Refusal::NoSpiffeId);
    let mut peers = heard(HIGH, 0);

    peers.hello(mallory, &hello(HIGH), at(0));
    peers.failed(mallory, Side::Dialler, verdict, at(0));

    assert_eq!(peers.owner(LINK, HIGH).unwrap().failure, None);
    peers.opened(key(HIGH), LOW, session(1, Side::Dialler, HIGH));
    assert!(peers.owner(LINK, HIGH).unwrap().session.is_some());
}

#[test]
fn a_silent_peer_is_forgotten_unless_it_holds_a_session() {
    let mut peers = heard(HIGH, 0);
    peers.hello(key(LOW), &hello(LOW), at(0));
    peers.opened(key(HIGH), LOW, session(1, Side::Dialler, HIGH));

    peers.forget(TIMEOUTS, at(6));

    assert!(peers.get(key(HIGH)).is_some());
    assert!(peers.get(key(LOW)).is_none());
}

#[test]
fn a_flood_of_hellos_does_not_push_out_a_session() {
    let mut peers = heard(HIGH, 0);
    peers.opened(key(HIGH), LOW, session(1, Side::Dialler, HIGH));

    for n in 0..1_000_u32 {
        let [_, _, a, b] = n.to_be_bytes();
        let mac = MacAddr([6, 0, 0, 0, a, b]);
        peers.hello(key(mac), &hello(mac), at(1));
    }

    assert_eq!(peers.iter().count(), CAPACITY);
    assert_eq!(kept(&peers, HIGH), Some(1));
}
