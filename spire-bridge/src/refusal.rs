use spiffe::{SpiffeId, TrustDomain};

/// Why a peer's X.509-SVID was turned away.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is nothing to check a peer against yet.
    #[error("this node holds no trust bundle yet")]
    NoBundle,
    /// The certificate is no X.509-SVID (SPIFFE X509-SVID section 2: exactly one SPIFFE ID).
    #[error("its certificate carries no SPIFFE ID")]
    NoSpiffeId,
    /// The peer belongs to somebody else's trust domain.
    #[error("{id} is of trust domain {}, not {own}", id.trust_domain_name())]
    ForeignTrustDomain {
        /// Who the peer claims to be.
        id: SpiffeId,
        /// The trust domain of this node.
        own: TrustDomain,
    },
    /// The name is of the own trust domain but no authority in the bundle stands behind it.
    #[error("{id} is not signed by an authority of this trust domain")]
    UnknownAuthority {
        /// Who the peer claims to be.
        id: SpiffeId,
    },
    /// The SVID's time is over, as far as this node's clock can tell.
    #[error("the SVID of {id} has expired")]
    Expired {
        /// Whose it is.
        id: SpiffeId,
    },
    /// The SVID's time has not come, as far as this node's clock can tell.
    #[error("the SVID of {id} is not valid yet; check both clocks")]
    NotYetValid {
        /// Whose it is.
        id: SpiffeId,
    },
    /// The identity is genuine, but no rule lets it in.
    #[error("{id} matches no rule ({rules})")]
    NotAllowed {
        /// Who the peer is.
        id: SpiffeId,
        /// The rules that were tried, in order.
        rules: String,
    },
    /// The certificate chain is malformed or not fit for this use.
    #[error("its certificate is unusable: {reason}")]
    BadCertificate {
        /// The verifier's word for it.
        reason: String,
    },
}
