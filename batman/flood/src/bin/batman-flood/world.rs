//! A mesh whose only cable ends at the flood.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use batman::{IfName, Kernel, RoutingAlgorithm, Step};
use batman_flood::{Crowd, io::Flood};
use rtnetlink::{LinkUnspec, LinkVeth};
use serde_json::Value;

use crate::cost;

/// The mesh.
pub(crate) const MESH: &str = "bat0";

/// Its end of the cable.
pub(crate) const HARD: &str = "mesh0";

/// The flood's.
const FAR: &str = "mesh1";

/// Between two rounds of the flood: as often as the kernel speaks itself.
const ROUND: Duration = Duration::from_secs(1);

/// A kernel needs some rounds until it believes in a crowd; a large table's checksums take it minutes of a slow processor.
const BELIEVED: Duration = Duration::from_secs(300);

pub(crate) struct World {
    pub(crate) algorithm: RoutingAlgorithm,
    kernel: Kernel,
    links: rtnetlink::Handle,
    flood: Flood,
}

impl World {
    /// Makes the mesh, and a flood of one node that is its neighbour.
    pub(crate) async fn create(algorithm: RoutingAlgorithm) -> anyhow::Result<Self> {
        let (connection, links, _) = rtnetlink::new_connection()?;
        tokio::spawn(connection);
        links.link().add(LinkVeth::new(HARD, FAR).build()).execute().await.context("the cable")?;
        for end in [HARD, FAR] {
            let up = LinkUnspec::new_with_index(index(end)?).up().build();
            links.link().set(up).execute().await.context(end)?;
        }
        let mut kernel = Kernel::open()?;
        let mesh = name(MESH);
        for step in [
            Step::CreateMesh { mesh: mesh.clone(), algorithm },
            Step::Attach { link: name(HARD), mesh: mesh.clone() },
            Step::SetUp { link: mesh },
        ] {
            kernel.apply(&step).await.with_context(|| step.to_string())?;
        }
        let flood = Flood::begin(&name(FAR), Crowd::new(algorithm, 1), ROUND)?;
        Ok(Self { algorithm, kernel, links, flood })
    }

    /// Has the flood speak for a crowd, and waits until batctl sees all of it.
    pub(crate) fn crowd(&mut self, crowd: Crowd) -> anyhow::Result<()> {
        let begun = Instant::now();
        self.flood.change(crowd)?;
        let clients = usize::from(crowd.nodes) * usize::from(crowd.clients);
        let wanted = (usize::from(crowd.nodes), clients);
        loop {
            let seen = (rows("originators_json")?, rows("transtable_global_json")?);
            if seen == wanted {
                println!("{} nodes, {clients} clients after {:?}", crowd.nodes, begun.elapsed());
                return Ok(());
            }
            ensure!(begun.elapsed() < BELIEVED, "batctl sees {seen:?}, not {wanted:?}");
            thread::sleep(ROUND);
        }
    }

    /// Takes everything away again.
    pub(crate) async fn remove(mut self) -> anyhow::Result<()> {
        self.flood.end()?;
        self.kernel.remove_mesh(&name(MESH)).await?;
        Ok(self.links.link().del(index(HARD)?).execute().await?)
    }
}

/// Counts the rows of a table by batctl.
fn rows(query: &str) -> anyhow::Result<usize> {
    let told = cost::printed(&["batctl", "meshif", MESH, query])?;
    let rows: Vec<Value> = serde_json::from_slice(&told).context("batctl's JSON")?;
    Ok(rows.len())
}

fn index(link: &str) -> anyhow::Result<u32> {
    // The kernel's own list of names and numbers.
    let file = format!("/sys/class/net/{link}/ifindex");
    Ok(std::fs::read_to_string(&file).context(file)?.trim().parse()?)
}

/// A name from the constants above.
fn name(word: &str) -> IfName {
    word.parse().expect("the names of this world are within the kernel's rules")
}
