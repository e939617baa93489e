//! Why a release is refused, by name.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::time::Duration;

use semver::Version;
use spire_bridge::identity::WallTime;
use thiserror::Error as ThisError;
use tough::TransportError;
use tough::error::Error as Tough;
use tough::schema::{Error as Schema, RoleType};

use super::TimeSource;
use crate::config::Rate;

/// A file of a repository, by its part in the chain of trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Says who may sign what.
    Root,
    /// Says which snapshot is the newest.
    Timestamp,
    /// Says which versions of the rest belong together.
    Snapshot,
    /// Says which updates there are.
    Targets,
    /// An update itself.
    Update,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Root => "root",
            Self::Timestamp => "timestamp",
            Self::Snapshot => "snapshot",
            Self::Targets => "targets",
            Self::Update => "update",
        })
    }
}

impl From<RoleType> for Role {
    fn from(role: RoleType) -> Self {
        match role {
            RoleType::Root => Self::Root,
            RoleType::Snapshot => Self::Snapshot,
            RoleType::Timestamp => Self::Timestamp,
            RoleType::Targets | RoleType::DelegatedTargets => Self::Targets,
        }
    }
}

/// What a repository did that this router does not accept.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum Refusal {
    /// Metadata older than what was trusted before was served.
    #[error("rollback: {role} version {offered} was offered, {trusted} is trusted already")]
    Rollback {
        /// Whose metadata.
        role: Role,
        /// The version trusted before.
        trusted: u64,
        /// The version served.
        offered: u64,
    },
    /// Metadata has expired: somebody keeps newer metadata away, or nobody signs any.
    #[error("expired: {role} metadata ended at {expires}, and {clock} says {now}")]
    Expired {
        /// Whose metadata.
        role: Role,
        /// When it ended.
        expires: WallTime,
        /// The time that was held against it.
        now: WallTime,
        /// Where that time came from.
        clock: TimeSource,
    },
    /// The wall clock stands where a 32-bit processor's libraries cannot tell the time.
    #[error("the wall clock says {wall}, which this processor cannot tell: set it first")]
    ClockRanAway {
        /// What it says.
        wall: WallTime,
    },
    /// Files of different releases were served together.
    #[error("mix-and-match: {role} is not what belongs to the rest of the release: {mismatch}")]
    MixAndMatch {
        /// Which file does not belong.
        role: Role,
        /// What does not agree.
        mismatch: String,
    },
    /// More data was served than the file may have.
    #[error("endless data: {what} is longer than {limit}")]
    EndlessData {
        /// Which file, or the chain of roots.
        what: String,
        /// Bytes, or roots, that were taken.
        limit: u64,
    },
    /// An update came so slowly that a router would wait for it for ever.
    #[error("slow retrieval: {came} bytes of {url} came in {waited:?}, less than {least} a second")]
    SlowRetrieval {
        /// Which file.
        url: String,
        /// Bytes that came.
        came: u64,
        /// While they were waited for.
        waited: Duration,
        /// The least that is taken.
        least: Rate,
    },
    /// Metadata came so slowly that a router would wait for it for ever.
    #[error("slow retrieval: the metadata was not whole after {within:?}")]
    SlowMetadata {
        /// The time that it had.
        within: Duration,
    },
    /// Too few of the keys that may sign a role did.
    #[error("wrong keys: {role} has {valid} valid signatures of the {threshold} it needs")]
    WrongKeys {
        /// Whose metadata.
        role: Role,
        /// How many are needed.
        threshold: u64,
        /// How many there were.
        valid: u64,
    },
    /// Metadata is not what the specification says it is.
    #[error("malformed: {role} metadata: {reason}")]
    Malformed {
        /// Whose metadata.
        role: Role,
        /// What is wrong with it.
        reason: String,
    },
    /// The root that came with this router's image or provisioning is of no use.
    #[error("the trusted root is of no use: {reason}")]
    NoTrustedRoot {
        /// What is wrong with it.
        reason: String,
    },
    /// The release holds nothing for this processor and board.
    #[error("nothing for {architecture}/{board}; the release is for {}", offered.join(", "))]
    NotForThisBoard {
        /// This router's processor architecture.
        architecture: String,
        /// This router's board.
        board: String,
        /// What there is, as architecture/board.
        offered: Vec<String>,
    },
    /// The newest update for this board is older than what runs.
    #[error("older version: {offered} is offered, {running} is running")]
    OlderVersion {
        /// What runs.
        running: Version,
        /// What the release holds.
        offered: Version,
    },
    /// Every newer update asks for a firmware in between.
    #[error("{offered} needs {minimum} first, and {running} is running")]
    MinimumNotMet {
        /// What runs.
        running: Version,
        /// What must run for the newest.
        minimum: Version,
        /// The newest.
        offered: Version,
    },
    /// The update's firmware would not understand the data on this router.
    #[error("older schema: the data has schema {data}, the update writes {offered}")]
    OlderSchema {
        /// The schema on this router.
        data: u32,
        /// The schema of the update.
        offered: u32,
    },
}

/// Why there is no release to speak of.
#[derive(Debug, ThisError)]
pub enum Error {
    /// The repository was reached, and what it holds is not accepted.
    #[error("refused: {0}")]
    Refused(Box<Refusal>),
    /// The repository cannot be reached, or broke off; trying again may help.
    #[error("{url} cannot be fetched: {reason}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The repository has no such file.
    #[error("{url} is not there")]
    Missing {
        /// What was asked for.
        url: String,
    },
    /// This router's own files cannot be used.
    #[error("{}: {reason}", path.display())]
    Local {
        /// Which file.
        path: PathBuf,
        /// What happened.
        reason: String,
    },
    /// The repository's address is not one of a scheme that this router speaks.
    #[error("{url}: only http:// and file:// repositories are supported")]
    Scheme {
        /// The address.
        url: String,
    },
}

impl Refusal {
    /// Tells whether all that is wrong is the pace.
    pub const fn is_slow(&self) -> bool {
        matches!(self, Self::SlowRetrieval { .. } | Self::SlowMetadata { .. })
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl Error {
    /// Names what `tough` found; `scratch` is where it kept its files.
    pub(super) fn from_tough(error: &Tough, scratch: &std::path::Path) -> Self {
        if let Some(refusal) = refusal(error) {
            return refusal.into();
        }
        if let Some(transport) = cause::<TransportError>(error) {
            return Self::from_transport(transport);
        }
        Self::Local { path: scratch.to_owned(), reason: error.to_string() }
    }

    pub(super) fn from_transport(error: &TransportError) -> Self {
        if let Some(refusal) = cause::<Refusal>(error) {
            return refusal.clone().into();
        }
        let url = error.url().to_owned();
        match error.kind() {
            tough::TransportErrorKind::FileNotFound => Self::Missing { url },
            tough::TransportErrorKind::UnsupportedUrlScheme => Self::Scheme { url },
            _ => {
                let source = StdError::source(error);
                let reason = source.map_or_else(|| error.to_string(), ToString::to_string);
                Self::Unreachable { url, reason }
            }
        }
    }
}

/// The first error of this kind in the chain that starts with `error`.
fn cause<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut causes = std::iter::successors(Some(error), |error| (**error).source());
    causes.find_map(|cause| cause.downcast_ref())
}

fn refusal(error: &Tough) -> Option<Refusal> {
    signatures(error).or_else(|| versions(error)).or_else(|| contents(error))
}

fn signatures(error: &Tough) -> Option<Refusal> {
    match error {
        Tough::VerifyTrustedMetadata { source, .. } => {
            Some(Refusal::NoTrustedRoot { reason: source.to_string() })
        }
        Tough::ParseTrustedMetadata { source, .. } => {
            Some(Refusal::NoTrustedRoot { reason: source.to_string() })
        }
        Tough::VerifyMetadata { role, source, .. } => Some(match source {
            Schema::SignatureThreshold { threshold, valid, .. } => {
                Refusal::WrongKeys { role: (*role).into(), threshold: *threshold, valid: *valid }
            }
            other => Refusal::Malformed { role: (*role).into(), reason: other.to_string() },
        }),
        _ => None,
    }
}

fn versions(error: &Tough) -> Option<Refusal> {
    match error {
        Tough::OlderMetadata { role, current_version, new_version, .. } => {
            Some(Refusal::Rollback {
                role: (*role).into(),
                trusted: *current_version,
                offered: *new_version,
            })
        }
        Tough::OlderSnapshotInTimestamp { snapshot_old, snapshot_new, .. } => {
            Some(Refusal::Rollback {
                role: Role::Snapshot,
                trusted: *snapshot_old,
                offered: *snapshot_new,
            })
        }
        Tough::SnapshotRoleRollback { old_role_version, new_role_version, .. } => {
            Some(Refusal::Rollback {
                role: Role::Targets,
                trusted: *old_role_version,
                offered: *new_role_version,
            })
        }
        Tough::VersionMismatch { role, fetched, expected, .. } => Some(Refusal::MixAndMatch {
            role: (*role).into(),
            mismatch: format!("version {fetched} was served for version {expected}"),
        }),
        _ => None,
    }
}

fn contents(error: &Tough) -> Option<Refusal> {
    match error {
        Tough::ParseMetadata { role, source, .. } => {
            Some(Refusal::Malformed { role: (*role).into(), reason: source.to_string() })
        }
        Tough::MaxUpdatesExceeded { max_root_updates, .. } => Some(Refusal::EndlessData {
            what: "the chain of roots".to_owned(),
            limit: *max_root_updates,
        }),
        Tough::SnapshotRoleMissing { role, new_version, .. } => Some(Refusal::MixAndMatch {
            role: Role::Snapshot,
            mismatch: format!("version {new_version} has lost {role}"),
        }),
        Tough::SnapshotTargetsMetaMissing { .. } | Tough::MetaMissing { .. } => {
            Some(Refusal::Malformed { role: Role::Snapshot, reason: error.to_string() })
        }
        Tough::TimestampMetaLength { .. } | Tough::MissingSnapshotMeta { .. } => {
            Some(Refusal::Malformed { role: Role::Timestamp, reason: error.to_string() })
        }
        Tough::Transport { url, source, .. } => match cause::<Tough>(source)? {
            Tough::HashMismatch { calculated, expected, .. } => Some(Refusal::MixAndMatch {
                role: role_of(url.path()),
                mismatch: format!("SHA-256 {calculated} was served for {expected}"),
            }),
            Tough::MaxSizeExceeded { max_size, .. } => {
                Some(Refusal::EndlessData { what: url.to_string(), limit: *max_size })
            }
            _ => None,
        },
        _ => None,
    }
}

/// Only files whose hash stands in other metadata can have the wrong one.
fn role_of(path: &str) -> Role {
    if path.ends_with("snapshot.json") { Role::Snapshot } else { Role::Targets }
}
