//! `mesh-node mesh`: what the kernel knows of the mesh, asked of the kernel itself.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use batman::{
    Backbone, CachedAddress, Claim, Error, Gateway, GlobalClient, HardInterface, IfName, Kernel,
    LocalClient, MulticastFlags, Neighbour, NeighbourLink, Originator, Row, Seen, Setting, VlanId,
};
use clap::{Args, Subcommand, ValueEnum};
use mesh_node::mesh::columns::layout;
use mesh_node::mesh::names::Names;
use mesh_node::mesh::topology::{Parts, Topology};
use mesh_node::mesh::{Columns, Told, json};
use serde_json::{Value, json};

use super::{measure, planning};

/// sysexits.h: what is asked for is not there, or not permitted.
const EX_UNAVAILABLE: u8 = 69;
const EX_NOPERM: u8 = 77;

/// Between two looks of `--watch`.
const AGAIN: Duration = Duration::from_secs(1);

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// JSON, with the keys of batctl's JSON queries where it has them.
    #[arg(long, global = true)]
    json: bool,
    /// The mesh interface.
    #[arg(long, global = true, default_value = "bat0", value_name = "INTERFACE")]
    mesh: IfName,
    /// Names for addresses, in batctl's format.
    #[arg(long, global = true, default_value = "/etc/bat-hosts", value_name = "FILE")]
    hosts: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// The tables of the kernel.
    #[command(flatten)]
    Look(Looking),
    /// Tells what is not as the configuration wants it, and changes nothing.
    Plan(planning::Arguments),
    /// Makes the mesh as the configuration wants it, once; the node does so all the time.
    Apply {
        #[command(flatten)]
        arguments: planning::Arguments,
        /// Only tell what would be done.
        #[arg(long)]
        dry_run: bool,
    },
    /// Measures the throughput to a node; takes all the air time there is.
    Measure(measure::Arguments),
}

#[derive(Subcommand)]
enum Looking {
    /// Who is heard on which hard interface.
    Neighbours(Watch),
    /// Every node that is known, and the ways to it; * marks the one in use.
    Originators(Watch),
    /// Who offers a way out; * marks the one in use.
    Gateways(Watch),
    /// The hard interfaces and their settings.
    Interfaces(Watch),
    /// The VLANs of the mesh interface.
    Vlans(Watch),
    /// Devices behind this node, and behind others.
    Clients {
        /// Only those behind this node.
        #[arg(long, conflicts_with = "global")]
        local: bool,
        /// Only those behind others.
        #[arg(long)]
        global: bool,
        #[command(flatten)]
        watch: Watch,
    },
    /// The cache of the distributed ARP table.
    Dat(Watch),
    /// The claims of bridge loop avoidance.
    Claims(Watch),
    /// The backbones of bridge loop avoidance.
    Backbones(Watch),
    /// Who asks for which multicast.
    Multicast(Watch),
    /// How the mesh interface is set.
    Settings(Watch),
    /// What the mesh interface counted.
    Counters(Watch),
    /// Links and ways, as far as this node sees.
    Topology {
        /// How it is written.
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
        #[command(flatten)]
        watch: Watch,
    },
}

#[derive(Args, Clone, Copy)]
struct Watch {
    /// Again every second, until interrupted.
    #[arg(long)]
    watch: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// Lines for people.
    Table,
    /// Graphviz.
    Dot,
    /// The document of `batadv-vis -f jsondoc`.
    Vis,
}

pub(crate) async fn run(arguments: Arguments) -> ExitCode {
    match look(&arguments).await {
        Ok(status) => status,
        Err(error) => {
            eprintln!("mesh-node: {error}");
            let cause = std::error::Error::source(&error);
            if let Some(cause) = cause {
                eprintln!("  {cause}");
            }
            ExitCode::from(match error {
                Error::Permission { .. } => EX_NOPERM,
                _ => EX_UNAVAILABLE,
            })
        }
    }
}

async fn look(arguments: &Arguments) -> batman::Result<ExitCode> {
    let names = names(&arguments.hosts);
    let mut viewer = Viewer { kernel: Kernel::open()?, mesh: &arguments.mesh, names };
    let looking = match &arguments.command {
        Command::Look(looking) => looking,
        Command::Plan(given) | Command::Apply { arguments: given, dry_run: true } => {
            return planning::plan(given, arguments.json).await;
        }
        Command::Apply { arguments: given, dry_run: false } => {
            return planning::apply(given, arguments.json).await;
        }
        Command::Measure(what) => {
            return measure::run(
                &mut viewer.kernel,
                viewer.mesh,
                &viewer.names,
                what,
                arguments.json,
            )
            .await;
        }
    };
    loop {
        let shown = viewer.show(looking, arguments.json).await?;
        print!("{shown}");
        if !looking.watch().watch {
            return Ok(ExitCode::SUCCESS);
        }
        tokio::time::sleep(AGAIN).await;
        if !arguments.json {
            println!();
        }
    }
}

/// Reads the host file. There need not be one; what it says wrongly is told and skipped.
fn names(file: &Path) -> Names {
    let Ok(text) = std::fs::read_to_string(file) else { return Names::default() };
    let (names, bad) = Names::read(&text);
    for line in bad {
        eprintln!("{}: {line}; skipped", file.display());
    }
    names
}

impl Looking {
    fn watch(&self) -> Watch {
        match self {
            Self::Neighbours(watch)
            | Self::Originators(watch)
            | Self::Gateways(watch)
            | Self::Interfaces(watch)
            | Self::Vlans(watch)
            | Self::Dat(watch)
            | Self::Claims(watch)
            | Self::Backbones(watch)
            | Self::Multicast(watch)
            | Self::Settings(watch)
            | Self::Counters(watch)
            | Self::Clients { watch, .. }
            | Self::Topology { watch, .. } => *watch,
        }
    }
}

/// Asks the kernel and lays out what it tells.
struct Viewer<'a> {
    kernel: Kernel,
    mesh: &'a IfName,
    names: Names,
}

impl Viewer<'_> {
    async fn show(&mut self, looking: &Looking, as_json: bool) -> batman::Result<String> {
        match looking {
            Looking::Neighbours(_) => self.neighbours(as_json).await,
            Looking::Originators(_) => self.table::<Originator, 6>(as_json).await,
            Looking::Gateways(_) => self.table::<Gateway, 6>(as_json).await,
            Looking::Interfaces(_) => self.table::<HardInterface, 6>(as_json).await,
            Looking::Dat(_) => self.table::<CachedAddress, 4>(as_json).await,
            Looking::Claims(_) => self.table::<Claim, 5>(as_json).await,
            Looking::Backbones(_) => self.table::<Backbone, 5>(as_json).await,
            Looking::Multicast(_) => self.table::<MulticastFlags, 2>(as_json).await,
            Looking::Clients { local, global, .. } => self.clients(*local, *global, as_json).await,
            Looking::Vlans(_) => self.vlans(as_json).await,
            Looking::Settings(_) => self.settings(as_json).await,
            Looking::Counters(_) => self.counters(as_json).await,
            Looking::Topology { format, .. } => self.topology(*format, as_json).await,
        }
    }

    async fn clients(
        &mut self,
        local: bool,
        global: bool,
        as_json: bool,
    ) -> batman::Result<String> {
        match (local, global) {
            (true, _) => self.table::<LocalClient, 4>(as_json).await,
            (_, true) => self.table::<GlobalClient, 6>(as_json).await,
            _ if as_json => {
                let local = self.rows::<LocalClient>().await?;
                let global = self.rows::<GlobalClient>().await?;
                let (local, global) = (self.objects(&local), self.objects(&global));
                Ok(line(&json!({ "local": local, "global": global })))
            }
            _ => {
                let local = self.table::<LocalClient, 4>(false).await?;
                let global = self.table::<GlobalClient, 6>(false).await?;
                Ok(format!("behind this node\n{local}\nbehind others\n{global}"))
            }
        }
    }

    async fn rows<R: Row>(&mut self) -> batman::Result<Vec<Told<R>>> {
        let table = self.kernel.table::<Told<R>>(self.mesh).await?;
        if table.left_out > 0 {
            eprintln!("{} rows are left out", table.left_out);
        }
        Ok(table.rows)
    }

    async fn table<R: Row + Columns<N>, const N: usize>(
        &mut self,
        as_json: bool,
    ) -> batman::Result<String> {
        let rows = self.rows::<R>().await?;
        if as_json {
            return Ok(line(&self.objects(&rows)));
        }
        let cells: Vec<_> = rows.iter().map(|told| told.row.cells(&self.names)).collect();
        Ok(layout(R::HEADINGS, &cells))
    }

    fn objects<R>(&self, rows: &[Told<R>]) -> Value {
        rows.iter().map(|told| json::object(&told.attributes, &self.names)).collect()
    }

    /// Under B.A.T.M.A.N. IV a neighbour's quality is in the table of originators.
    async fn neighbours(&mut self, as_json: bool) -> batman::Result<String> {
        let rows = self.rows::<Neighbour>().await?;
        let neighbours = rows.iter().map(|told| told.row.clone()).collect();
        let originators = self.kernel.originators(self.mesh).await?;
        let links = Seen { neighbours, originators, ..Seen::default() }.neighbour_links();
        if !as_json {
            let cells: Vec<_> = links.iter().map(|link| link.cells(&self.names)).collect();
            return Ok(layout(NeighbourLink::HEADINGS, &cells));
        }
        let mut shown = self.objects(&rows);
        let objects = shown.as_array_mut().into_iter().flatten();
        for (object, link) in objects.zip(&links) {
            if let (Some(object), Some(batman::LinkQuality::Tq(tq))) =
                (object.as_object_mut(), link.quality)
            {
                object.insert("tq".to_owned(), json!(tq));
            }
        }
        Ok(line(&shown))
    }

    async fn vlans(&mut self, as_json: bool) -> batman::Result<String> {
        let clients = self.kernel.local_clients(self.mesh).await?;
        let mut tags: Vec<VlanId> = clients.iter().filter_map(|client| client.vlan).collect();
        tags.sort_unstable();
        tags.dedup();
        let mut rows = Vec::new();
        for tag in tags {
            rows.push(self.kernel.vlan(self.mesh, tag).await?);
        }
        if as_json {
            let objects = rows.iter().map(|vlan| {
                json!({
                    "mesh_ifname": vlan.mesh.as_str(), "mesh_ifindex": vlan.mesh_index.0,
                    "vlanid": vlan.id.number(), "ap_isolation_enabled": vlan.settings.ap_isolation,
                })
            });
            return Ok(line(&objects.collect()));
        }
        let cells: Vec<_> = rows
            .iter()
            .map(|vlan| {
                let isolated = match vlan.settings.ap_isolation {
                    Some(true) => "on",
                    Some(false) => "off",
                    None => "-",
                };
                [vlan.id.number().to_string(), isolated.to_owned()]
            })
            .collect();
        Ok(layout(["VLAN", "AP ISOLATION"], &cells))
    }

    async fn settings(&mut self, as_json: bool) -> batman::Result<String> {
        let device = self.kernel.mesh_device(self.mesh).await?;
        let algorithm = device.algorithm.map_or("unknown", |algorithm| algorithm.name());
        if as_json {
            let attributes: Vec<_> =
                device.settings.iter().filter_map(|it| it.attribute()).collect();
            let mut shown = json::object(&attributes, &self.names);
            if let Some(object) = shown.as_object_mut() {
                object.insert("version".to_owned(), json!(device.version));
                object.insert("algo_name".to_owned(), json!(algorithm));
                object.insert("mesh_ifname".to_owned(), json!(device.name.as_str()));
                object.insert("mesh_ifindex".to_owned(), json!(device.index.0));
                object.insert("mesh_address".to_owned(), json!(device.address.to_string()));
            }
            return Ok(line(&shown));
        }
        let mut cells = vec![
            ["algorithm".to_owned(), algorithm.to_owned()],
            ["address".to_owned(), self.names.show(device.address)],
            ["version".to_owned(), device.version],
        ];
        let settings = device.settings.iter();
        cells.extend(
            settings
                .map(|Setting { knob, value }| [knob.about().name.to_owned(), value.to_string()]),
        );
        Ok(layout(["SETTING", "VALUE"], &cells))
    }

    async fn counters(&mut self, as_json: bool) -> batman::Result<String> {
        let counters = self.kernel.counters(self.mesh).await?;
        if as_json {
            let object = counters.iter().map(|(name, count)| (name.to_owned(), json!(count)));
            return Ok(line(&Value::Object(object.collect())));
        }
        let cells: Vec<_> =
            counters.iter().map(|(name, count)| [name.to_owned(), count.to_string()]).collect();
        Ok(layout(["COUNTER", "VALUE"], &cells))
    }

    async fn topology(&mut self, format: Format, as_json: bool) -> batman::Result<String> {
        let mesh = self.mesh;
        let interfaces = self.kernel.hard_interfaces(mesh).await?;
        let mut interfaces: Vec<_> = interfaces.into_iter().filter(|it| it.active).collect();
        let device = self.kernel.mesh_device(mesh).await?;
        // The mesh device takes the address of its primary interface.
        interfaces.sort_by_key(|it| it.address != device.address);
        let neighbours = self.kernel.neighbours(mesh).await?;
        let originators = self.kernel.originators(mesh).await?;
        let seen = Seen { neighbours, originators, ..Seen::default() };
        let topology = Topology::local(&Parts {
            device,
            interfaces: interfaces.into_iter().map(|it| (it.name, it.address)).collect(),
            links: seen.neighbour_links(),
            clients: self.kernel.local_clients(mesh).await?,
            originators: seen.originators,
        });
        Ok(match (format, as_json) {
            (Format::Vis, _) => line(&topology.vis()),
            (_, true) => line(&topology.json(&self.names)),
            (Format::Table, false) => topology.table(&self.names),
            (Format::Dot, false) => topology.dot(&self.names),
        })
    }
}

fn line(value: &Value) -> String {
    format!("{value}\n")
}
