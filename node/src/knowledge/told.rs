//! What the mesh has told of itself, and what follows for the next look.

use std::time::Duration;

use batman::{MacAddr, VlanId};
use spire_bridge::Uptime;

/// The kernel looks for loops once a minute (BATADV_BLA_LOOPDETECT_PERIODS in net/batman-adv/main.h) and tells of one
/// each time: two that are missed are the end of it.
const LOOP_GONE: Duration = Duration::from_secs(150);

/// How many looping VLANs are kept: a person needs to hear of the first.
const LOOPS: usize = 16;

/// What is remembered of the mesh's own events.
#[derive(Debug, Default)]
pub struct Told {
    gateway: Option<MacAddr>,
    loops: heapless::Vec<(Option<VlanId>, Uptime), LOOPS>,
}

/// Another gateway is in use than at the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayChange {
    /// The one before.
    pub from: Option<MacAddr>,
    /// The one now.
    pub to: Option<MacAddr>,
}

impl Told {
    /// Notes which gateway is in use, and returns the change if that is another.
    pub fn gateway(&mut self, used: Option<MacAddr>) -> Option<GatewayChange> {
        let from = std::mem::replace(&mut self.gateway, used);
        (from != used).then_some(GatewayChange { from, to: used })
    }

    /// Notes that a VLAN loops; nothing stands for untagged packets.
    pub fn looped(&mut self, vlan: Option<VlanId>, now: Uptime) {
        if let Some((_, last)) = self.loops.iter_mut().find(|(known, _)| *known == vlan) {
            *last = now;
            return;
        }
        self.loops.retain(|(_, last)| now.since(*last) <= LOOP_GONE);
        // Where there is no room, enough is said.
        let _ = self.loops.push((vlan, now));
    }

    /// Lists the VLANs that loop.
    pub fn loops(&self, now: Uptime) -> impl Iterator<Item = Option<VlanId>> {
        let current = self.loops.iter().filter(move |(_, last)| now.since(*last) <= LOOP_GONE);
        current.map(|(vlan, _)| *vlan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{PEER, at};

    #[test]
    fn a_gateway_is_told_when_it_changes_and_only_then() {
        let mut told = Told::default();

        let changes = [Some(PEER), Some(PEER), None, None].map(|used| told.gateway(used));

        let change = |from, to| Some(GatewayChange { from, to });
        assert_eq!(changes, [change(None, Some(PEER)), None, change(Some(PEER), None), None]);
    }

    #[test]
    fn a_loop_lasts_for_as_long_as_the_kernel_goes_on_telling() {
        let mut told = Told::default();
        let vlan = VlanId::new(7).ok();

        told.looped(None, at(0));
        told.looped(vlan, at(10));
        told.looped(None, at(60));

        assert_eq!(told.loops(at(60)).collect::<Vec<_>>(), [None, vlan]);
        assert_eq!(told.loops(at(170)).collect::<Vec<_>>(), [None]);
        assert_eq!(told.loops(at(211)).count(), 0);
    }

    #[test]
    fn loops_are_bounded_and_those_that_are_over_make_room() {
        let mut told = Told::default();

        for number in 1..100 {
            told.looped(VlanId::new(number).ok(), at(0));
        }
        assert_eq!(told.loops(at(1)).count(), 16);

        told.looped(None, at(300));
        assert_eq!(told.loops(at(300)).collect::<Vec<_>>(), [None]);
    }
}
