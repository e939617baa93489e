//! What key holders do, each on a machine of their own: make a key, look at a root, sign it.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, ValueEnum};
use mesh_node::io::clock;
use mesh_node::release::Role;
use mesh_node::release::io::{keys, repository};
use mesh_node::release::publish::{self, Algorithm, Keys, RoleKeySets, SigningKey, Standing, days};
use serde_json::json;
use spire_bridge::identity::WallTime;
use tough::schema::{RoleType, Root, Signed};

use crate::report::Report;

#[derive(Args)]
pub(crate) struct Generate {
    /// Where to write the private key.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Which kind.
    #[arg(long, value_enum, default_value_t = Kind::Ed25519)]
    algorithm: Kind,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Ed25519,
    Ecdsa,
}

/// The public keys of each role.
#[derive(Args)]
struct PublicKeys {
    /// A root key holder's public key; once for each.
    #[arg(long = "root-key", value_name = "PUB")]
    root: Vec<PathBuf>,
    /// How many root key holders must sign.
    #[arg(long, value_name = "K")]
    threshold: Option<NonZeroU64>,
    /// A public key that signs what is published.
    #[arg(long = "targets-key", value_name = "PUB")]
    targets: Vec<PathBuf>,
    /// A public key that signs which files belong together.
    #[arg(long = "snapshot-key", value_name = "PUB")]
    snapshot: Vec<PathBuf>,
    /// A public key that signs what is newest.
    #[arg(long = "timestamp-key", value_name = "PUB")]
    timestamp: Vec<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Init {
    #[command(flatten)]
    keys: PublicKeys,
    /// How long the root is good.
    #[arg(long, default_value_t = days(Role::Root))]
    days: u32,
    /// Where to write the root.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Args)]
pub(crate) struct Sign {
    /// The root to sign; the signature is added to the file.
    #[arg(long, value_name = "FILE")]
    root: PathBuf,
    /// The key holder's private key.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The root before it, whose key holders have to sign as well.
    #[arg(long, value_name = "FILE")]
    previous: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct RotateKeys {
    /// The repository's folder.
    #[arg(long, value_name = "DIR")]
    repository: PathBuf,
    #[command(flatten)]
    keys: PublicKeys,
    /// How long the root is good.
    #[arg(long, default_value_t = days(Role::Root))]
    days: u32,
    /// Where to write the root.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(crate) fn generate(arguments: &Generate) -> Result<Report> {
    let algorithm = match arguments.algorithm {
        Kind::Ed25519 => Algorithm::Ed25519,
        Kind::Ecdsa => Algorithm::Ecdsa,
    };
    let key = SigningKey::generate(algorithm)?;
    let public = keys::write(&arguments.out, &key)?;
    let id = hex(&key.public().key_id()?);
    let lines = vec![
        format!("private key: {} (keep it, and keep it secret)", arguments.out.display()),
        format!("public key:  {} (key {})", public.display(), short(&id)),
    ];
    Ok(Report::new(lines, json!({ "private": arguments.out, "public": public, "key": id })))
}

pub(crate) fn init(arguments: &Init) -> Result<Report> {
    let root = &arguments.keys;
    ensure!(!root.root.is_empty(), "a root needs key holders: --root-key");
    ensure!(root.threshold.is_some(), "how many of the key holders must sign? --threshold");
    let root = publish::draft(key_sets(&arguments.keys, None)?, expiry(arguments.days))?;
    write_new(&arguments.out, &root, None)
}

pub(crate) fn rotate_keys(arguments: &RotateKeys) -> Result<Report> {
    let current = repository::read(&arguments.repository)?.root;
    let current = current.context("the repository has no root yet")?;
    let keys = key_sets(&arguments.keys, Some(&current.signed))?;
    let root = publish::successor(&current.signed, keys, expiry(arguments.days))?;
    write_new(&arguments.out, &root, Some(&current.signed))
}

pub(crate) fn sign(arguments: &Sign) -> Result<Report> {
    let mut root = repository::read_root(&arguments.root)?;
    let previous = arguments.previous.as_deref().map(repository::read_root).transpose()?;
    let previous = previous.as_ref().map(|root| &root.signed);
    let key = keys::read(&arguments.key)?;
    publish::sign(&mut root, previous, &key, &*keys::RANDOM)?;
    repository::write_root(&arguments.root, &root)?;
    Ok(told(&arguments.root, &root, previous))
}

fn write_new(path: &Path, root: &Signed<Root>, previous: Option<&Root>) -> Result<Report> {
    repository::write_new_root(path, root)?;
    Ok(told(path, root, previous))
}

/// Roles without keys keep those of the present root, or have none.
fn key_sets(keys: &PublicKeys, present: Option<&Root>) -> Result<RoleKeySets> {
    let mut sets = HashMap::new();
    for (role, paths) in [
        (RoleType::Root, &keys.root),
        (RoleType::Targets, &keys.targets),
        (RoleType::Snapshot, &keys.snapshot),
        (RoleType::Timestamp, &keys.timestamp),
    ] {
        let asked = keys.threshold.filter(|_| role == RoleType::Root);
        let threshold = present.and_then(|root| Some(root.roles.get(&role)?.threshold));
        let read = |path: &PathBuf| keys::read_public(path);
        let mut keys = paths.iter().map(read).collect::<Result<Vec<_>>>()?;
        if keys.is_empty() && asked.is_none() {
            continue;
        }
        if let Some(present) = present.filter(|_| keys.is_empty()) {
            keys = present.keys(role).cloned().collect();
        }
        let threshold = asked.or(threshold).unwrap_or(NonZeroU64::MIN);
        sets.insert(role, Keys { keys, threshold });
    }
    Ok(sets)
}

fn told(path: &Path, root: &Signed<Root>, previous: Option<&Root>) -> Report {
    let standing = publish::standing(root, previous);
    let complete = standing.iter().all(Standing::is_complete);
    let mut lines = vec![format!(
        "{}: root {}, good until {}",
        path.display(),
        root.signed.version,
        root.signed.expires
    )];
    lines.extend(standing.iter().map(|standing| format!("  {standing}")));
    let next = if complete { "complete: publish it" } else { "next: release sign, by key holders" };
    lines.push(next.to_owned());
    let value = json!({
        "root": path, "version": root.signed.version, "expires": root.signed.expires.to_string(),
        "signatures": standing, "complete": complete,
    });
    Report::new(lines, value)
}

fn expiry(days: u32) -> WallTime {
    WallTime::from_unix(clock::wall().unix() + u64::from(days) * 24 * 60 * 60)
}

/// Writes bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The beginning of a key's identifier, enough to tell a handful of keys apart.
pub(crate) fn short(id: &str) -> &str {
    id.get(..16).unwrap_or(id)
}
