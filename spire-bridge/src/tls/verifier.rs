use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, OtherError, PeerIncompatible,
    SignatureScheme,
};
use spiffe::SpiffeId;
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyUsage};

use crate::Refusal;
use crate::identity::{Identity, LiveIdentity};
use crate::rule::{Rule, authorise};

/// SPIRE's chains have one or two; looking for a path through many is work that anybody could ask for.
const MOST_INTERMEDIATES: usize = 4;

/// Decides about a peer's certificate chain: SPIFFE ID, trust domain, signatures, time, rules, in this order.
///
/// The first thing that is wrong is named. A name is only believed once the chain has been checked; before
/// that it is what the peer claims.
///
/// # Errors
/// The [`Refusal`] that says why not.
pub fn verify(
    chain: (&CertificateDer<'_>, &[CertificateDer<'_>]),
    own: &Identity,
    rules: &[Rule],
    usage: impl ExtendedKeyUsageValidator,
    now: UnixTime,
) -> Result<SpiffeId, Refusal> {
    let (leaf, intermediates) = chain;
    if intermediates.len() > MOST_INTERMEDIATES {
        let reason = format!("{} intermediate certificates", intermediates.len());
        return Err(Refusal::BadCertificate { reason });
    }
    let certificate = EndEntityCert::try_from(leaf).map_err(|error| bad(&error))?;
    let id = spiffe_id_of(&certificate).ok_or(Refusal::NoSpiffeId)?;
    if !id.is_member_of(own.trust_domain()) {
        return Err(Refusal::ForeignTrustDomain { id, own: own.trust_domain().clone() });
    }
    certificate
        .verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &own.anchors,
            intermediates,
            now,
            usage,
            None,
            None,
        )
        .map_err(|error| refusal(&error, &id))?;
    authorise(rules, &id)?;
    Ok(id)
}

fn refusal(error: &webpki::Error, id: &SpiffeId) -> Refusal {
    let id = id.clone();
    match error {
        webpki::Error::CertExpired { .. } => Refusal::Expired { id },
        webpki::Error::CertNotValidYet { .. } => Refusal::NotYetValid { id },
        webpki::Error::UnknownIssuer | webpki::Error::InvalidSignatureForPublicKey => {
            Refusal::UnknownAuthority { id }
        }
        other => bad(other),
    }
}

fn bad(error: &webpki::Error) -> Refusal {
    Refusal::BadCertificate { reason: error.to_string() }
}

/// Reads the SPIFFE ID out of a certificate without believing it.
pub(super) fn spiffe_id(der: &CertificateDer<'_>) -> Option<SpiffeId> {
    spiffe_id_of(&EndEntityCert::try_from(der).ok()?)
}

/// An X509-SVID has exactly one URI name (SPIFFE X509-SVID section 2).
fn spiffe_id_of(certificate: &EndEntityCert<'_>) -> Option<SpiffeId> {
    let mut names = certificate.valid_uri_names();
    let id = SpiffeId::new(names.next()?).ok()?;
    names.next().is_none().then_some(id)
}

/// Holds every peer against the identity of the moment.
#[derive(Debug)]
pub(super) struct SvidVerifier {
    pub(super) identity: LiveIdentity,
    pub(super) rules: Arc<[Rule]>,
    pub(super) provider: Arc<CryptoProvider>,
}

impl SvidVerifier {
    fn decide(
        &self,
        chain: (&CertificateDer<'_>, &[CertificateDer<'_>]),
        usage: impl ExtendedKeyUsageValidator,
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        self.identity
            .current()
            .ok_or(Refusal::NoBundle)
            .and_then(|own| verify(chain, &own, &self.rules, usage, now))
            .map(drop)
            .map_err(|refusal| {
                let reason = OtherError(Arc::new(refusal));
                rustls::Error::InvalidCertificate(CertificateError::Other(reason))
            })
    }

    fn signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// TLS 1.2 is not offered, so nothing of it is ever verified.
fn tls12_is_not_offered() -> rustls::Error {
    PeerIncompatible::ServerDoesNotSupportTls12Or13.into()
}

impl ServerCertVerifier for SvidVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.decide((leaf, intermediates), KeyUsage::server_auth(), now)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(tls12_is_not_offered())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

impl ClientCertVerifier for SvidVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.decide((leaf, intermediates), KeyUsage::client_auth(), now)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(tls12_is_not_offered())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}
