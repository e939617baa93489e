//! Every table, as we read it and as batctl does.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::bail;
use batman::codec::BatadvCmd;
use batman::{ClientFlags, IfName, Kernel, LinkQuality, MacAddr, VlanId};
use serde_json::Value;

use crate::batctl;
use crate::report::Report;
use crate::world::{MESHES, World, name};

/// Rows come and go while they are compared: so often it is tried.
pub(crate) const TRIES: usize = 20;

/// Between two tries.
pub(crate) const PAUSE: Duration = Duration::from_millis(300);

/// What is another at each look: only that it is there is compared. The rest is the same at one of some tries.
pub(crate) const RESTLESS: [&str; 1] = ["last_seen_msecs"];

/// A row, with what is another at each look only as being there.
type Rows = BTreeSet<String>;

/// Compares each table.
pub(crate) async fn check(world: &mut World, report: &mut Report) -> anyhow::Result<()> {
    world.ask_from_lan().await?;
    for table in TABLES {
        if let Some(option) = lacking(&mut world.kernel, table).await {
            report.lacks(world.algorithm, table.query, &format!("it was built without {option}"));
            report.coverage().refused(command(table.kind), table.keys, option);
            continue;
        }
        match same(&mut world.kernel, table).await {
            Ok((rows, keys)) => {
                report.table(world.algorithm, table.query, rows);
                report.covers(command(table.kind), &keys);
            }
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
    /// The keys of what is compared.
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
        keys: &["neigh_address", "hard_ifname", "hard_ifindex", "last_seen_msecs", "throughput"],
        kind: Kind::Neighbours,
    },
    Table {
        query: "originators_json",
        keys: &[
            "orig_address",
            "neigh_address",
            "hard_ifname",
            "hard_ifindex",
            "best",
            "last_seen_msecs",
            "tq",
            "throughput",
        ],
        kind: Kind::Originators,
    },
    Table {
        query: "gateways_json",
        keys: &[
            "orig_address",
            "router",
            "hard_ifname",
            "bandwidth_down",
            "bandwidth_up",
            "best",
            "tq",
            "throughput",
        ],
        kind: Kind::Gateways,
    },
    Table {
        query: "hardifs_json",
        keys: &["hard_ifname", "hard_ifindex", "hard_address", "active"],
        kind: Kind::HardInterfaces,
    },
    Table {
        query: "transtable_local_json",
        keys: &["tt_address", "tt_vid", "tt_crc32", "last_seen_msecs", "tt_flags"],
        kind: Kind::LocalClients,
    },
    Table {
        query: "transtable_global_json",
        keys: &[
            "tt_address",
            "tt_vid",
            "orig_address",
            "tt_crc32",
            "best",
            "tt_ttvn",
            "tt_last_ttvn",
            "tt_flags",
        ],
        kind: Kind::GlobalClients,
    },
    Table {
        query: "bla_claim_json",
        keys: &["bla_address", "bla_vid", "bla_backbone", "bla_crc", "bla_own"],
        kind: Kind::Claims,
    },
    Table {
        query: "bla_backbone_json",
        keys: &["bla_backbone", "bla_vid", "bla_crc", "bla_own", "last_seen_msecs"],
        kind: Kind::Backbones,
    },
    Table {
        query: "dat_cache_json",
        keys: &["dat_cache_ip4address", "dat_cache_hwaddress", "dat_cache_vid", "last_seen_msecs"],
        kind: Kind::CachedAddresses,
    },
    Table {
        query: "mcast_flags_json",
        keys: &["orig_address", "mcast_flags"],
        kind: Kind::Multicast,
    },
];

/// Tells the option without which this kernel was built, if we say that it has no such table and batctl cannot read it either.
async fn lacking(kernel: &mut Kernel, table: Table) -> Option<&'static str> {
    let refused = ours(kernel, &name(MESHES[0]), table.kind).await.err()?;
    let Some(batman::Error::NotBuilt { option, .. }) = refused.downcast_ref() else { return None };
    theirs(table).is_err().then_some(*option)
}

/// Reads until both see the same, and something, and tells how many rows that are and which keys are in them.
async fn same(kernel: &mut Kernel, table: Table) -> anyhow::Result<(usize, Vec<&'static str>)> {
    let mesh = name(MESHES[0]);
    let mut last = (Rows::new(), Rows::new());
    for _ in 0..TRIES {
        let ours = ours(kernel, &mesh, table.kind).await?;
        let told = theirs(table)?;
        let theirs = rows_of(table, &told);
        if ours == theirs && !ours.is_empty() {
            let is_told = |key: &&str| told.iter().any(|row| row.get(*key).is_some());
            return Ok((ours.len(), table.keys.iter().copied().filter(is_told).collect()));
        }
        last = (ours, theirs);
        tokio::time::sleep(PAUSE).await;
    }
    bail!("we see {:?}, batctl sees {:?}", last.0, last.1)
}

fn theirs(table: Table) -> anyhow::Result<Vec<Value>> {
    match batctl::query(&["meshif", MESHES[0], table.query])? {
        Value::Array(rows) => Ok(rows),
        told => bail!("batctl {}: no list but {told}", table.query),
    }
}

fn rows_of(table: Table, told: &[Value]) -> Rows {
    let line = |row: &Value| joined(table.keys.iter().map(|key| word(key, row.get(*key))));
    told.iter().map(line).collect()
}

fn word(key: &str, value: Option<&Value>) -> String {
    match value {
        None => "-".to_owned(),
        Some(_) if RESTLESS.contains(&key) => "there".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => batctl::plain(Some(other)).to_string(),
    }
}

fn command(kind: Kind) -> BatadvCmd {
    match kind {
        Kind::Neighbours => BatadvCmd::GetNeighbors,
        Kind::Originators => BatadvCmd::GetOriginators,
        Kind::Gateways => BatadvCmd::GetGateways,
        Kind::HardInterfaces => BatadvCmd::GetHardif,
        Kind::LocalClients => BatadvCmd::GetTranstableLocal,
        Kind::GlobalClients => BatadvCmd::GetTranstableGlobal,
        Kind::Claims => BatadvCmd::GetBlaClaim,
        Kind::Backbones => BatadvCmd::GetBlaBackbone,
        Kind::CachedAddresses => BatadvCmd::GetDatCache,
        Kind::Multicast => BatadvCmd::GetMcastFlags,
    }
}

fn joined(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

async fn ours(kernel: &mut Kernel, mesh: &IfName, kind: Kind) -> anyhow::Result<Rows> {
    Ok(match kind {
        Kind::Neighbours => rows(kernel.neighbours(mesh).await?, |it| {
            let index = it.interface_index.0.to_string();
            vec![
                mac(it.address),
                it.interface.to_string(),
                index,
                there(true),
                it.throughput.map_or_else(|| "-".to_owned(), |it| it.kbit().to_string()),
            ]
        }),
        Kind::Originators => rows(kernel.originators(mesh).await?, |it| {
            let interface = it.interface.to_string();
            let index = it.interface_index.0.to_string();
            let [tq, throughput] = measured(it.quality, 1);
            vec![
                mac(it.address),
                mac(it.neighbour),
                interface,
                index,
                flag(it.best),
                there(true),
                tq,
                throughput,
            ]
        }),
        Kind::Gateways => rows(kernel.gateways(mesh).await?, |it| {
            let (down, up) = (it.download.kbit() / 100, it.upload.kbit() / 100);
            let [tq, throughput] = measured(it.quality, GATEWAYS);
            let (router, interface) = (mac(it.router), it.interface.to_string());
            let (down, up) = (down.to_string(), up.to_string());
            vec![mac(it.address), router, interface, down, up, flag(it.best), tq, throughput]
        }),
        Kind::HardInterfaces => rows(kernel.hard_interfaces(mesh).await?, |it| {
            let index = it.index.0.to_string();
            vec![it.name.to_string(), index, mac(it.address), flag(it.active)]
        }),
        Kind::LocalClients | Kind::GlobalClients => clients(kernel, mesh, kind).await?,
        Kind::Claims => rows(kernel.claims(mesh).await?, |it| {
            let checksum = it.checksum.to_string();
            vec![mac(it.client), tag(it.vlan), mac(it.backbone), checksum, flag(it.own)]
        }),
        Kind::Backbones => rows(kernel.backbones(mesh).await?, |it| {
            let checksum = it.checksum.to_string();
            vec![mac(it.address), tag(it.vlan), checksum, flag(it.own), there(true)]
        }),
        Kind::CachedAddresses => rows(kernel.cached_addresses(mesh).await?, |it| {
            vec![it.ip.to_string(), mac(it.address), tag(it.vlan), there(true)]
        }),
        Kind::Multicast => rows(kernel.multicast_flags(mesh).await?, |it| {
            let flags = it.flags.map_or_else(|| "-".to_owned(), |flags| flags.bits().to_string());
            vec![mac(it.originator), flags]
        }),
    })
}

async fn clients(kernel: &mut Kernel, mesh: &IfName, kind: Kind) -> anyhow::Result<Rows> {
    if matches!(kind, Kind::LocalClients) {
        return Ok(rows(kernel.local_clients(mesh).await?, |it| {
            let seen = there(it.last_seen.is_some());
            vec![mac(it.address), tag(it.vlan), it.checksum.to_string(), seen, bits(it.flags)]
        }));
    }
    Ok(rows(kernel.global_clients(mesh).await?, |it| {
        let (checksum, best) = (it.checksum.to_string(), flag(it.best));
        let (version, last) = (it.version.to_string(), it.last_version.to_string());
        let (client, originator) = (mac(it.address), mac(it.originator));
        vec![client, tag(it.vlan), originator, checksum, best, version, last, bits(it.flags)]
    }))
}

/// The kernel tells a gateway's throughput in so many kbit/s.
const GATEWAYS: u64 = 100;

/// The one of the two measures that there is, in the kernel's unit.
fn measured(quality: LinkQuality, kbit: u64) -> [String; 2] {
    let none = || "-".to_owned();
    match quality {
        LinkQuality::Tq(tq) => [tq.to_string(), none()],
        LinkQuality::Throughput(rate) => [none(), (rate.kbit() / kbit).to_string()],
    }
}

fn bits(flags: ClientFlags) -> String {
    flags.bits().to_string()
}

fn there(is_there: bool) -> String {
    if is_there { "there" } else { "-" }.to_owned()
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
