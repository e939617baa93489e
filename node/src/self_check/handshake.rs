use std::io;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, SupportedKxGroup, aws_lc_rs::sign, verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{
    CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, NamedGroup,
    PeerIncompatible, ServerConfig, ServerConnection, SignatureScheme,
};

/// A handshake is two flights and a half; one that needs more turns never ends.
const TURNS: usize = 8;

/// Has a client and a server of this process do the handshake of a mesh link over memory, with a key made for it.
pub(super) fn with_itself() -> Result<String, String> {
    let key = ephemeral_key()?;
    let provider = spire_bridge::tls::provider();
    let public = key.public_key().ok_or("the key has no public half")?;
    let verifier = Pinned { public: public.to_vec(), provider: Arc::clone(&provider) };
    let certified = CertifiedKey::new(vec![CertificateDer::from(public.to_vec())], key);
    let server = ServerConfig::builder_with_details(Arc::clone(&provider), Arc::new(NoTime))
        .with_protocol_versions(&[&TLS13])
        .map_err(told)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::new(certified))));
    let client = ClientConfig::builder_with_details(provider, Arc::new(NoTime))
        .with_protocol_versions(&[&TLS13])
        .map_err(told)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    let name = ServerName::from(std::net::IpAddr::from([0; 16]));
    let mut client = ClientConnection::new(Arc::new(client), name).map_err(told)?;
    let mut server = ServerConnection::new(Arc::new(server)).map_err(told)?;
    for _ in 0..TURNS {
        if !client.is_handshaking() && !server.is_handshaking() {
            break;
        }
        carry(&mut client, &mut server)?;
        carry(&mut server, &mut client)?;
    }
    if client.is_handshaking() || server.is_handshaking() {
        return Err("the handshake does not end".to_owned());
    }
    match client.negotiated_key_exchange_group().map(SupportedKxGroup::name) {
        Some(NamedGroup::X25519MLKEM768) => Ok("X25519MLKEM768".to_owned()),
        other => Err(format!("{other:?} instead of X25519MLKEM768")),
    }
}

fn ephemeral_key() -> Result<Arc<dyn SigningKey>, String> {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)
        .and_then(|pair| pair.to_pkcs8v1())
        .map_err(|_| "no key could be made")?;
    let key = PrivatePkcs8KeyDer::from(key.as_ref());
    sign::any_supported_type(&key.into()).map_err(told)
}

/// Carries what one side has to say to the other.
fn carry<A, B>(
    from: &mut rustls::ConnectionCommon<A>,
    to: &mut rustls::ConnectionCommon<B>,
) -> Result<(), String> {
    let mut wire = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut wire).map_err(told)?;
    }
    let mut wire = wire.as_slice();
    while !wire.is_empty() {
        to.read_tls(&mut wire as &mut dyn io::Read).map_err(told)?;
        to.process_new_packets().map_err(told)?;
    }
    Ok(())
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Nothing in this handshake has an end.
#[derive(Debug)]
struct NoTime;

impl TimeProvider for NoTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::ZERO))
    }
}

/// Takes the one key that was made for this handshake (RFC 7250: a key without a certificate).
#[derive(Debug)]
struct Pinned {
    public: Vec<u8>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        key: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if key.as_ref() == self.public {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::UnknownIssuer.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(PeerIncompatible::ServerDoesNotSupportTls12Or13.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let key = SubjectPublicKeyInfoDer::from(key.as_ref());
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &key, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
