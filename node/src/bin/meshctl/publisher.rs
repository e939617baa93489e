//! What a publisher does, with the online keys at hand.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use mesh_node::io::clock;
use mesh_node::release::Custom;
use mesh_node::release::io::keys;
use mesh_node::release::io::repository::{self, Repository};
use mesh_node::release::io::updates;
use mesh_node::release::publish::{Next, Older, Release, Wanted};
use serde_json::{Value, json};
use tough::schema::{RoleType, Root};

use crate::key_holder::{hex, short};
use crate::report::Report;

#[derive(Args)]
pub(crate) struct Publish {
    /// The repository's folder, made if it is not there.
    #[arg(long, value_name = "DIR")]
    repository: PathBuf,
    /// An online private key; once for each.
    #[arg(long = "key", value_name = "FILE")]
    keys: Vec<PathBuf>,
    /// A complete root to begin with, or to go on to.
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// Takes an update back, by its name in `release show`; its file stays for those who are fetching it.
    #[arg(long, value_name = "NAME")]
    remove: Vec<String>,
    /// Publishes versions that are not newer than what is published for their board.
    #[arg(long)]
    allow_older: bool,
    /// How long what is signed now is good; without it targets 365, snapshot 90, timestamp 30 days.
    #[arg(long)]
    days: Option<u32>,
    /// Update files.
    #[arg(value_name = "UPDATE")]
    updates: Vec<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Expire {
    /// The repository's folder.
    #[arg(long, value_name = "DIR")]
    repository: PathBuf,
    /// An online private key; the timestamp's alone will do for the timestamp.
    #[arg(long = "key", value_name = "FILE", required = true)]
    keys: Vec<PathBuf>,
    /// How long what is signed now is good; without it targets 365, snapshot 90, timestamp 30 days.
    #[arg(long)]
    days: Option<u32>,
}

pub(crate) fn publish(arguments: &Publish) -> Result<Report> {
    let read = |path: &PathBuf| updates::read(path);
    let sources = arguments.updates.iter().map(read).collect::<Result<Vec<_>>>()?;
    let asked = !sources.is_empty() || !arguments.remove.is_empty() || arguments.root.is_some();
    ensure!(asked, "nothing to publish: name update files, --remove or --root");
    let wanted = Wanted {
        root: arguments.root.as_deref().map(repository::read_root).transpose()?,
        add: sources.iter().map(|source| source.update.clone()).collect(),
        remove: arguments.remove.clone(),
        older: if arguments.allow_older { Older::Allowed } else { Older::Refused },
        renew: false,
        days: arguments.days,
    };
    let keys = keys::keyring(&arguments.keys)?;
    let repository = Repository::hold(&arguments.repository)?;
    let next = repository.publish(&wanted, &sources, &keys, clock::wall())?;
    told(&next)
}

pub(crate) fn expire(arguments: &Expire) -> Result<Report> {
    let wanted = Wanted {
        root: None,
        add: Vec::new(),
        remove: Vec::new(),
        older: Older::Refused,
        renew: true,
        days: arguments.days,
    };
    let keys = keys::keyring(&arguments.keys)?;
    let repository = Repository::hold(&arguments.repository)?;
    told(&repository.publish(&wanted, &[], &keys, clock::wall())?)
}

pub(crate) fn show(folder: &Path) -> Result<Report> {
    let release = repository::read(folder)?;
    let (lines, value) = shown(&release)?;
    Ok(Report::new(lines, value))
}

fn told(next: &Next) -> Result<Report> {
    let files: Vec<&str> = next.files.iter().map(|file| file.name.as_str()).collect();
    let mut lines = vec![format!("written: {}", files.join(", "))];
    let (more, mut value) = shown(&next.release)?;
    lines.extend(more);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("written".to_owned(), json!(files));
    }
    Ok(Report::new(lines, value))
}

fn shown(release: &Release) -> Result<(Vec<String>, Value)> {
    let root = &release.root.as_ref().context("the repository has no root yet")?.signed;
    let (mut lines, mut roles) = (Vec::new(), Vec::new());
    let mut role = |kind: RoleType, version: u64, expires: String| {
        let (line, value) = one_role(root, kind, version, &expires);
        lines.push(line);
        roles.push(value);
    };
    role(RoleType::Root, root.version.get(), root.expires.to_string());
    if let Some(targets) = release.targets.as_ref().map(|it| &it.role.signed) {
        role(RoleType::Targets, targets.version.get(), targets.expires.to_string());
    }
    if let Some(snapshot) = release.snapshot.as_ref().map(|it| &it.role.signed) {
        role(RoleType::Snapshot, snapshot.version.get(), snapshot.expires.to_string());
    }
    if let Some(timestamp) = release.timestamp.as_ref().map(|it| &it.role.signed) {
        role(RoleType::Timestamp, timestamp.version.get(), timestamp.expires.to_string());
    }
    let mut updates = Vec::new();
    let targets = release.targets.iter().flat_map(|it| &it.role.signed.targets);
    for (name, target) in targets {
        let custom = Custom::from_fields(&target.custom).with_context(|| name.raw().to_owned())?;
        updates.push((custom, name.raw(), target.length));
    }
    updates.sort_by(|(a, ..), (b, ..)| (&a.board, &a.version).cmp(&(&b.board, &b.version)));
    lines.extend(updates.iter().map(|(custom, name, length)| {
        let Custom { version, minimum, schema, .. } = custom;
        format!("{name}: {version} (from {minimum} on, schema {schema}), {length} bytes")
    }));
    let update = |(custom, name, length): &(Custom, &str, u64)| -> Value {
        json!({ "name": name, "length": length, "custom": custom })
    };
    let updates: Vec<Value> = updates.iter().map(update).collect();
    Ok((lines, json!({ "roles": roles, "updates": updates })))
}

fn one_role(root: &Root, kind: RoleType, version: u64, expires: &str) -> (String, Value) {
    let threshold = root.roles.get(&kind).map_or(0, |role| role.threshold.get());
    let ids = root.roles.get(&kind).map(|role| role.keyids.iter().map(|id| hex(id)).collect());
    let ids: Vec<String> = ids.unwrap_or_default();
    let shorts: Vec<&str> = ids.iter().map(|id| short(id)).collect();
    let (of, keys) = (ids.len(), shorts.join(" "));
    let name = kind.to_string();
    let line = format!("{name:<9} {version:>4}, until {expires}, {threshold} of {of}: {keys}");
    let value = json!({
        "role": kind, "version": version, "expires": expires, "threshold": threshold, "keys": ids,
    });
    (line, value)
}
