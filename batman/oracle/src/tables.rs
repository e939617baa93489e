//! Every table, as we read it and as batctl does.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::bail;
use batman::{IfName, Kernel, MacAddr, VlanId};
use serde_json::Value;

use crate::batctl;
use crate::report::Report;
use crate::world::{MESHES, World, name};

/// Rows come and go while they are compared: so often it is tried.
const TRIES: usize = 20;

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(300);

/// A row without what changes all the time.
type Rows = BTreeSet<String>;

/// Compares each table.
pub(crate) async fn check(world: &mut World, report: &mut Report) -> anyhow::Result<()> {
    world.ask_from_lan().await?;
    for table in TABLES {
        match same(&mut world.kernel, table).await {
            Ok(rows) => report.table(world.algorithm, table.query, rows),
            Err(error) => report.fails(world.algorithm, &format!("{}: {error:#}", table.query)),
        }
    }
    Ok(())
}

/// A table, and what of its rows is compared.
#[derive(Clone, Copy)]
struct Table {
    /// batctl's query.
    query: &'static str,
    /// The keys of what stays the same from one look to the next.
    keys: &'static [&'static str],
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Neighbours,
    Originators,
    Gateways,
    HardInterfaces,
    LocalClients,
    GlobalClients,
    Claims,
    Backbones,
    CachedAddresses,
    Multicast,
}

const TABLES: [Table; 10] = [
    Table {
        query: "neighbors_json",
        keys: &["neigh_address", "hard_ifname", "hard_ifindex"],
        kind: Kind::Neighbours,
    },
    Table {
        query: "originators_json",
        keys: &["orig_address", "neigh_address", "hard_ifname", "hard_ifindex", "best"],
        kind: Kind::Originators,
    },
    Table {
        query: "gateways_json",
        keys: &["orig_address", "router", "hard_ifname", "bandwidth_down", "bandwidth_up", "best"],
        kind: Kind::Gateways,
    },
    Table {
        query: "hardifs_json",
        keys: &["hard_ifname", "hard_ifindex", "hard_address", "active"],
        kind: Kind::HardInterfaces,
    },
    Table {
        query: "transtable_local_json",
        keys: &["tt_address", "tt_vid", "tt_crc32"],
        kind: Kind::LocalClients,
    },
    Table {
        query: "transtable_global_json",
        keys: &["tt_address", "tt_vid", "orig_address", "tt_crc32", "best"],
        kind: Kind::GlobalClients,
    },
    Table {
        query: "bla_claim_json",
        keys: &["bla_address", "bla_vid", "bla_backbone", "bla_crc", "bla_own"],
        kind: Kind::Claims,
    },
    Table {
        query: "bla_backbone_json",
        keys: &["bla_backbone", "bla_vid", "bla_crc", "bla_own"],
        kind: Kind::Backbones,
    },
    Table {
        query: "dat_cache_json",
        keys: &["dat_cache_ip4address", "dat_cache_hwaddress", "dat_cache_vid"],
        kind: Kind::CachedAddresses,
    },
    Table { query: "mcast_flags_json", keys: &["orig_address"], kind: Kind::Multicast },
];

/// Reads until both see the same, and tells how many rows that are.
async fn same(kernel: &mut Kernel, table: Table) -> anyhow::Result<usize> {
    let mesh = name(MESHES[0]);
    let mut last = (Rows::new(), Rows::new());
    for _ in 0..TRIES {
        let ours = ours(kernel, &mesh, table.kind).await?;
        let theirs = theirs(table)?;
        if ours == theirs {
            return Ok(ours.len());
        }
        last = (ours, theirs);
        tokio::time::sleep(PAUSE).await;
    }
    bail!("we see {:?}, batctl sees {:?}", last.0, last.1)
}

fn theirs(table: Table) -> anyhow::Result<Rows> {
    let told = batctl::query(&["meshif", MESHES[0], table.query])?;
    let Some(rows) = told.as_array() else { bail!("batctl {}: no list but {told}", table.query) };
    Ok(rows.iter().map(|row| joined(table.keys.iter().map(|key| word(row.get(*key))))).collect())
}

fn word(value: Option<&Value>) -> String {
    match value {
        None => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn joined(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

async fn ours(kernel: &mut Kernel, mesh: &IfName, kind: Kind) -> anyhow::Result<Rows> {
    Ok(match kind {
        Kind::Neighbours => rows(kernel.neighbours(mesh).await?, |it| {
            vec![mac(it.address), it.interface.to_string(), it.interface_index.0.to_string()]
        }),
        Kind::Originators => rows(kernel.originators(mesh).await?, |it| {
            let interface = it.interface.to_string();
            let index = it.interface_index.0.to_string();
            vec![mac(it.address), mac(it.neighbour), interface, index, flag(it.best)]
        }),
        Kind::Gateways => rows(kernel.gateways(mesh).await?, |it| {
            let (down, up) = (it.download.kbit() / 100, it.upload.kbit() / 100);
            let interface = it.interface.to_string();
            vec![
                mac(it.address),
                mac(it.router),
                interface,
                down.to_string(),
                up.to_string(),
                flag(it.best),
            ]
        }),
        Kind::HardInterfaces => rows(kernel.hard_interfaces(mesh).await?, |it| {
            let index = it.index.0.to_string();
            vec![it.name.to_string(), index, mac(it.address), flag(it.active)]
        }),
        Kind::LocalClients => rows(kernel.local_clients(mesh).await?, |it| {
            vec![mac(it.address), tag(it.vlan), it.checksum.to_string()]
        }),
        Kind::GlobalClients => rows(kernel.global_clients(mesh).await?, |it| {
            let checksum = it.checksum.to_string();
            vec![mac(it.address), tag(it.vlan), mac(it.originator), checksum, flag(it.best)]
        }),
        Kind::Claims => rows(kernel.claims(mesh).await?, |it| {
            let checksum = it.checksum.to_string();
            vec![mac(it.client), tag(it.vlan), mac(it.backbone), checksum, flag(it.own)]
        }),
        Kind::Backbones => rows(kernel.backbones(mesh).await?, |it| {
            vec![mac(it.address), tag(it.vlan), it.checksum.to_string(), flag(it.own)]
        }),
        Kind::CachedAddresses => rows(kernel.cached_addresses(mesh).await?, |it| {
            vec![it.ip.to_string(), mac(it.address), tag(it.vlan)]
        }),
        Kind::Multicast => rows(kernel.multicast_flags(mesh).await?, |it| vec![mac(it.originator)]),
    })
}

fn rows<R>(table: Vec<R>, words: impl Fn(R) -> Vec<String>) -> Rows {
    table.into_iter().map(|row| words(row).join(" ")).collect()
}

fn mac(address: MacAddr) -> String {
    address.to_string()
}

fn flag(is_set: bool) -> String {
    if is_set { "true" } else { "-" }.to_owned()
}

fn tag(vlan: Option<VlanId>) -> String {
    vlan.map_or_else(|| "-1".to_owned(), |vlan| vlan.number().to_string())
}
