//! Two meshes of one machine that are neighbours over a virtual cable, with a LAN behind the first.

use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use batman::{
    Address, GatewayMode, IfName, Kernel, Knob, MacAddr, RoutingAlgorithm, Setting, Step, Value,
    VlanId,
};
use rtnetlink::{LinkUnspec, LinkVeth};

use crate::node::BRIDGE;

/// The mesh that is looked at, and its neighbour.
pub(crate) const MESHES: [&str; 2] = ["bat0", "bat1"];

/// The two ends of the cable between them.
pub(crate) const CABLE: [&str; 2] = ["mesh0", "mesh1"];

/// The two ends of the cable of a client in the LAN of the first.
pub(crate) const CLIENT: [&str; 2] = ["lan0", "lan1"];

/// The VLAN of the first.
pub(crate) const VLAN: u16 = 10;

/// Nobody has this address, and a port that nobody reads.
const SILENT: Ipv4Addr = Ipv4Addr::new(10, 8, 0, 9);
const DISCARD: u16 = 9;

/// Two meshes that have never met need some originator messages.
const MET: Duration = Duration::from_secs(60);

/// One kernel with everything that a table can show.
pub(crate) struct World {
    pub(crate) kernel: Kernel,
    pub(crate) algorithm: RoutingAlgorithm,
    links: rtnetlink::Handle,
}

impl World {
    /// Lays the cables, and makes no mesh.
    pub(crate) async fn cabled(algorithm: RoutingAlgorithm) -> anyhow::Result<Self> {
        let (connection, links, _) = rtnetlink::new_connection()?;
        tokio::spawn(connection);
        let mut world = Self { kernel: Kernel::open()?, algorithm, links };
        world.cable(CABLE).await?;
        world.cable(CLIENT).await?;
        Ok(world)
    }

    pub(crate) async fn create(algorithm: RoutingAlgorithm) -> anyhow::Result<Self> {
        let mut world = Self::cabled(algorithm).await?;
        for (mesh, link) in MESHES.iter().zip(CABLE) {
            let (mesh, link) = (name(mesh), name(link));
            world.apply(Step::CreateMesh { mesh: mesh.clone(), algorithm }).await?;
            // With it on, broadcasts are held back for half a minute.
            world.switch(&mesh, Knob::BridgeLoopAvoidance, false).await?;
            world.apply(Step::Attach { link, mesh: mesh.clone() }).await?;
            world.apply(Step::SetUp { link: mesh.clone() }).await?;
            // While it is up, which kernels before Linux 6.2 refuse.
            let aside = name("aside");
            world.apply(Step::Rename { link: mesh.clone(), to: aside.clone() }).await?;
            world.apply(Step::Rename { link: aside, to: mesh }).await?;
        }
        let (vlan, mesh) = (VlanId::new(VLAN)?, name(MESHES[0]));
        let link = name("bat0.10");
        world.apply(Step::CreateVlan { mesh: mesh.clone(), vlan, link: link.clone() }).await?;
        world.apply(Step::SetUp { link }).await?;
        let server = Value::Gateway(GatewayMode::Server);
        world.apply(set(&name(MESHES[1]), Knob::GatewayMode, server)).await?;
        world.apply(set(&mesh, Knob::GatewayMode, Value::Gateway(GatewayMode::Client))).await?;
        let bridge = name("br0");
        world.apply(Step::CreateBridge { bridge: bridge.clone() }).await?;
        for port in [name(MESHES[0]), name(CLIENT[0])] {
            world.apply(Step::AddPort { port, bridge: bridge.clone() }).await?;
        }
        world.apply(Step::SetUp { link: bridge }).await?;
        world.meet().await?;
        Ok(world)
    }

    pub(crate) async fn apply(&mut self, step: Step) -> anyhow::Result<()> {
        self.kernel.apply(&step).await.with_context(|| step.to_string())
    }

    /// Switches something of a mesh, if this kernel has it.
    async fn switch(&mut self, mesh: &IfName, knob: Knob, on: bool) -> anyhow::Result<()> {
        if self.kernel.mesh_device(mesh).await?.settings.get(knob).is_none() {
            return Ok(());
        }
        self.apply(set(mesh, knob, Value::Switch(on))).await
    }

    /// Has the LAN's client ask for an address, which fills the cache of the distributed ARP table; and, with bridge loop
    /// avoidance on, has the neighbour talk to the client until the node claims the neighbour.
    pub(crate) async fn ask_from_lan(&mut self) -> anyhow::Result<()> {
        let mesh = name(MESHES[0]);
        let address = Address::new(Ipv4Addr::new(10, 9, 0, 1).into(), 24).context("an address")?;
        self.apply(Step::AddAddress { link: name(CLIENT[1]), address }).await?;
        self.switch(&mesh, Knob::DistributedArpTable, true).await?;
        ask()?;
        if self.kernel.claims(&mesh).await.is_err() {
            return Ok(());
        }
        self.switch(&mesh, Knob::BridgeLoopAvoidance, true).await?;
        let talk = self.talk_to_lan().await?;
        let since = Instant::now();
        while since.elapsed() < MET && self.kernel.claims(&mesh).await?.is_empty() {
            talk.send_to(b"claim me", (SILENT, DISCARD))?;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// Opens a socket that sends from the neighbour to the LAN's client. A new backbone holds broadcasts back for half a minute, and
    /// nothing else: so the neighbour is told whose address it is, and need not ask.
    async fn talk_to_lan(&mut self) -> anyhow::Result<UdpSocket> {
        let own = Ipv4Addr::new(10, 8, 0, 2);
        let address = Address::new(own.into(), 24).context("an address")?;
        self.apply(Step::AddAddress { link: name(MESHES[1]), address }).await?;
        let client = format!("/sys/class/net/{}/address", CLIENT[1]);
        let client: MacAddr = std::fs::read_to_string(client)?.trim().parse()?;
        let from = self.index(MESHES[1]).await?;
        let neighbour = self.links.neighbours().add(from, SILENT.into());
        neighbour.link_layer_address(&client.0).execute().await.context("a neighbour")?;
        Ok(UdpSocket::bind((own, 0))?)
    }

    /// Gives a link an address without a network, unmarked, in the place of the same with one.
    pub(crate) async fn lengthen_prefix(
        &mut self,
        link: &str,
        address: &str,
    ) -> anyhow::Result<()> {
        let address: Address = address.parse()?;
        let index = self.index(link).await?;
        self.apply(Step::RemoveAddress { link: name(link), address, to_become: None }).await?;
        let alone = self.links.address().add(index, address.ip(), 128);
        alone.execute().await.context("the address alone")
    }

    /// Takes everything away again.
    pub(crate) async fn remove(self) -> anyhow::Result<()> {
        for link in [MESHES[0], MESHES[1], CABLE[0], CLIENT[0], "br0", BRIDGE] {
            if let Ok(index) = self.index(link).await {
                self.links.link().del(index).execute().await?;
            }
        }
        Ok(())
    }

    async fn cable(&mut self, ends: [&str; 2]) -> anyhow::Result<()> {
        let veth = LinkVeth::new(ends[0], ends[1]).build();
        self.links
            .link()
            .add(veth)
            .execute()
            .await
            .with_context(|| format!("cable {}", ends[0]))?;
        for end in ends {
            let index = self.index(end).await?;
            let up = LinkUnspec::new_with_index(index).up().build();
            self.links.link().set(up).execute().await?;
        }
        Ok(())
    }

    async fn index(&self, link: &str) -> anyhow::Result<u32> {
        // The kernel's own list of names and numbers.
        let file = format!("/sys/class/net/{link}/ifindex");
        Ok(std::fs::read_to_string(&file).context(file)?.trim().parse()?)
    }

    /// Waits until the two know one another and the gateway.
    async fn meet(&mut self) -> anyhow::Result<()> {
        let since = Instant::now();
        let mesh = name(MESHES[0]);
        while since.elapsed() < MET {
            let (originators, gateways) =
                (self.kernel.originators(&mesh).await?, self.kernel.gateways(&mesh).await?);
            let clients = self.kernel.global_clients(&mesh).await?;
            if !originators.is_empty() && !gateways.is_empty() && !clients.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        bail!("the two meshes did not meet within {MET:?}")
    }
}

/// Asks once, and waits a second for an answer. Nobody answers, which is the program's failure and not ours.
fn ask() -> anyhow::Result<()> {
    let mut asking = Command::new("arping");
    asking.args(["-c", "1", "-w", "1", "-I", CLIENT[1], "10.9.0.9"]).stdout(Stdio::null());
    asking.status().context("there is no arping").map(drop)
}

/// A name from the constants above.
pub(crate) fn name(word: &str) -> IfName {
    word.parse().expect("the names of this world are within the kernel's rules")
}

pub(crate) fn set(mesh: &IfName, knob: Knob, value: Value) -> Step {
    Step::Set { mesh: mesh.clone(), setting: Setting { knob, value } }
}
