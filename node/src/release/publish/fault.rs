//! Why a repository is not changed.

use semver::Version;
use thiserror::Error;

use super::Standing;
use crate::release::Role;

/// What is wrong with what a publisher or a key holder asked for.
#[derive(Debug, Error)]
pub enum Fault {
    /// A role needs more keys than it has.
    #[error("{role} has {keys} keys, and {threshold} must sign")]
    Threshold {
        /// Whose keys.
        role: Role,
        /// How many must sign.
        threshold: u64,
        /// How many can.
        keys: usize,
    },
    /// A key is in neither root.
    #[error(
        "key {key} may not sign this root; if it belongs to the root before, name that one too"
    )]
    ForeignKey {
        /// The key's identifier.
        key: String,
    },
    /// A root has not all the signatures it needs.
    #[error("root {version} is not complete: {}", told(missing))]
    Incomplete {
        /// The root's version.
        version: u64,
        /// What is missing, by whose keys.
        missing: Vec<Standing>,
    },
    /// A root does not follow the repository's.
    #[error("root {offered} does not follow root {current}")]
    NotNext {
        /// The repository's.
        current: u64,
        /// The one given.
        offered: u64,
    },
    /// The keys at hand cannot sign a role that has to be signed.
    #[error("{role} has to be signed: {have} of the {threshold} keys it needs were given")]
    MissingKeys {
        /// The role.
        role: Role,
        /// How many must sign.
        threshold: u64,
        /// How many of its keys are at hand.
        have: u64,
    },
    /// The repository's own metadata is not what its keys signed.
    #[error("the repository's {role} metadata is not what was signed: {reason}")]
    Tampered {
        /// Whose.
        role: Role,
        /// What was found.
        reason: String,
    },
    /// What is to be published is not newer than what is published.
    #[error("{board} is at {published} already, not older than {offered}: --allow-older means it")]
    NotNewer {
        /// Architecture and board.
        board: String,
        /// The newest that is published.
        published: Version,
        /// What was to be published.
        offered: Version,
    },
    /// A target's name is not one that every server and file system takes.
    #[error("{name:?}: a name is made of letters, digits and . _ + -")]
    Name {
        /// The name.
        name: String,
    },
    /// There is no target of this name.
    #[error("{name} is not published")]
    NoTarget {
        /// The name.
        name: String,
    },
    /// There is no root yet.
    #[error("the repository has no root: give a complete one with --root")]
    NoRoot,
    /// None of the keys at hand signs anything here.
    #[error("none of these keys signs anything that would change")]
    NothingToDo,
    /// A key is of no kind that is used here.
    #[error("not a private key in PKCS#8 PEM, Ed25519 or ECDSA P-256: {reason}")]
    Key {
        /// What the parser said.
        reason: String,
    },
    /// Metadata cannot be written as JSON, or a signature cannot be made.
    #[error("cannot sign {role}: {reason}")]
    Signing {
        /// Whose.
        role: Role,
        /// What happened.
        reason: String,
    },
}

fn told(missing: &[Standing]) -> String {
    let told: Vec<String> = missing.iter().map(ToString::to_string).collect();
    told.join("; ")
}
