//! What `mesh-node mesh TABLE --json` shows: batctl's keys with batctl's values, and whatever else it has.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Map, Value};

use crate::batctl;
use crate::report::Report;
use crate::tables::{PAUSE, RESTLESS, TRIES};
use crate::world::{CABLE, MESHES, VLAN, World};

/// batctl's queries, and what mesh-node is told to show the same.
const QUERIES: [(&str, &str); 13] = [
    ("meshif bat0 mesh_json", "settings"),
    ("meshif bat0 hardifs_json", "interfaces"),
    ("hardif mesh0 hardif_json", "interfaces"),
    ("meshif bat0 vid 10 vlan_json", "vlans 10"),
    ("meshif bat0 neighbors_json", "neighbours"),
    ("meshif bat0 originators_json", "originators"),
    ("meshif bat0 gateways_json", "gateways"),
    ("meshif bat0 transtable_local_json", "clients --local"),
    ("meshif bat0 transtable_global_json", "clients --global"),
    ("meshif bat0 bla_claim_json", "claims"),
    ("meshif bat0 bla_backbone_json", "backbones"),
    ("meshif bat0 dat_cache_json", "dat"),
    ("meshif bat0 mcast_flags_json", "multicast"),
];

/// Compares each query; what this kernel lacks both have to refuse.
pub(crate) async fn check(world: &World, report: &mut Report) {
    for (query, command) in QUERIES {
        let name = query.rsplit(' ').next().unwrap_or(query);
        match same(query, command).await {
            Ok(Some(rows)) => report.shows(world.algorithm, name, rows),
            Ok(None) => report.holds(world.algorithm, &format!("refusal of {name}")),
            Err(error) => {
                report.fails(world.algorithm, &format!("mesh-node mesh {command}: {error:#}"));
            }
        }
    }
}

/// Asks until both show the same rows and tells how many; nothing if both refuse.
async fn same(query: &str, command: &str) -> anyhow::Result<Option<usize>> {
    let words: Vec<_> = query.split(' ').collect();
    let mut last = Default::default();
    for _ in 0..TRIES {
        let (theirs, ours) = (batctl::query(&words), ours(command)?);
        let (theirs, ours) = match (theirs, ours) {
            (Ok(theirs), Ok(ours)) => (rows(theirs)?, rows(ours)?),
            (Err(_), Err(refusal)) if refusal.contains("built without CONFIG_BATMAN_ADV_") => {
                return Ok(None);
            }
            (theirs, ours) => bail!("batctl shows {theirs:?}, and mesh-node {ours:?}"),
        };
        // Of a table of hard interfaces batctl can show one.
        let ours: Vec<_> = ours.into_iter().filter(|it| is_asked_for(query, it)).collect();
        let keys = keys(&theirs);
        let count = theirs.len();
        ensure!(ours.len() == count || count == 0, "batctl {theirs:?}, mesh-node {ours:?}");
        last = (told(&theirs, &keys), told(&ours, &keys));
        if last.0 == last.1 {
            return Ok(Some(count));
        }
        tokio::time::sleep(PAUSE).await;
    }
    let (theirs, ours): (Words, Words) = last;
    let only = |these: &Words, those: &Words| {
        these.difference(those).flatten().cloned().collect::<BTreeSet<_>>()
    };
    let (only_theirs, only_ours) = (only(&theirs, &ours), only(&ours, &theirs));
    let differ =
        |these: &BTreeSet<String>, those| these.difference(those).cloned().collect::<Vec<_>>();
    let differences = (differ(&only_theirs, &only_ours), differ(&only_ours, &only_theirs));
    bail!("batctl alone shows {:?}, and mesh-node alone {:?}", differences.0, differences.1)
}

/// What mesh-node shows, or why it does not.
fn ours(command: &str) -> anyhow::Result<Result<Value, String>> {
    let mut asked = Command::new("mesh-node");
    asked.args(["mesh", "--json", "--mesh", MESHES[0]]).args(command.split(' '));
    let output = asked.output().context("there is no mesh-node")?;
    if !output.status.success() {
        return Ok(Err(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    serde_json::from_slice(&output.stdout).map(Ok).context("mesh-node shows no JSON")
}

/// The rows of an answer; an object alone is one.
fn rows(answer: Value) -> anyhow::Result<Vec<Map<String, Value>>> {
    match answer {
        Value::Array(rows) => rows.into_iter().map(row).collect(),
        alone => Ok(vec![row(alone)?]),
    }
}

fn row(value: Value) -> anyhow::Result<Map<String, Value>> {
    let Value::Object(row) = value else { bail!("{value} is no row") };
    Ok(row)
}

fn is_asked_for(query: &str, row: &Map<String, Value>) -> bool {
    let is = |key: &str, value: &Value| row.get(key).is_none_or(|it| it == value);
    match query.split(' ').next() {
        Some("hardif") => is("hard_ifname", &CABLE[0].into()),
        _ => !query.contains(" vid ") || is("vlanid", &VLAN.into()),
    }
}

/// The words of rows.
type Words = BTreeSet<BTreeSet<String>>;

/// Keys, each with those within its objects.
type Keys = BTreeMap<String, BTreeSet<String>>;

/// The keys of rows; more is not compared.
fn keys(rows: &[Map<String, Value>]) -> Keys {
    let mut keys = Keys::new();
    for (key, value) in rows.iter().flatten() {
        let within = value.as_object().into_iter().flat_map(Map::keys).cloned();
        keys.entry(key.clone()).or_default().extend(within);
    }
    keys
}

/// What rows say under some keys; of what changes all the time, only of what shape it is.
fn told(rows: &[Map<String, Value>], keys: &Keys) -> Words {
    let word = |row: &Map<String, Value>, key: &String, within: &BTreeSet<String>| {
        let Some(value) = row.get(key) else { return format!("no {key}") };
        let mut value = value.clone();
        if let Some(object) = value.as_object_mut() {
            object.retain(|key, _| within.contains(key));
        }
        match RESTLESS.contains(&key.as_str()) {
            true => format!("{key}: {}", shape(&value)),
            false => format!("{key}: {value}"),
        }
    };
    rows.iter()
        .map(|row| keys.iter().map(|(key, within)| word(row, key, within)).collect())
        .collect()
}

fn shape(value: &Value) -> String {
    match value {
        Value::Object(fields) => fields.keys().cloned().collect::<Vec<_>>().join(" "),
        Value::Number(_) => "number".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_are_the_same_if_they_say_the_same_under_batctls_keys() {
        let theirs = json!([{ "best": true, "tq": 251, "flags": { "raw": 1, "wifi": false } }]);
        let theirs = rows(theirs).unwrap();
        let keys = keys(&theirs);
        let is_same = |row: Value| told(&rows(row).unwrap(), &keys) == told(&theirs, &keys);

        let flags = json!({ "raw": 1, "wifi": false, "new": true });
        assert!(is_same(json!([{ "best": true, "tq": 251, "flags": flags, "name": "roof" }])));
        assert!(!is_same(
            json!([{ "best": true, "tq": 251, "flags": { "raw": 2, "wifi": false } }])
        ));
        assert!(!is_same(json!([{ "best": true, "tq": 251, "flags": { "raw": 1 } }])));
        assert!(!is_same(json!([{ "best": true, "flags": flags }])));
        assert!(!is_same(json!([{ "best": false, "tq": 251, "flags": flags }])));
        assert!(!is_same(json!([{ "best": true, "tq": 17, "flags": flags }])));
        assert!(!is_same(json!([{ "best": true, "tq": "251", "flags": flags }])));
    }
}
