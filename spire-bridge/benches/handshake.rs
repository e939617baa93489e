//! CPU of one mTLS handshake, both sides, through our settings and through bare rustls with the same certificates.
//!
//! Prints one JSON line. No network, no runtime: bytes go from one side to the other in memory.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

#[path = "../tests/authority/mod.rs"]
mod authority;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use authority::{Authority, DNS_NAME, FixedClock, NOW, Svid, terms};
use nix::time::{ClockId, clock_gettime};
use rustls::client::{ClientConfig, ClientConnection, Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::ServerName;
use rustls::server::{
    NoServerSessionStorage, ServerConfig, ServerConnection, WebPkiClientVerifier,
};
use rustls::version::TLS13;
use rustls::{ConnectionCommon, RootCertStore, SideData};
use serde_json::json;
use spire_bridge::tls::{self, Peer};

/// The two take turns this often, so that whatever else the machine does hits both.
const ROUNDS: usize = 61;

/// Handshakes of one turn: together well above the clock's resolution.
const TURN: u32 = 20;

type Failure = Box<dyn Error>;

/// Both sides of a handshake.
struct Pair {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    /// What the client calls the server.
    name: ServerName<'static>,
    /// What is done with a session before it is used; whether it is good.
    admit: fn(&ClientConnection, &ServerConnection) -> bool,
}

fn main() -> Result<(), Failure> {
    let mesh = Authority::of("m.mesh");
    let (alpha, bravo) = (mesh.svid("/node/alpha"), mesh.svid("/node/bravo"));
    let (ours, bare) = (ours(&alpha, &bravo)?, bare(&alpha, &bravo)?);

    // The first turn fills caches and is not counted.
    turn(&ours)?;
    turn(&bare)?;
    let (mut with_us, mut without_us) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        with_us.push(turn(&ours)?);
        without_us.push(turn(&bare)?);
    }

    let (value, peer_value) = (microseconds(with_us), microseconds(without_us));
    println!(
        "{}",
        json!({
            "name": "handshake",
            "value": value,
            "unit": "us CPU",
            "peer": "bare rustls",
            "peer_value": peer_value,
            "ratio": value / peer_value,
        })
    );
    Ok(())
}

/// A node dials a node.
fn ours(dialler: &Svid, listener: &Svid) -> Result<Pair, Failure> {
    let client = tls::client(&terms(dialler, NOW))?;
    let server = tls::server(&terms(listener, NOW))?;
    let name = ServerName::from(std::net::IpAddr::from([0; 16]));
    let admit = |client: &ClientConnection, server: &ServerConnection| {
        Peer::of(client).is_some() && Peer::of(server).is_some()
    };
    Ok(Pair { client, server, name, admit })
}

/// The same without our verifier and resolver: rustls's own, and the same terms otherwise.
fn bare(dialler: &Svid, listener: &Svid) -> Result<Pair, Failure> {
    let provider = Arc::new(CryptoProvider {
        kx_groups: vec![
            aws_lc_rs::kx_group::X25519MLKEM768,
            aws_lc_rs::kx_group::X25519,
            aws_lc_rs::kx_group::SECP256R1,
        ],
        ..aws_lc_rs::default_provider()
    });
    let clock = Arc::new(FixedClock(NOW));
    let mut roots = RootCertStore::empty();
    roots.add(dialler.authority.clone())?;
    let roots = Arc::new(roots);
    let servers =
        WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider));
    let clients = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider));

    let mut client = ClientConfig::builder_with_details(Arc::clone(&provider), clock.clone())
        .with_protocol_versions(&[&TLS13])?
        .with_webpki_verifier(servers.build()?)
        .with_client_auth_cert(vec![dialler.certificate.clone()], dialler.key.clone_key().into())?;
    client.resumption = Resumption::disabled();
    client.alpn_protocols = vec![b"h2".to_vec()];

    let mut server = ServerConfig::builder_with_details(provider, clock)
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(clients.build()?)
        .with_single_cert(vec![listener.certificate.clone()], listener.key.clone_key().into())?;
    server.session_storage = Arc::new(NoServerSessionStorage {});
    server.send_tls13_tickets = 0;
    server.alpn_protocols = vec![b"h2".to_vec()];

    let name = ServerName::try_from(DNS_NAME)?;
    let admit = |client: &ClientConnection, server: &ServerConnection| {
        client.peer_certificates().is_some() && server.peer_certificates().is_some()
    };
    Ok(Pair { client: Arc::new(client), server: Arc::new(server), name, admit })
}

/// The CPU time of one handshake, as the mean of a turn.
fn turn(pair: &Pair) -> Result<Duration, Failure> {
    let start = cpu()?;
    for _ in 0..TURN {
        handshake(pair)?;
    }
    Ok((cpu()? - start) / TURN)
}

fn handshake(pair: &Pair) -> Result<(), Failure> {
    let mut client = ClientConnection::new(Arc::clone(&pair.client), pair.name.clone())?;
    let mut server = ServerConnection::new(Arc::clone(&pair.server))?;
    let mut wire = Vec::with_capacity(16 << 10);
    while client.is_handshaking() || server.is_handshaking() {
        let sent = carry(&mut client, &mut server, &mut wire)?
            + carry(&mut server, &mut client, &mut wire)?;
        if sent == 0 {
            return Err("both sides wait for the other".into());
        }
    }
    if (pair.admit)(&client, &server) { Ok(()) } else { Err("a session without a peer".into()) }
}

/// Carries what one side has to say to the other, and returns how many bytes that was.
fn carry<From: SideData, To: SideData>(
    from: &mut ConnectionCommon<From>,
    to: &mut ConnectionCommon<To>,
    wire: &mut Vec<u8>,
) -> Result<usize, Failure> {
    wire.clear();
    while from.wants_write() {
        from.write_tls(wire)?;
    }
    let mut unread = wire.as_slice();
    while !unread.is_empty() {
        to.read_tls(&mut unread)?;
        to.process_new_packets()?;
    }
    Ok(wire.len())
}

/// What this thread has used of the processor, whatever else ran meanwhile.
fn cpu() -> Result<Duration, Failure> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

/// The median, which a few disturbed turns do not move.
fn microseconds(mut turns: Vec<Duration>) -> f64 {
    turns.sort_unstable();
    turns.get(turns.len() / 2).map_or(f64::NAN, |it| it.as_secs_f64() * 1e6)
}
