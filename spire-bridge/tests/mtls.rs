//! Two peers prove themselves to each other, or say why not: real certificates, real TLS, no network.
#![expect(clippy::unwrap_used, reason = "what cannot be set up has failed its test")]

mod authority;

use std::time::Duration;

use authority::{Authority, NOW, terms};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use spire_bridge::identity::Identity;
use spire_bridge::io::mtls;
use spire_bridge::tls::{self, HandshakeFailure, Peer, Terms};
use spire_bridge::{Refusal, SpiffeId};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

type Verdicts = (Result<Peer, HandshakeFailure>, Result<Peer, HandshakeFailure>);

/// Lets one side dial the other; returns what the dialler, then what the listener found.
async fn handshake(dialler: &Terms, listener: &Terms) -> Verdicts {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let (client, server) = (tls::client(dialler).unwrap(), tls::server(listener).unwrap());
    let dial = async move {
        let (mut stream, peer) = mtls::dial(near, client).await?;
        // With TLS 1.3 the dialler learns at its first read whether it was let in.
        let mut greeting = [0];
        match stream.read_exact(&mut greeting).await {
            Ok(_) => Ok(peer),
            Err(error) => Err(HandshakeFailure::from_io(&error)),
        }
    };
    let listen = async move {
        let (mut stream, peer) = mtls::accept(far, server).await?;
        stream.write_all(b"!").await.unwrap();
        stream.flush().await.unwrap();
        Ok(peer)
    };
    tokio::join!(dial, listen)
}

fn run(dialler: &Terms, listener: &Terms) -> Verdicts {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(handshake(dialler, listener))
}

fn name(path: &str) -> SpiffeId {
    SpiffeId::new(format!("spiffe://m.mesh{path}")).unwrap()
}

#[test]
fn two_nodes_of_one_trust_domain_know_each_other() {
    let mesh = Authority::of("m.mesh");

    let (dialled, listened) =
        run(&terms(&mesh.svid("/node/alpha"), NOW), &terms(&mesh.svid("/node/bravo"), NOW));

    let (dialled, listened) = (dialled.unwrap(), listened.unwrap());
    assert_eq!(dialled.spiffe_id, name("/node/bravo"));
    assert_eq!(listened.spiffe_id, name("/node/alpha"));
    assert_eq!((dialled.kx_group, listened.kx_group), ("X25519MLKEM768", "X25519MLKEM768"));
    assert_eq!(dialled.not_after.to_string(), "2026-11-22T13:00:00Z");
}

#[test]
fn a_foreign_dialler_is_refused_and_refuses() {
    let (mesh, rogue) = (Authority::of("m.mesh"), Authority::of("rogue.example"));

    let (dialled, listened) =
        run(&terms(&rogue.svid("/node/mallory"), NOW), &terms(&mesh.svid("/node/bravo"), NOW));

    assert!(matches!(
        dialled,
        Err(HandshakeFailure::Refused(Refusal::ForeignTrustDomain { ref id, .. })) if *id == name("/node/bravo")
    ));
    assert!(matches!(listened, Err(HandshakeFailure::RefusedByPeer { .. })), "{listened:?}");
}

#[test]
fn a_foreign_listener_is_refused_by_name() {
    let (mesh, rogue) = (Authority::of("m.mesh"), Authority::of("rogue.example"));

    let (dialled, _) =
        run(&terms(&mesh.svid("/node/alpha"), NOW), &terms(&rogue.svid("/node/mallory"), NOW));

    assert_eq!(
        dialled.unwrap_err().to_string(),
        "spiffe://rogue.example/node/mallory is of trust domain rogue.example, not m.mesh"
    );
}

#[test]
fn a_stolen_name_without_the_authority_is_refused() {
    let (mesh, rogue) = (Authority::of("m.mesh"), Authority::of("rogue.example"));

    let (dialled, _) = run(
        &terms(&mesh.svid("/node/alpha"), NOW),
        &terms(&rogue.svid_named("spiffe://m.mesh/node/bravo"), NOW),
    );

    let expected = Refusal::UnknownAuthority { id: name("/node/bravo") };
    assert_eq!(dialled.unwrap_err(), HandshakeFailure::Refused(expected));
}

#[test]
fn an_identity_that_no_rule_names_is_refused() {
    let mesh = Authority::of("m.mesh");

    let (dialled, _) =
        run(&terms(&mesh.svid("/node/alpha"), NOW), &terms(&mesh.svid("/workload/web"), NOW));

    assert!(matches!(dialled, Err(HandshakeFailure::Refused(Refusal::NotAllowed { .. }))));
}

#[test]
fn a_refused_dialler_learns_so_at_its_first_read() {
    let mesh = Authority::of("m.mesh");

    let (dialled, listened) =
        run(&terms(&mesh.svid("/workload/web"), NOW), &terms(&mesh.svid("/node/bravo"), NOW));

    assert!(matches!(dialled, Err(HandshakeFailure::RefusedByPeer { .. })), "{dialled:?}");
    assert!(matches!(listened, Err(HandshakeFailure::Refused(Refusal::NotAllowed { .. }))));
}

#[test]
fn time_is_checked_by_each_side_with_its_own_clock() {
    let mesh = Authority::of("m.mesh");
    let late = NOW + Duration::from_secs(3_700);
    let early = NOW - Duration::from_secs(3_600);

    let (after, _) =
        run(&terms(&mesh.svid("/node/alpha"), late), &terms(&mesh.svid("/node/bravo"), NOW));
    let (before, _) =
        run(&terms(&mesh.svid("/node/alpha"), early), &terms(&mesh.svid("/node/bravo"), NOW));

    let id = name("/node/bravo");
    assert_eq!(after.unwrap_err(), HandshakeFailure::Refused(Refusal::Expired { id: id.clone() }));
    assert_eq!(before.unwrap_err(), HandshakeFailure::Refused(Refusal::NotYetValid { id }));
}

#[test]
fn a_rotation_is_seen_by_the_next_handshake_with_the_same_settings() {
    let mesh = Authority::of("m.mesh");
    let (alpha, bravo) =
        (terms(&mesh.svid("/node/alpha"), NOW), terms(&mesh.svid("/node/bravo"), NOW));

    let (before, _) = run(&alpha, &bravo);
    bravo.identity.hold(mesh.svid("/node/renamed").identity());
    let (after, _) = run(&alpha, &bravo);

    assert_eq!(before.unwrap().spiffe_id, name("/node/bravo"));
    assert_eq!(after.unwrap().spiffe_id, name("/node/renamed"));
}

#[test]
fn a_key_of_another_certificate_is_not_an_identity() {
    let mesh = Authority::of("m.mesh");
    let svid = CertificateParams::default()
        .signed_by(&KeyPair::generate().unwrap(), &mesh.issuer)
        .unwrap();
    let other = KeyPair::generate().unwrap();

    let made = Identity::from_parts(
        name("/node/alpha"),
        vec![svid.der().clone()],
        PrivatePkcs8KeyDer::from(other.serialize_der()),
        [mesh.issuer.der().clone()],
    );

    assert!(made.is_err());
}
