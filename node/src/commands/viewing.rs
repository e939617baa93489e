//! What `mesh-node mesh` shows, as tables and as JSON.

use batman::codec::{BatadvAttr, VlanNumber};
use batman::{
    Backbone, CachedAddress, Claim, Errno, Error, Gateway, GlobalClient, HardInterface, IfName,
    Kernel, LocalClient, MulticastFlags, Neighbour, NeighbourLink, Originator, Row, Seen, Setting,
    VlanId,
};
use mesh_node::mesh::columns::{layout, paragraph};
use mesh_node::mesh::gateway;
use mesh_node::mesh::names::Names;
use mesh_node::mesh::topology::{Parts, Topology};
use mesh_node::mesh::{Columns, Told};
use serde_json::{Value, json};

use super::mesh::{Format, Looking};

/// Asks the kernel and lays out what it tells.
pub(super) struct Viewer<'a> {
    pub(super) kernel: Kernel,
    pub(super) mesh: &'a IfName,
    pub(super) names: Names,
}

impl Viewer<'_> {
    pub(super) async fn show(
        &mut self,
        looking: &Looking,
        as_json: bool,
    ) -> batman::Result<String> {
        match looking {
            Looking::Neighbours(_) => self.neighbours(as_json).await,
            Looking::Originators(_) => self.table::<Originator, 6>(as_json).await,
            Looking::Gateways(_) => self.gateways(as_json).await,
            Looking::Interfaces(_) => self.table::<HardInterface, 6>(as_json).await,
            Looking::Dat(_) => self.table::<CachedAddress, 4>(as_json).await,
            Looking::Claims(_) => self.table::<Claim, 5>(as_json).await,
            Looking::Backbones(_) => self.table::<Backbone, 5>(as_json).await,
            Looking::Multicast(_) => self.table::<MulticastFlags, 2>(as_json).await,
            Looking::Clients { local, global, .. } => self.clients(*local, *global, as_json).await,
            Looking::Vlans { ids, .. } => self.vlans(ids, as_json).await,
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
                let local = self.rows::<Told<LocalClient>>().await?;
                let global = self.rows::<Told<GlobalClient>>().await?;
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

    async fn rows<R: Row>(&mut self) -> batman::Result<Vec<R>> {
        let table = self.kernel.table::<R>(self.mesh).await?;
        if table.left_out > 0 {
            eprintln!("{} rows are left out", table.left_out);
        }
        Ok(table.rows)
    }

    async fn table<R: Row + Columns<N>, const N: usize>(
        &mut self,
        as_json: bool,
    ) -> batman::Result<String> {
        if as_json {
            let rows = self.rows::<Told<R>>().await?;
            return Ok(self.array(&rows));
        }
        let rows = self.rows::<R>().await?;
        let cells: Vec<_> = rows.iter().map(|row| row.cells(&self.names)).collect();
        Ok(layout(R::HEADINGS, &cells))
    }

    fn objects<R>(&self, rows: &[Told<R>]) -> Value {
        rows.iter().map(|told| self.object(&told.attributes)).collect()
    }

    /// Writes rows as they are, one after another.
    fn array<R>(&self, rows: &[Told<R>]) -> String {
        let mut text = Vec::new();
        for told in rows {
            text.push(if text.is_empty() { b'[' } else { b',' });
            batman::json::write(&mut text, &told.attributes, &|address| self.names.of(address));
        }
        text.extend_from_slice(if rows.is_empty() { b"[]\n" } else { b"]\n" });
        String::from_utf8_lossy(&text).into_owned()
    }

    /// A row to which something is added.
    fn object(&self, attributes: &[BatadvAttr]) -> Value {
        let mut text = Vec::new();
        batman::json::write(&mut text, attributes, &|address| self.names.of(address));
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// The kernel's rows and, beside the one in use, why it is.
    async fn gateways(&mut self, as_json: bool) -> batman::Result<String> {
        let rows = self.rows::<Told<Gateway>>().await?;
        let device = self.kernel.mesh_device(self.mesh).await?;
        let gateways: Vec<_> = rows.iter().map(|told| told.row.clone()).collect();
        let choice = gateway::choice(&device, &gateways);
        let why = choice.sentence(&self.names);
        if !as_json {
            let cells: Vec<_> = gateways.iter().map(|row| row.cells(&self.names)).collect();
            let used = choice.used.map(|used| format!("{}: ", self.names.show(used.address)));
            let told = paragraph(&format!("{}{why}", used.unwrap_or_default()), "");
            return Ok(layout(Gateway::HEADINGS, &cells) + &told);
        }
        let mut shown = self.objects(&rows);
        let objects = shown.as_array_mut().into_iter().flatten();
        for (object, _) in objects.zip(&gateways).filter(|(_, row)| row.best) {
            if let Some(object) = object.as_object_mut() {
                object.insert("why".to_owned(), json!(why));
            }
        }
        Ok(line(&shown))
    }

    /// Under B.A.T.M.A.N. IV a neighbour's quality is in the table of originators.
    async fn neighbours(&mut self, as_json: bool) -> batman::Result<String> {
        let rows = self.rows::<Told<Neighbour>>().await?;
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

    async fn vlans(&mut self, asked: &[VlanId], as_json: bool) -> batman::Result<String> {
        let mut tags = asked.to_vec();
        if tags.is_empty() {
            let clients = self.kernel.local_clients(self.mesh).await?;
            tags.extend(clients.iter().filter_map(|client| client.vlan));
            tags.sort_unstable();
            tags.dedup();
        }
        let mut rows = Vec::new();
        for tag in tags {
            match self.kernel.vlan(self.mesh, tag).await {
                Ok(vlan) => rows.push(vlan),
                // A client outlives its VLAN in the table.
                Err(Error::Refused { errno: Errno::ENOENT, .. }) if asked.is_empty() => {}
                Err(error) => return Err(error),
            }
        }
        if as_json {
            let objects = rows.iter().map(|vlan| {
                let mut attributes = vec![
                    BatadvAttr::MeshIfname(vlan.mesh.to_string()),
                    BatadvAttr::MeshIfindex(vlan.mesh_index.0),
                    BatadvAttr::VlanId(VlanNumber(vlan.id.number())),
                ];
                attributes.extend(vlan.settings.iter().filter_map(|it| it.attribute()));
                self.object(&attributes)
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
        if as_json {
            let attributes = self.kernel.mesh_attributes(self.mesh).await?;
            return Ok(line(&self.object(&attributes)));
        }
        let device = self.kernel.mesh_device(self.mesh).await?;
        let algorithm = device.algorithm.map_or("unknown", |algorithm| algorithm.name());
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
        let primary = self.kernel.mesh_state(mesh).await?.primary.map(|primary| primary.index);
        interfaces.sort_by_key(|it| Some(it.index) != primary);
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
