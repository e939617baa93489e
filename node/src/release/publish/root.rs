//! The root: which keys may sign what, signed by its key holders one by one.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU64;

use aws_lc_rs::rand::SecureRandom;
use spire_bridge::identity::WallTime;
use tough::schema::key::Key;
use tough::schema::{Error as Schema, Role as TufRole, RoleKeys, RoleType, Root, Signed};

use super::key::signs;
use super::next::expiry;
use super::{Fault, SigningKey};
use crate::release::Role;

/// The version of the specification that the metadata follows.
pub(super) const SPECIFICATION: &str = "1.0.0";

/// The roles that every root has keys for.
const ROLES: [RoleType; 4] =
    [RoleType::Root, RoleType::Targets, RoleType::Snapshot, RoleType::Timestamp];

/// The keys of a role, and how many of them must sign.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The public keys.
    pub keys: Vec<Key>,
    /// How many must sign.
    pub threshold: NonZeroU64,
}

/// Keys by role.
pub type RoleKeySets = HashMap<RoleType, Keys>;

/// How far a root's signatures are, by the keys of one root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Standing {
    /// The version of the root whose keys have to sign.
    pub keys_of: u64,
    /// How many signed.
    pub valid: u64,
    /// How many must.
    pub threshold: u64,
}

impl Standing {
    /// Tells whether enough have signed.
    pub const fn is_complete(&self) -> bool {
        self.valid >= self.threshold
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { keys_of, valid, threshold } = self;
        write!(f, "{valid} of {threshold} signatures by the keys of root {keys_of}")
    }
}

/// Makes the first root, unsigned.
///
/// # Errors
///
/// Fails if a role has too few keys.
pub fn draft(keys: RoleKeySets, expires: WallTime) -> Result<Signed<Root>, Fault> {
    let root = Root {
        spec_version: SPECIFICATION.to_owned(),
        consistent_snapshot: true,
        version: NonZeroU64::MIN,
        expires: expiry(expires),
        keys: HashMap::new(),
        roles: HashMap::new(),
        _extra: HashMap::new(),
    };
    with_keys(root, keys)
}

/// Makes the root after `current`, unsigned; roles without new keys keep theirs.
///
/// # Errors
///
/// Fails if a role has too few keys.
pub fn successor(
    current: &Root,
    keys: RoleKeySets,
    expires: WallTime,
) -> Result<Signed<Root>, Fault> {
    let mut root = current.clone();
    root.version = current.version.saturating_add(1);
    root.expires = expiry(expires);
    with_keys(root, keys)
}

fn with_keys(mut root: Root, keys: RoleKeySets) -> Result<Signed<Root>, Fault> {
    for (role, Keys { keys, threshold }) in keys {
        let mut keyids = Vec::new();
        for key in keys {
            let id = key.key_id().map_err(|error| Fault::Key { reason: error.to_string() })?;
            root.keys.insert(id.clone(), key);
            if !keyids.contains(&id) {
                keyids.push(id);
            }
        }
        root.roles.insert(role, RoleKeys { keyids, threshold, _extra: HashMap::new() });
    }
    for role in ROLES {
        let keys = root.roles.get(&role).map_or(0, |keys| keys.keyids.len());
        let threshold = root.roles.get(&role).map_or(1, |keys| keys.threshold.get());
        if u64::try_from(keys).unwrap_or(u64::MAX) < threshold {
            return Err(Fault::Threshold { role: Role::from(role), threshold, keys });
        }
    }
    let roles = &root.roles;
    root.keys.retain(|id, _| roles.values().any(|role| role.keyids.contains(id)));
    Ok(Signed { signed: root, signatures: Vec::new() })
}

/// Adds one key holder's signature; a second one by the same key replaces the first.
///
/// # Errors
///
/// Fails if the key is neither one of this root's nor of the one before.
pub fn sign(
    root: &mut Signed<Root>,
    previous: Option<&Root>,
    key: &SigningKey,
    random: &dyn SecureRandom,
) -> Result<(), Fault> {
    let mut roots = previous.into_iter().chain([&root.signed]);
    let signature = key.sign(&root.signed, random)?;
    if !roots.any(|root| signs::<Root>(root, key)) {
        return Err(Fault::ForeignKey { key: short(&signature.keyid) });
    }
    root.signatures.retain(|other| other.keyid != signature.keyid);
    root.signatures.push(signature);
    Ok(())
}

/// Tells how far a root is: by its own keys and, if there is one before it, by that one's.
pub fn standing(root: &Signed<Root>, previous: Option<&Root>) -> Vec<Standing> {
    let roots = previous.into_iter().chain([&root.signed]);
    roots.map(|by| Standing { keys_of: by.version.get(), ..counted(by, root) }).collect()
}

/// Counts valid signatures by asking for more than there can be.
fn counted<T: TufRole>(by: &Root, signed: &Signed<T>) -> Standing {
    let threshold = by.roles.get(&T::TYPE).map_or(u64::MAX, |role| role.threshold.get());
    let mut asking = by.clone();
    if let Some(role) = asking.roles.get_mut(&T::TYPE) {
        role.threshold = NonZeroU64::MAX;
    }
    let valid = match asking.verify_role(signed) {
        Err(Schema::SignatureThreshold { valid, .. }) => valid,
        _ => 0,
    };
    Standing { keys_of: 0, valid, threshold }
}

/// The beginning of a key's identifier, enough to tell a handful of keys apart.
fn short(id: &[u8]) -> String {
    id.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
