//! SVID mTLS: TLS 1.3 only, X25519MLKEM768 first, no resumption (rustls does not verify a peer again on it).

mod settings;
mod verifier;

use std::sync::Arc;

use rustls::time_provider::TimeProvider;
use rustls::{AlertDescription, CertificateError, ConnectionCommon};
use spiffe::SpiffeId;

pub use settings::{client, provider, server};
pub use verifier::verify;

use crate::Refusal;
use crate::identity::{LiveIdentity, WallTime, not_after};
use crate::rule::Rule;

/// What a handshake needs to know: who we are, who may come in, and what time it is.
#[derive(Clone, Debug)]
pub struct Terms {
    /// This node's identity, as it is at the moment of each handshake.
    pub identity: LiveIdentity,
    /// The peers that may speak to us.
    pub rules: Arc<[Rule]>,
    /// The wall clock.
    pub clock: Arc<dyn TimeProvider>,
}

/// A peer that has proven itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Who it is.
    pub spiffe_id: SpiffeId,
    /// The end of its SVID.
    pub not_after: WallTime,
    /// The key exchange that protects the session, by its IANA name.
    pub kx_group: &'static str,
}

impl Peer {
    /// Reads the peer out of a finished handshake, in which the verifier has already let it pass.
    pub fn of<Side>(connection: &ConnectionCommon<Side>) -> Option<Self> {
        let leaf = connection.peer_certificates()?.first()?;
        let spiffe_id = verifier::spiffe_id(leaf)?;
        let group = connection.negotiated_key_exchange_group()?;
        let kx_group = group.name().as_str().unwrap_or("unknown");
        Some(Self { spiffe_id, not_after: not_after(leaf)?, kx_group })
    }
}

/// Why there is no session with a peer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeFailure {
    /// We turned the peer away.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The peer turned us away; TLS tells no more than the name of the alert (RFC 8446 section 6.2).
    #[error("it refused this node: {alert}")]
    RefusedByPeer {
        /// The alert's name.
        alert: String,
    },
    /// The connection broke, or what came was not TLS.
    #[error("the handshake failed: {reason}")]
    Broken {
        /// What the transport or TLS says.
        reason: String,
    },
}

impl HandshakeFailure {
    /// Finds the verdict behind an I/O error of a TLS stream.
    pub fn from_io(error: &std::io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match inner {
            Some(rustls::Error::InvalidCertificate(CertificateError::Other(other))) => {
                match other.0.downcast_ref::<Refusal>() {
                    Some(refusal) => Self::Refused(refusal.clone()),
                    None => Self::Broken { reason: other.0.to_string() },
                }
            }
            Some(rustls::Error::AlertReceived(alert)) => {
                Self::RefusedByPeer { alert: alert_name(*alert) }
            }
            Some(error) => Self::Broken { reason: error.to_string() },
            None => Self::Broken { reason: error.to_string() },
        }
    }
}

fn alert_name(alert: AlertDescription) -> String {
    alert.as_str().map_or_else(|| format!("{alert:?}"), str::to_owned)
}
