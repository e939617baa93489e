//! Who this node is, until when, and whom it trusts.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, TrustAnchor, UnixTime};
use rustls::sign::CertifiedKey;
use spiffe::{SpiffeId, TrustDomain, X509Bundle, X509Svid};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::Error;

/// A moment of the wall clock, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WallTime(u64);

impl WallTime {
    /// The moment this many seconds after 1970-01-01T00:00:00Z.
    pub const fn from_unix(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Returns the seconds since 1970.
    pub const fn unix(self) -> u64 {
        self.0
    }

    /// Returns the time from `now` until this moment, zero if it is past.
    pub fn remaining(self, now: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(now.0))
    }
}

impl From<WallTime> for UnixTime {
    fn from(time: WallTime) -> Self {
        Self::since_unix_epoch(Duration::from_secs(time.0))
    }
}

impl fmt::Display for WallTime {
    /// Writes RFC 3339 in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = i64::try_from(self.0)
            .ok()
            .and_then(|seconds| time::OffsetDateTime::from_unix_timestamp(seconds).ok())
            .and_then(|t| t.format(&time::format_description::well_known::Rfc3339).ok());
        f.write_str(text.as_deref().unwrap_or("beyond the year 9999"))
    }
}

/// An X.509-SVID with its key and the bundle of its trust domain, ready for TLS.
#[derive(Debug)]
pub struct Identity {
    /// Who this node is.
    pub spiffe_id: SpiffeId,
    /// The beginning of the SVID: a moment that had come when it was signed.
    pub not_before: WallTime,
    /// The end of the SVID.
    pub not_after: WallTime,
    /// The authorities that speak for the trust domain.
    pub(crate) anchors: Vec<TrustAnchor<'static>>,
    pub(crate) certified: Arc<CertifiedKey>,
}

impl Identity {
    /// Prepares what the Workload API handed out.
    ///
    /// # Errors
    /// [`Error::BadSvid`] if a certificate or the key cannot be parsed or do not belong together.
    pub fn new(svid: &X509Svid, bundle: &X509Bundle) -> Result<Self, Error> {
        let chain = svid
            .cert_chain()
            .iter()
            .map(|der| CertificateDer::from(der.as_bytes().to_vec()))
            .collect();
        let authorities =
            bundle.authorities().iter().map(|der| CertificateDer::from(der.as_bytes().to_vec()));
        let key = PrivatePkcs8KeyDer::from(svid.private_key().as_bytes().to_vec());
        Self::from_parts(svid.spiffe_id().clone(), chain, key, authorities)
    }

    /// Prepares an identity from its parts; the first certificate of `chain` is the SVID.
    ///
    /// # Errors
    /// [`Error::BadSvid`] if a certificate or the key cannot be parsed or do not belong together.
    pub fn from_parts<'a>(
        spiffe_id: SpiffeId,
        chain: Vec<CertificateDer<'static>>,
        key: PrivatePkcs8KeyDer<'static>,
        authorities: impl IntoIterator<Item = CertificateDer<'a>>,
    ) -> Result<Self, Error> {
        let leaf = chain.first().ok_or_else(|| bad("it has no certificate"))?;
        let (not_before, not_after) =
            validity(leaf).ok_or_else(|| bad("its certificate does not parse"))?;
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key.into())
            .map_err(|error| bad(&error.to_string()))?;
        let certified = CertifiedKey::new(chain, key);
        certified.keys_match().map_err(|error| bad(&error.to_string()))?;
        let anchors = authorities
            .into_iter()
            .map(|der| webpki::anchor_from_trusted_cert(&der).map(|anchor| anchor.to_owned()))
            .collect::<Result<_, _>>()
            .map_err(|error| bad(&format!("an authority of its bundle: {error}")))?;
        Ok(Self { spiffe_id, not_before, not_after, anchors, certified: Arc::new(certified) })
    }

    /// Returns the trust domain this node belongs to.
    pub fn trust_domain(&self) -> &TrustDomain {
        self.spiffe_id.trust_domain()
    }
}

fn bad(reason: &str) -> Error {
    Error::BadSvid { reason: reason.to_owned() }
}

/// Reads the end of a certificate's validity.
pub(crate) fn not_after(der: &[u8]) -> Option<WallTime> {
    validity(der).map(|(_, not_after)| not_after)
}

/// Reads both ends; what began before 1970 began then.
fn validity(der: &[u8]) -> Option<(WallTime, WallTime)> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let validity = certificate.validity();
    let not_before = u64::try_from(validity.not_before.timestamp()).unwrap_or_default();
    let not_after = u64::try_from(validity.not_after.timestamp()).ok()?;
    Some((WallTime(not_before), WallTime(not_after)))
}

/// Why this node has no identity at the moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Absence {
    /// The Workload API does not answer: the agent is down or has not been attested.
    #[error("the agent offers no Workload API yet")]
    NoWorkloadApi,
    /// The agent is attested, but no registration entry fits this process.
    #[error("the server has no entry for this node: register it")]
    NotRegistered,
    /// The agent answered with something unusable.
    #[error("{0}")]
    Unusable(String),
}

/// What is known of this node's identity.
#[derive(Clone, Debug)]
pub enum Standing {
    /// The newest SVID and bundle. Kept while the agent is away, until the SVID ends.
    Held(Arc<Identity>),
    /// No SVID.
    Absent(Absence),
}

/// The newest identity, for everyone who makes or takes connections.
///
/// Clones share the same value: a rotation is seen by the next handshake, and by no running session.
#[derive(Clone, Debug)]
pub struct LiveIdentity(Arc<RwLock<Standing>>);

impl LiveIdentity {
    /// An identity that is still to come.
    pub fn new() -> Self {
        Self(Arc::new(RwLock::new(Standing::Absent(Absence::NoWorkloadApi))))
    }

    /// Takes over a newer identity.
    pub fn hold(&self, identity: Identity) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) =
            Standing::Held(Arc::new(identity));
    }

    /// Notes why there is none and tells whether that is news; an identity that is already held stays held.
    pub fn miss(&self, absence: Absence) -> bool {
        let mut standing = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_news = match &*standing {
            Standing::Held(_) => false,
            Standing::Absent(known) => *known != absence,
        };
        if is_news {
            *standing = Standing::Absent(absence);
        }
        is_news
    }

    /// Returns what is known now.
    pub fn standing(&self) -> Standing {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the newest identity.
    pub fn current(&self) -> Option<Arc<Identity>> {
        match self.standing() {
            Standing::Held(identity) => Some(identity),
            Standing::Absent(_) => None,
        }
    }
}

impl Default for LiveIdentity {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_prints_as_rfc_3339() {
        assert_eq!(WallTime::from_unix(1_795_305_600).to_string(), "2026-11-22T00:00:00Z");
    }

    #[test]
    fn remaining_life_of_the_past_is_zero() {
        let end = WallTime::from_unix(100);

        assert_eq!(end.remaining(WallTime::from_unix(40)), Duration::from_secs(60));
        assert_eq!(end.remaining(WallTime::from_unix(101)), Duration::ZERO);
    }
}
