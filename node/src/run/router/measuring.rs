use batman::IfName;

use super::Router;
use crate::config::Schedule;
use crate::io::clock::uptime;
use crate::io::host;
use crate::measuring::{Ended, Wish, candidates};
use crate::observation::Observation;

impl Router {
    /// Notes how a measurement ended.
    pub(in crate::run) fn measured(&mut self, ended: Ended) {
        let node = ended.target.as_ref().map(|target| target.node.to_string());
        let interface = ended.target.as_ref().map(|target| target.interface.to_string());
        match &ended.outcome {
            Ok(found) => {
                let throughput = found.throughput().map(|rate| rate.to_string());
                tracing::info!(node, interface, throughput, wish = ?ended.wish, "throughput measured");
            }
            Err(why) if ended.wish == Wish::Schedule => {
                tracing::debug!(node, interface, %why, "throughput not measured");
            }
            Err(_) => {}
        }
        let settings = &self.config.mesh.measure;
        self.knowledge.measuring.ended(ended, settings, host::jitter(), uptime());
    }

    /// Looks at what measuring goes by: who can be measured, which links are wireless, and how fast those are of
    /// which nobody else knows it and that are measured by the schedule. Nothing where nothing was measured and nothing
    /// will be.
    pub(super) fn observe_measuring(&mut self, seen: &mut Observation) {
        let schedule = self.config.mesh.measure.schedule;
        let Ok(mesh) = &mut seen.mesh else { return };
        if schedule == Schedule::Off && self.knowledge.measuring.known().next().is_none() {
            return;
        }
        let timeout = self.config.mesh.neighbour_timeout;
        seen.measurable = candidates(mesh, &self.knowledge.peers, timeout);
        self.knowledge.measuring.make_room(&seen.measurable);
        let links = self.config.mesh.wanted.hard_interfaces().iter();
        if schedule == Schedule::Wired {
            seen.wireless = links.filter(|link| self.kernel.is_wireless(link)).cloned().collect();
        }
        let set: Vec<(IfName, _)> = mesh
            .hard_interfaces
            .iter()
            .map(|link| (link.name.clone(), link.settings.throughput_override))
            .collect();
        let is_measured =
            |link: &IfName| schedule != Schedule::Off && !seen.wireless.contains(link);
        for (link, rate) in mesh.rates.iter_mut().filter(|(link, _)| is_measured(link)) {
            let set = set.iter().find(|(name, _)| name == link).and_then(|(_, set)| *set);
            let set = set.filter(|set| set.kbit() > 0);
            rate.measured = self.knowledge.measuring.rate(link, set, &seen.measurable);
        }
    }
}
