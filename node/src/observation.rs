//! What the node sees when it looks, as one value.

use batman::{Gateway, IfIndex, IfName, Link, MacAddr, Seen};
use spire_bridge::identity::{Standing, WallTime};

use crate::data::DataSeen;
use crate::measuring::Candidate;
use crate::mesh::gateway::{self, Choice};
use crate::trial::record::Record;
use crate::trial::rules::SlotsSeen;

/// One look at everything.
#[derive(Debug)]
pub struct Observation {
    /// The kernel's mesh, or why it could not be read.
    pub mesh: Result<Seen, String>,
    /// The gateways, where this node chooses one and they could be read.
    pub gateways: Option<Vec<Gateway>>,
    /// Who can be measured, where that is done.
    pub measurable: Vec<Candidate>,
    /// The hard interfaces that are wireless, where that matters.
    pub wireless: Vec<IfName>,
    /// This node's identity.
    pub identity: Standing,
    /// The wall clock.
    pub wall: WallTime,
    /// There is no agent's program where it should be.
    pub agent_missing: bool,
    /// Whether the SPIRE server takes connections; nothing while nobody needs to know.
    pub server_answers: Option<bool>,
    /// The secret that the running agent was given for its first attestation is still there.
    pub join_token_left: bool,
    /// The data file system, where a boot has prepared one.
    pub data: Option<DataSeen>,
    /// The slots, where there are some.
    pub slots: Option<SlotsSeen>,
    /// What is remembered of updates.
    pub record: Record,
}

impl Observation {
    /// Returns the hardware address of one of our links.
    pub fn own_address(&self, link: IfIndex) -> Option<MacAddr> {
        self.mesh.as_ref().ok()?.link_at(link)?.address
    }

    /// Finds the gateway in use and why it is, or why none is; nothing where that is not known.
    pub fn gateway(&self) -> Option<Choice> {
        let device = self.mesh.as_ref().ok()?.mesh.as_ref()?;
        match &self.gateways {
            Some(gateways) => Some(gateway::choice(device, gateways)),
            None if gateway::is_client(device) => None,
            None => Some(gateway::choice(device, &[])),
        }
    }

    /// Tells whether this node has an identity that has not ended.
    pub fn can_prove_itself(&self) -> bool {
        matches!(&self.identity, Standing::Held(own) if own.not_after > self.wall)
    }

    /// Lists the links that carry the mesh now.
    pub fn hard_interfaces(&self) -> Vec<&Link> {
        let Ok(seen) = &self.mesh else { return Vec::new() };
        let Some(mesh) = &seen.mesh else { return Vec::new() };
        seen.links.iter().filter(|link| link.master == Some(mesh.index) && link.up).collect()
    }
}
