//! A mesh of routers with the SPIRE servers they need: what most scenarios start from.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::lab::Lab;
use super::machine::Machine;
use super::site::Site;
use super::spire::SpireServer;
use crate::node::Node;
use crate::patience::Seen;
use crate::spire::TrustDomain;
use crate::status::Status;
use crate::topology::Topology;

/// The trust domain of the mesh.
pub const TRUST_DOMAIN: &str = "x0tta6bl4.mesh";
/// Somebody else's trust domain.
pub const FOREIGN: &str = "rogue.example";

/// The host, as machines see it.
const HOST: &str = "10.0.2.2";

/// From power-on to the last verified neighbour on a slow host.
const FORMED: Duration = Duration::from_secs(180);

/// A machine of a mesh, and where its identity comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// A router of the mesh.
    Router(&'static str),
    /// One with an identity of a foreign trust domain.
    Foreigner(&'static str),
    /// One that nobody has enrolled.
    Stranger(&'static str),
}

impl Member {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        let (Self::Router(name) | Self::Foreigner(name) | Self::Stranger(name)) = self;
        name
    }
}

/// How a mesh is to be.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The machines, all on one segment.
    pub members: Vec<Member>,
    /// The routing algorithm.
    pub algorithm: &'static str,
    /// How long SVIDs last.
    pub svid_ttl: Duration,
    /// More lines for `[mesh]`.
    pub mesh_lines: &'static str,
}

impl Recipe {
    /// Describes a B.A.T.M.A.N. IV mesh of these routers.
    pub fn routers<const N: usize>(names: [&'static str; N]) -> Self {
        Self {
            members: names.map(Member::Router).to_vec(),
            algorithm: "BATMAN_IV",
            svid_ttl: Duration::from_secs(3_600),
            mesh_lines: "",
        }
    }

    fn mesh_section(&self) -> String {
        format!("algorithm = \"{}\"\n{}", self.algorithm, self.mesh_lines)
    }

    /// Adds one more machine.
    #[must_use]
    pub fn with(mut self, member: Member) -> Self {
        self.members.push(member);
        self
    }
}

/// A running mesh.
pub struct Mesh<'site> {
    /// The machines and the wires.
    pub lab: Lab<'site>,
    /// The mesh's own SPIRE server.
    pub server: SpireServer,
    topology: Topology,
    /// Serves the foreigner.
    foreign: Option<SpireServer>,
}

impl<'site> Mesh<'site> {
    /// Starts the servers, enrols and flashes the machines, and powers them on.
    pub fn power_on(site: &'site Site, name: &str, recipe: &Recipe) -> anyhow::Result<Self> {
        Self::power_on_shaped(site, name, recipe, |node| node)
    }

    /// As [`Mesh::power_on`], with machines that are not all alike.
    pub fn power_on_shaped(
        site: &'site Site,
        name: &str,
        recipe: &Recipe,
        shape: impl Fn(Node) -> Node,
    ) -> anyhow::Result<Self> {
        let mut mesh = Self::prepare(site, name, recipe)?;
        let nodes: Vec<Node> = mesh.nodes(recipe)?.into_iter().map(shape).collect();
        mesh.lab.power_on(&mesh.topology, &nodes)?;
        Ok(mesh)
    }

    /// As [`Mesh::power_on`], with the mesh's own server down.
    pub fn power_on_without_server(
        site: &'site Site,
        name: &str,
        recipe: &Recipe,
    ) -> anyhow::Result<Self> {
        let mut mesh = Self::prepare(site, name, recipe)?;
        let nodes = mesh.nodes(recipe)?;
        mesh.server.stop();
        mesh.lab.power_on(&mesh.topology, &nodes)?;
        Ok(mesh)
    }

    /// As [`Mesh::power_on`], and waits until all routers have verified one another.
    pub fn form(site: &'site Site, name: &str, recipe: &Recipe) -> anyhow::Result<Self> {
        let mesh = Self::power_on(site, name, recipe)?;
        mesh.wait_for_shells()?;
        mesh.wait_until_formed(recipe, FORMED)?;
        Ok(mesh)
    }

    /// Waits until every machine has booted.
    pub fn wait_for_shells(&self) -> anyhow::Result<()> {
        self.lab.nodes().try_for_each(|(_, machine)| machine.wait_for_shell())
    }

    /// Waits until all routers have verified one another, each as who it is, within one limit for all.
    pub fn wait_until_formed(&self, recipe: &Recipe, limit: Duration) -> anyhow::Result<()> {
        let routers: Vec<&str> = routers(recipe).collect();
        self.lab.wait_until("all routers to verify one another", limit, || {
            for name in &routers {
                let status = self.status(name)?;
                let others = routers.iter().filter(|other| *other != name);
                for other in others {
                    let row = status.neighbour(&self.mac(other)?);
                    if row.is_none_or(|row| row.state != "verified") {
                        return Ok(Seen::NotYet(status.summary()));
                    }
                }
            }
            Ok(Seen::Yes(()))
        })?;
        routers.iter().try_for_each(|name| self.knows_its_neighbours(name, &routers))
    }

    /// Checks that a router has verified each of the others under its own name.
    fn knows_its_neighbours(&self, name: &str, routers: &[&str]) -> anyhow::Result<()> {
        let status = self.status(name)?;
        for other in routers.iter().filter(|other| **other != name) {
            let row = status.neighbour(&self.mac(other)?);
            let found = row.and_then(|row| row.spiffe_id.clone()).unwrap_or_default();
            let expected = format!("spiffe://{TRUST_DOMAIN}/node/{other}");
            ensure!(found == expected, "{name} takes {other} for {found:?}");
        }
        Ok(())
    }

    /// Waits until a router has verified that many neighbours.
    pub fn wait_until_verified(
        &self,
        name: &str,
        count: usize,
        limit: Duration,
    ) -> anyhow::Result<Status> {
        let what = format!("{count} verified neighbours of {name}");
        self.wait_for(name, &what, limit, |status| status.verified() == count)
    }

    /// Waits until a router's status fits.
    pub fn wait_for(
        &self,
        name: &str,
        what: &str,
        limit: Duration,
        fits: impl Fn(&Status) -> bool,
    ) -> anyhow::Result<Status> {
        self.lab.wait_until(what, limit, || {
            let status = self.status(name)?;
            Ok(if fits(&status) { Seen::Yes(status) } else { Seen::NotYet(status.summary()) })
        })
    }

    /// Asks several routers for their status.
    pub fn statuses(&self, names: &[&str]) -> anyhow::Result<BTreeMap<String, Status>> {
        names.iter().map(|name| Ok(((*name).to_owned(), self.status(name)?))).collect()
    }

    /// Checks that each router hears a machine, has never held a session with it, and says why not; returns
    /// the reasons by router.
    pub fn shunned(
        &self,
        routers: &[&str],
        rogue: &str,
    ) -> anyhow::Result<BTreeMap<String, String>> {
        let mac = self.mac(rogue)?;
        let reasons = self.statuses(routers)?.into_iter().map(|(name, status)| {
            let row = status.neighbour(&mac);
            let row = row.with_context(|| format!("{name} does not hear {rogue}"))?;
            ensure!(row.state != "verified", "{name} has verified {rogue}");
            ensure!(!row.reason.is_empty(), "{name} does not say why {rogue} is {}", row.state);
            let sessions = self.log_lines(&name, &format!("mac={mac}"))?;
            ensure!(sessions.is_empty(), "{name} held a session with {rogue}: {sessions:?}");
            Ok((name, format!("{}: {}", row.state, row.reason)))
        });
        reasons.collect()
    }

    /// Asks a router for its status.
    pub fn status(&self, name: &str) -> anyhow::Result<Status> {
        Status::parse(&self.node(name)?.run("mesh-node status --json")?)
    }

    /// Returns a machine.
    pub fn node(&self, name: &str) -> anyhow::Result<&Machine> {
        self.lab.node(name)
    }

    /// Returns a machine's address on the mesh.
    pub fn mac(&self, name: &str) -> anyhow::Result<String> {
        let mac = self.topology.mac(name, 1);
        Ok(mac.with_context(|| format!("{name} is not in the mesh"))?.to_string())
    }

    /// Returns the lines of a machine's log that hold a text.
    pub fn log_lines(&self, name: &str, text: &str) -> anyhow::Result<Vec<String>> {
        let log = self.node(name)?.spec().serial_log();
        let serial = std::fs::read(&log).with_context(|| log.display().to_string())?;
        let serial = String::from_utf8_lossy(&serial).into_owned();
        Ok(serial.lines().filter(|line| line.contains(text)).map(str::to_owned).collect())
    }

    fn prepare(site: &'site Site, name: &str, recipe: &Recipe) -> anyhow::Result<Self> {
        let lab = Lab::open(site, name)?;
        let server = TrustDomain::new(TRUST_DOMAIN).svid_ttl(recipe.svid_ttl);
        let server = SpireServer::start(&lab, server)?;
        let foreign = recipe.members.iter().any(|it| matches!(it, Member::Foreigner(_)));
        let foreign = foreign.then(|| SpireServer::start(&lab, TrustDomain::new(FOREIGN)));
        let names = recipe.members.iter().map(|member| member.name());
        let topology = Topology::default().segment("mesh", names);
        Ok(Self { lab, server, topology, foreign: foreign.transpose()? })
    }

    fn nodes(&self, recipe: &Recipe) -> anyhow::Result<Vec<Node>> {
        let nodes = recipe.members.iter().map(|member| {
            let node = Node::new(member.name());
            Ok(match member {
                Member::Router(name) => node
                    .config(config(&recipe.mesh_section(), TRUST_DOMAIN, self.server.port()))
                    .enrolled(self.server.enrol(name)?),
                Member::Foreigner(name) => {
                    let foreign = self.foreign.as_ref().context("no foreign server runs")?;
                    node.config(config(&recipe.mesh_section(), FOREIGN, foreign.port()))
                        .enrolled(foreign.enrol(name)?)
                }
                Member::Stranger(_) => {
                    node.config(config(&recipe.mesh_section(), TRUST_DOMAIN, self.server.port()))
                }
            })
        });
        nodes.collect()
    }
}

fn routers(recipe: &Recipe) -> impl Iterator<Item = &'static str> {
    recipe.members.iter().filter_map(|member| match member {
        Member::Router(name) => Some(*name),
        Member::Foreigner(_) | Member::Stranger(_) => None,
    })
}

/// Writes a router's configuration.
pub fn config(mesh_lines: &str, trust_domain: &str, server_port: u16) -> String {
    format!(
        "[mesh]\nhard_interfaces = [\"eth1\"]\n{mesh_lines}\n\
         [identity]\ntrust_domain = \"{trust_domain}\"\nserver = \"{HOST}:{server_port}\"\n"
    )
}
