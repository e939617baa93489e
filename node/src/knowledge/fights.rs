//! Who changes back what this node repairs: it does not go on for ever.

use std::time::Duration;

use batman::{IfIndex, IfName, Seen, Step};
use heapless::{Deque, Vec};
use spire_bridge::Uptime;

/// So many repairs of one thing within [`WINDOW`] are a fight with another program.
pub const FIGHTS: usize = 5;

/// See [`FIGHTS`].
pub const WINDOW: Duration = Duration::from_secs(60);

/// So long the other program has its way. Then the node tries again, and counts from nothing.
pub const QUIET: Duration = Duration::from_secs(5 * 60);

/// How many things are watched at a time: more than a node has settings.
const THINGS: usize = 64;

/// So many links are known again. Beyond that each counts as known.
const LINKS: usize = 64;

/// The repairs of the last while.
#[derive(Debug, Default)]
pub struct Fights {
    things: Vec<Thing, THINGS>,
    known: Vec<IfIndex, LINKS>,
}

#[derive(Debug)]
struct Thing {
    step: Step,
    link: Option<IfIndex>,
    repairs: Deque<Uptime, FIGHTS>,
    lost: Option<Uptime>,
}

impl Fights {
    /// Notes which links were seen, once it is done what there was to do about them: one that is taken out of the mesh
    /// is not seen any more.
    pub fn looked(&mut self, seen: &Seen) {
        for link in &seen.links {
            if !self.known.contains(&link.index) {
                // Without room there is nothing to note.
                let _ = self.known.push(link.index);
            }
        }
    }

    /// Tells whether a step to what was seen `before` undoes what somebody did, or sets up a link that has just come,
    /// as all have when the node starts.
    pub fn is_repair(&self, step: &Step, before: &Seen) -> bool {
        let is_known = |link| self.known.is_full() || self.known.contains(&link);
        link(step, before).is_none_or(is_known)
    }

    /// Notes a repair that the kernel took, of what was seen `before` it: afterwards a link can be out of sight.
    pub fn repaired(&mut self, step: &Step, before: &Seen, now: Uptime) {
        let link = link(step, before);
        let thing = match self.things.iter().position(|thing| thing.is(step, link)) {
            Some(at) => self.things.get_mut(at),
            None => self.watch(step.clone(), link, now),
        };
        let Some(thing) = thing else { return };
        if thing.lost.is_some_and(|lost| now.since(lost) >= QUIET) {
            thing.lost = None;
            thing.repairs.clear();
        }
        if thing.repairs.is_full() {
            thing.repairs.pop_front();
        }
        // There is room: the oldest has just gone if there was none.
        let _ = thing.repairs.push_back(now);
        let first = thing.repairs.front().copied();
        if thing.repairs.is_full() && first.is_some_and(|first| now.since(first) <= WINDOW) {
            thing.lost = Some(now);
        }
    }

    /// Tells whether a step is left to the other program for now.
    pub fn is_lost(&self, step: &Step, seen: &Seen, now: Uptime) -> bool {
        let link = link(step, seen);
        self.things.iter().any(|thing| thing.is(step, link) && thing.is_lost(now))
    }

    /// Begins to watch a thing in the place of the one that was quiet the longest. One that is lost is quiet
    /// because it is left alone, so it goes last.
    fn watch(&mut self, step: Step, link: Option<IfIndex>, now: Uptime) -> Option<&mut Thing> {
        if self.things.is_full() {
            let things = self.things.iter().enumerate();
            let quietest = things.min_by_key(|(_, thing)| (thing.is_lost(now), thing.last()));
            let at = quietest.map(|(at, _)| at)?;
            self.things.swap_remove(at);
        }
        let thing = Thing { step, link, repairs: Deque::new(), lost: None };
        // There is room: one has just gone if there was none.
        let _ = self.things.push(thing);
        self.things.last_mut()
    }
}

impl Thing {
    fn is(&self, step: &Step, link: Option<IfIndex>) -> bool {
        self.step == *step && self.link == link
    }

    fn is_lost(&self, now: Uptime) -> bool {
        self.lost.is_some_and(|lost| now.since(lost) < QUIET)
    }

    fn last(&self) -> Option<Uptime> {
        self.repairs.back().copied()
    }
}

/// The link that a step changes, by its number: a link that vanished and came back is another one,
/// and attaching it again is no fight. What a step creates has no number before it.
fn link(step: &Step, seen: &Seen) -> Option<IfIndex> {
    let name: &IfName = match step {
        Step::CreateMesh { .. }
        | Step::DeleteMesh { .. }
        | Step::CreateVlan { .. }
        | Step::CreateBridge { .. } => return None,
        Step::Rename { link, .. }
        | Step::SetUp { link }
        | Step::SetAddress { link, .. }
        | Step::SetMtu { link, .. }
        | Step::Attach { link, .. }
        | Step::Detach { link, .. }
        | Step::SetHardInterface { link, .. }
        | Step::AddAddress { link, .. }
        | Step::AddLinkLocal { link }
        | Step::RemoveAddress { link, .. } => link,
        Step::Set { mesh, .. } | Step::SetVlan { mesh, .. } => mesh,
        Step::AddPort { port, .. } => port,
    };
    seen.link(name).map(|link| link.index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{at, mesh};

    fn step() -> Step {
        Step::Attach { link: "eth1".parse().unwrap(), mesh: "bat0".parse().unwrap() }
    }

    fn fought(times: u64, apart: u64) -> Fights {
        let mut fights = Fights::default();
        (0..times).for_each(|n| fights.repaired(&step(), &mesh(), at(n * apart)));
        fights
    }

    #[test]
    fn fifth_repair_within_a_minute_is_the_last() {
        assert!(!fought(4, 10).is_lost(&step(), &mesh(), at(40)));
        assert!(fought(5, 10).is_lost(&step(), &mesh(), at(40)));
    }

    #[test]
    fn setting_up_what_is_new_is_no_repair() {
        let mut fights = Fights::default();
        let create = Step::CreateBridge { bridge: "br-lan".parse().unwrap() };
        assert!(!fights.is_repair(&step(), &mesh()), "the node has just started");
        assert!(fights.is_repair(&create, &mesh()));

        fights.looked(&mesh());

        assert!(fights.is_repair(&step(), &mesh()));
        let mut replugged = mesh();
        replugged.links.iter_mut().for_each(|link| link.index = IfIndex(link.index.0 + 100));
        assert!(!fights.is_repair(&step(), &replugged));
    }

    #[test]
    fn repairs_that_are_far_apart_are_no_fight() {
        assert!(!fought(50, 16).is_lost(&step(), &mesh(), at(50 * 16)));
        assert!(fought(5, 15).is_lost(&step(), &mesh(), at(60)));
    }

    #[test]
    fn lost_fight_is_taken_up_after_five_quiet_minutes_and_counts_anew() {
        let mut fights = fought(5, 1);

        assert!(fights.is_lost(&step(), &mesh(), at(4 + 299)));
        assert!(!fights.is_lost(&step(), &mesh(), at(4 + 300)));
        for n in 0..4 {
            fights.repaired(&step(), &mesh(), at(400 + n));
            assert!(!fights.is_lost(&step(), &mesh(), at(400 + n)), "repair {n}");
        }
        fights.repaired(&step(), &mesh(), at(404));
        assert!(fights.is_lost(&step(), &mesh(), at(404)));
    }

    #[test]
    fn other_things_go_on_being_repaired() {
        let fights = fought(5, 1);
        let other = Step::SetUp { link: "eth1".parse().unwrap() };

        assert!(!fights.is_lost(&other, &mesh(), at(5)));
    }

    #[test]
    fn link_that_comes_and_goes_is_attached_every_time() {
        let mut fights = Fights::default();
        let mut seen = mesh();

        for n in 0..50_u32 {
            for link in seen.links.iter_mut().filter(|link| link.name.as_str() == "eth1") {
                link.index = IfIndex(100 + n);
            }
            fights.repaired(&step(), &seen, at(n.into()));
            assert!(!fights.is_lost(&step(), &seen, at(n.into())));
        }
    }

    fn other(n: usize) -> Step {
        Step::SetUp { link: format!("eth{}", 100 + n).parse().unwrap() }
    }

    #[test]
    fn memory_is_bounded_and_forgets_the_quietest() {
        let mut fights = fought(4, 1);

        for n in 0..THINGS {
            fights.repaired(&other(n), &mesh(), at(10));
        }
        fights.repaired(&step(), &mesh(), at(11));

        assert_eq!(fights.things.len(), THINGS);
        assert!(!fights.is_lost(&step(), &mesh(), at(11)), "it was quiet the longest");
    }

    #[test]
    fn lost_fight_is_kept_while_there_is_anything_else_to_forget() {
        let mut fights = fought(5, 1);

        for n in 0..3 * THINGS {
            fights.repaired(&other(n), &mesh(), at(10));
        }

        assert_eq!(fights.things.len(), THINGS);
        assert!(fights.is_lost(&step(), &mesh(), at(303)));
        assert!(!fights.is_lost(&step(), &mesh(), at(304)));
    }

    #[test]
    fn memory_full_of_lost_fights_forgets_one() {
        let mut fights = Fights::default();

        for n in 0..=THINGS {
            (0..FIGHTS).for_each(|_| fights.repaired(&other(n), &mesh(), at(10)));
        }

        assert_eq!(fights.things.len(), THINGS);
        assert!(fights.is_lost(&other(THINGS), &mesh(), at(10)));
    }
}
