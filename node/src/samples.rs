//! A small node in good health, for the tests to break.

use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;

use batman::{
    Address, IfIndex, Link, LinkAddress, LinkQuality, MacAddr, MeshDevice, MeshSettings, Neighbour,
    Originator, RoutingAlgorithm, Seen,
};
use rcgen::{CertificateParams, KeyPair, SanType};
use rustls::pki_types::PrivatePkcs8KeyDer;
use spire_bridge::agent::Origin;
use spire_bridge::identity::{Absence, Identity, Standing, WallTime};
use spire_bridge::tls::{self, HandshakeFailure};
use spire_bridge::{SpiffeId, Uptime};
use time::OffsetDateTime;

use crate::config::Config;
use crate::data::{DataSeen, Room};
use crate::hello::Hello;
use crate::knowledge::Knowledge;
use crate::observation::Observation;
use crate::peers::{LinkEvent, PeerKey, Session, SessionId, Side};
use crate::prepare::ladder::Data;
use crate::trial::record::Record;

/// Our hard interface and our address on it.
pub(crate) const LINK: IfIndex = IfIndex(3);
pub(crate) const OWN: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
/// A neighbour.
pub(crate) const PEER: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);
pub(crate) const PEER_ADDRESS: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);

pub(crate) const WALL: WallTime = WallTime::from_unix(1_795_348_800);

/// A data file system with nothing wrong.
pub(crate) const SOUND: DataSeen = DataSeen {
    boot: Data::Sound,
    room: Room::Free,
    agent_moved: false,
    keep_behind: false,
    clock_behind: false,
    clock_below_floor: false,
};

pub(crate) fn at(seconds: u64) -> Uptime {
    Uptime::from_boot(Duration::from_secs(seconds))
}

pub(crate) fn config() -> Config {
    Config::parse("[mesh]\nhard_interfaces = [\"eth1\"]\n[identity]\nserver = \"10.0.2.2:8081\"\n")
        .unwrap()
}

fn link(name: &str, index: u32, address: MacAddr, master: Option<u32>, kind: Option<&str>) -> Link {
    Link {
        name: name.parse().unwrap(),
        index: IfIndex(index),
        address: Some(address),
        kind: kind.map(str::to_owned),
        up: true,
        carrier: true,
        master: master.map(IfIndex),
        lower: None,
        vlan: None,
        filters_vlans: false,
        mtu: Some(1500),
    }
}

/// The mesh as [`config`] wants it, with one neighbour.
pub(crate) fn mesh() -> Seen {
    let bat0 = link("bat0", 9, MacAddr([2, 0, 0, 0, 9, 9]), None, Some("batadv"));
    Seen {
        mesh: Some(MeshDevice {
            name: bat0.name.clone(),
            index: bat0.index,
            address: MacAddr([2, 0, 0, 0, 9, 9]),
            up: true,
            algorithm: Some(RoutingAlgorithm::BatmanIv),
            version: "6.12".into(),
            settings: MeshSettings::default(),
        }),
        links: vec![link("eth1", 3, OWN, Some(9), None), bat0],
        addresses: vec![LinkAddress {
            link: IfIndex(9),
            address: Address::link_local(MacAddr([2, 0, 0, 0, 9, 9])),
            is_ours: false,
            is_duplicate: false,
        }],
        neighbours: vec![Neighbour {
            address: PEER,
            interface: "eth1".parse().unwrap(),
            interface_index: LINK,
            last_seen: Duration::from_millis(500),
            throughput: None,
        }],
        originators: vec![Originator {
            address: PEER,
            neighbour: PEER,
            interface: "eth1".parse().unwrap(),
            interface_index: LINK,
            quality: LinkQuality::Tq(251),
            last_seen: Duration::from_millis(500),
            best: true,
        }],
        ..Seen::default()
    }
}

/// A look at a node whose mesh is whole and who has no identity yet.
pub(crate) fn seen() -> Observation {
    Observation {
        mesh: Ok(mesh()),
        gateways: None,
        measurable: Vec::new(),
        wireless: Vec::new(),
        identity: Standing::Absent(Absence::NoWorkloadApi),
        wall: WALL,
        agent_missing: false,
        server_answers: Some(true),
        join_token_left: false,
        data: None,
        slots: None,
        record: Record::default(),
    }
}

/// What a node knows whose agent has been up for a while.
pub(crate) fn knowledge() -> Knowledge {
    let mut knowledge = Knowledge::default();
    knowledge.agent.started(70, at(0), Origin::Ours);
    knowledge
}

pub(crate) fn peer() -> PeerKey {
    PeerKey { link: LINK, address: PEER_ADDRESS }
}

pub(crate) fn hello(has_identity: bool) -> LinkEvent {
    let hello = Hello { mesh: "mesh".into(), port: 4660, mac: PEER, nonce: 1, has_identity };
    LinkEvent::Hello { from: peer(), hello }
}

pub(crate) fn opened() -> LinkEvent {
    let life = Duration::from_secs(3_540);
    let ends = WallTime::from_unix(WALL.unix() + life.as_secs());
    let proven = tls::Peer {
        spiffe_id: SpiffeId::new("spiffe://x0tta6bl4.mesh/node/bravo").unwrap(),
        not_after: ends,
        kx_group: "X25519MLKEM768",
    };
    let session = Session {
        id: SessionId(1),
        side: Side::Dialler,
        proven,
        mac: PEER,
        ends,
        life,
        heard: at(1),
        round_trip: None,
    };
    LinkEvent::Opened { from: peer(), own: OWN, session }
}

pub(crate) fn failed(failure: HandshakeFailure) -> LinkEvent {
    LinkEvent::Failed { from: peer(), side: Side::Dialler, failure }
}

/// An identity that lasts for an hour from [`WALL`].
pub(crate) fn identity() -> Standing {
    identity_from(0)
}

/// An identity that lasts for an hour from so many seconds after [`WALL`].
pub(crate) fn identity_from(seconds: i64) -> Standing {
    let begins = OffsetDateTime::from_unix_timestamp(1_795_348_800 + seconds).unwrap();
    let id = "spiffe://x0tta6bl4.mesh/node/alpha";
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.not_before = begins;
    params.not_after = begins + Duration::from_secs(3_600);
    params.subject_alt_names = vec![SanType::URI(id.try_into().unwrap())];
    let svid = params.self_signed(&key).unwrap();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let chain = vec![svid.der().clone()];
    let id = SpiffeId::new(id).unwrap();
    let identity = Identity::from_parts(id, chain, key, [svid.der().clone()]).unwrap();
    Standing::Held(Arc::new(identity))
}
