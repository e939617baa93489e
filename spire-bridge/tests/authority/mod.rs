//! An authority of a trust domain and the SVIDs it signs, for tests and benchmarks.
#![expect(clippy::unwrap_used, reason = "what cannot be set up has failed its test")]

use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::time_provider::TimeProvider;
use spire_bridge::identity::{Identity, LiveIdentity};
use spire_bridge::rule::Rule;
use spire_bridge::tls::Terms;
use spire_bridge::{SpiffeId, TrustDomain};
use time::OffsetDateTime;
use time::macros::datetime;

/// When every SVID is good.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

/// A DNS name that every SVID has beside its SPIFFE ID, as SPIRE gives one on request.
pub(crate) const DNS_NAME: &str = "peer.test";

#[derive(Debug)]
pub(crate) struct FixedClock(pub(crate) OffsetDateTime);

impl TimeProvider for FixedClock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.unix_timestamp()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

pub(crate) struct Authority {
    trust_domain: TrustDomain,
    pub(crate) issuer: CertifiedIssuer<'static, KeyPair>,
}

/// An SVID as it is handed out.
pub(crate) struct Svid {
    pub(crate) spiffe_id: SpiffeId,
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) key: PrivatePkcs8KeyDer<'static>,
    pub(crate) authority: CertificateDer<'static>,
}

impl Authority {
    pub(crate) fn of(trust_domain: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, trust_domain);
        params.subject_alt_names =
            vec![SanType::URI(format!("spiffe://{trust_domain}").try_into().unwrap())];
        params.not_before = NOW - Duration::from_secs(86_400);
        params.not_after = NOW + Duration::from_secs(86_400);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { trust_domain: TrustDomain::new(trust_domain).unwrap(), issuer }
    }

    pub(crate) fn svid(&self, path: &str) -> Svid {
        self.svid_named(&format!("spiffe://{}{path}", self.trust_domain.as_str()))
    }

    pub(crate) fn svid_named(&self, id: &str) -> Svid {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![
            SanType::URI(id.try_into().unwrap()),
            SanType::DnsName(DNS_NAME.try_into().unwrap()),
        ];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = NOW - Duration::from_secs(10);
        params.not_after = NOW + Duration::from_secs(3_600);
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        Svid {
            spiffe_id: SpiffeId::new(id).unwrap(),
            certificate: leaf.der().clone(),
            key: PrivatePkcs8KeyDer::from(key.serialize_der()),
            authority: self.issuer.der().clone(),
        }
    }
}

impl Svid {
    pub(crate) fn identity(&self) -> Identity {
        Identity::from_parts(
            self.spiffe_id.clone(),
            vec![self.certificate.clone()],
            self.key.clone_key(),
            [self.authority.clone()],
        )
        .unwrap()
    }
}

/// The terms of a node with this SVID that lets any node of its trust domain in.
pub(crate) fn terms(svid: &Svid, at: OffsetDateTime) -> Terms {
    let identity = svid.identity();
    let rules = Arc::from([Rule::any_node(identity.trust_domain())]);
    let live = LiveIdentity::new();
    live.hold(identity);
    Terms { identity: live, rules, clock: Arc::new(FixedClock(at)) }
}
