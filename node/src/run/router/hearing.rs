use batman::{Happening, MacAddr, MeshEvent};

use super::Router;
use crate::io::clock::uptime;
use crate::io::log::with_causes;
use crate::mesh::gateway;
use crate::mesh::names::Names;
use crate::observation::Observation;

impl Router {
    /// Listens to the events of mesh devices. Without it they are seen at the next look.
    pub(in crate::run) fn mesh_events(&self) -> batman::Result<batman::Uevents> {
        self.kernel.uevents()
    }

    /// Notes what the kernel told of a mesh, and tells whether it is ours.
    pub(in crate::run) fn hear(&mut self, event: &MeshEvent) -> bool {
        if event.mesh != *self.config.mesh.wanted.mesh() {
            return false;
        }
        tracing::debug!(mesh = %event.mesh, happening = ?event.happening, "the mesh tells");
        if let Happening::LoopDetected { vlan } = event.happening {
            self.knowledge.told.looped(vlan, uptime());
        }
        true
    }

    /// Reads the gateways, if this node chooses one: nothing where it does not, or they cannot be read.
    pub(super) async fn observe_gateways(&mut self, seen: &mut Observation) {
        let Ok(mesh) = &seen.mesh else { return };
        let is_client = mesh.mesh.as_ref().is_some_and(gateway::is_client);
        if !is_client {
            return;
        }
        match self.kernel.gateways(self.config.mesh.wanted.mesh()).await {
            Ok(gateways) => seen.gateways = Some(gateways),
            // The mesh has gone since it was read, most likely: the next look tells.
            Err(error) => tracing::debug!(error = with_causes(&error), "gateways not read"),
        }
    }

    /// Tells a colleague that another gateway is in use, and why.
    pub(super) fn announce_gateway(&mut self, seen: &Observation) {
        let Some(choice) = seen.gateway() else { return };
        let used = choice.used.as_ref().map(|used| used.address);
        if let Some(change) = self.knowledge.told.gateway(used) {
            let shown = |gateway: Option<MacAddr>| {
                gateway.map_or_else(|| "none".to_owned(), |address| address.to_string())
            };
            tracing::info!(
                from = shown(change.from),
                to = shown(change.to),
                why = choice.sentence(&Names::default()),
                "gateway in use changed"
            );
        }
    }
}
