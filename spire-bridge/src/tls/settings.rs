use std::sync::Arc;

use rustls::client::{ClientConfig, ResolvesClientCert, Resumption};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;

use super::Terms;
use super::verifier::SvidVerifier;
use crate::Error;
use crate::identity::LiveIdentity;

/// The protocol inside (RFC 7540 section 3.1); nothing else is spoken on a mesh link.
const ALPN_H2: &[u8] = b"h2";

/// Returns the cryptography of every session. Key exchanges in order of preference: the hybrid first, then
/// what every TLS 1.3 stack has.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        kx_groups: vec![
            aws_lc_rs::kx_group::X25519MLKEM768,
            aws_lc_rs::kx_group::X25519,
            aws_lc_rs::kx_group::SECP256R1,
        ],
        ..aws_lc_rs::default_provider()
    })
}

fn verifier(terms: &Terms, provider: &Arc<CryptoProvider>) -> Arc<SvidVerifier> {
    Arc::new(SvidVerifier {
        identity: terms.identity.clone(),
        rules: Arc::clone(&terms.rules),
        provider: Arc::clone(provider),
    })
}

/// Builds the settings of the side that dials. They stay good across rotations.
///
/// # Errors
/// [`Error::Tls`] if the library does not take them.
pub fn client(terms: &Terms) -> Result<Arc<ClientConfig>, Error> {
    let provider = provider();
    let verifier = verifier(terms, &provider);
    let mut config = ClientConfig::builder_with_details(provider, Arc::clone(&terms.clock))
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::new(NewestSvid(terms.identity.clone())));
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    config.alpn_protocols = vec![ALPN_H2.to_vec()];
    Ok(Arc::new(config))
}

/// Builds the settings of the side that listens. They stay good across rotations.
///
/// # Errors
/// [`Error::Tls`] if the library does not take them.
pub fn server(terms: &Terms) -> Result<Arc<ServerConfig>, Error> {
    let provider = provider();
    let verifier = verifier(terms, &provider);
    let mut config = ServerConfig::builder_with_details(provider, Arc::clone(&terms.clock))
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(NewestSvid(terms.identity.clone())));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.alpn_protocols = vec![ALPN_H2.to_vec()];
    Ok(Arc::new(config))
}

/// Shows the SVID of the moment.
#[derive(Debug)]
struct NewestSvid(LiveIdentity);

impl NewestSvid {
    fn certified(&self) -> Option<Arc<CertifiedKey>> {
        self.0.current().map(|identity| Arc::clone(&identity.certified))
    }
}

impl ResolvesClientCert for NewestSvid {
    fn resolve(
        &self,
        _root_hints: &[&[u8]],
        _schemes: &[rustls::SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        self.certified()
    }

    fn has_certs(&self) -> bool {
        self.0.current().is_some()
    }
}

impl ResolvesServerCert for NewestSvid {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.certified()
    }
}
