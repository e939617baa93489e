//! Who may measure: never two at once in one neighbourhood.
//!
//! Whoever measures has its own air and that of every neighbour. Two nodes that could disturb one another are
//! neighbours or have one in common, and that one gives its air to one of them only.

use std::time::Duration;

use spire_bridge::{SpiffeId, Uptime};

/// No claim lasts longer: who asks for more gets this.
pub const LONGEST: Duration = Duration::from_secs(180);

/// Why the air is not to be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    /// This node measures, or is about to.
    #[error("a measurement is going on here")]
    Here,
    /// A neighbour has it.
    #[error("{0} measures")]
    Given(SpiffeId),
}

/// The air around a node, as it gives it away. A claim that nobody releases ends by itself.
#[derive(Debug, Default)]
pub struct Air {
    own: Option<Uptime>,
    given: Option<(SpiffeId, Uptime)>,
}

impl Air {
    /// Takes it for this node itself.
    ///
    /// # Errors
    /// If it is taken.
    pub fn take(&mut self, time: Duration, now: Uptime) -> Result<(), Busy> {
        if self.is_own(now) {
            return Err(Busy::Here);
        }
        if let Some(holder) = self.holder(now) {
            return Err(Busy::Given(holder.clone()));
        }
        self.own = Some(now.after(time.min(LONGEST)));
        Ok(())
    }

    /// Gives back what this node took.
    pub fn give_back(&mut self) {
        self.own = None;
    }

    /// Gives it to a neighbour, who may ask again before its time is over.
    ///
    /// # Errors
    /// If it is taken.
    pub fn claim(&mut self, by: &SpiffeId, time: Duration, now: Uptime) -> Result<(), Busy> {
        if self.is_own(now) {
            return Err(Busy::Here);
        }
        if let Some(holder) = self.holder(now).filter(|holder| *holder != by) {
            return Err(Busy::Given(holder.clone()));
        }
        self.given = Some((by.clone(), now.after(time.min(LONGEST))));
        Ok(())
    }

    /// Takes back what a neighbour no longer needs.
    pub fn release(&mut self, by: &SpiffeId) {
        if self.given.as_ref().is_some_and(|(holder, _)| holder == by) {
            self.given = None;
        }
    }

    fn is_own(&self, now: Uptime) -> bool {
        self.own.is_some_and(|until| now < until)
    }

    fn holder(&self, now: Uptime) -> Option<&SpiffeId> {
        self.given.as_ref().filter(|(_, until)| now < *until).map(|(holder, _)| holder)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::samples::at;

    const TIME: Duration = Duration::from_secs(10);

    fn node(number: usize) -> SpiffeId {
        SpiffeId::new(format!("spiffe://x0tta6bl4.mesh/node/n{number}")).unwrap()
    }

    #[test]
    fn air_is_given_to_one_at_a_time() {
        let mut air = Air::default();
        let (a, b) = (node(1), node(2));

        air.claim(&a, TIME, at(0)).unwrap();

        assert_eq!(air.claim(&b, TIME, at(9)), Err(Busy::Given(a.clone())));
        assert_eq!(air.take(TIME, at(9)), Err(Busy::Given(a.clone())));
        air.claim(&a, TIME, at(9)).unwrap();
        air.release(&b);
        assert_eq!(air.claim(&b, TIME, at(10)), Err(Busy::Given(a.clone())), "it was a's");
        air.release(&a);
        air.take(TIME, at(10)).unwrap();
        assert_eq!(air.claim(&b, TIME, at(10)), Err(Busy::Here));
        air.give_back();
        air.claim(&b, TIME, at(10)).unwrap();
    }

    #[test]
    fn claim_ends_by_itself_and_none_lasts_long() {
        let mut air = Air::default();

        air.claim(&node(1), Duration::MAX / 4, at(0)).unwrap();

        assert!(air.take(TIME, at(179)).is_err());
        air.take(TIME, at(180)).unwrap();
        assert_eq!(air.take(TIME, at(189)), Err(Busy::Here));
        air.take(TIME, at(190)).unwrap();
    }

    /// A node on its way to a measurement: whom it has asked so far.
    #[derive(Clone, Debug, Default)]
    enum Way {
        #[default]
        Idle,
        Asking(usize),
        Measuring,
    }

    struct World {
        links: Vec<BTreeSet<usize>>,
        airs: Vec<Air>,
        ways: Vec<Way>,
    }

    impl World {
        fn new(nodes: usize, links: &[(usize, usize)]) -> Self {
            let mut near = vec![BTreeSet::new(); nodes];
            for (a, b) in links.iter().map(|(a, b)| (a % nodes, b % nodes)) {
                if a != b {
                    near[a].insert(b);
                    near[b].insert(a);
                }
            }
            let airs = (0..nodes).map(|_| Air::default()).collect();
            Self { links: near, airs, ways: vec![Way::Idle; nodes] }
        }

        /// One message of one node: neighbours are asked one by one, others may come in between.
        fn step(&mut self, who: usize) {
            let asked: Vec<_> = self.links[who].iter().copied().collect();
            self.ways[who] = match self.ways[who] {
                Way::Idle if self.airs[who].take(TIME, at(0)).is_ok() => Way::Asking(0),
                Way::Idle => Way::Idle,
                Way::Asking(count) if count == asked.len() => Way::Measuring,
                Way::Asking(count) => {
                    match self.airs[asked[count]].claim(&node(who), TIME, at(0)) {
                        Ok(()) => Way::Asking(count + 1),
                        Err(_) => self.end(who),
                    }
                }
                Way::Measuring => self.end(who),
            };
        }

        fn end(&mut self, who: usize) -> Way {
            self.airs[who].give_back();
            for near in &self.links[who] {
                self.airs[*near].release(&node(who));
            }
            Way::Idle
        }

        fn measuring_near(&self, who: usize) -> usize {
            let here = self.links[who].iter().chain([&who]);
            here.filter(|near| matches!(self.ways[**near], Way::Measuring)).count()
        }
    }

    proptest! {
        #[test]
        fn never_two_measure_in_one_neighbourhood(
            nodes in 2_usize..8,
            links in vec((0_usize..8, 0_usize..8), 0..20),
            steps in vec(0_usize..8, 0..200),
        ) {
            let mut world = World::new(nodes, &links);
            for who in steps {
                world.step(who % nodes);

                for node in 0..nodes {
                    prop_assert!(world.measuring_near(node) <= 1, "around {node}: {:?}", world.ways);
                }
            }
        }
    }
}
