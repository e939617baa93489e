//! Shapes of meshes: which nodes a cable joins.

use std::collections::BTreeSet;

/// How many nodes there are.
pub(crate) const NODES: usize = 20;

/// Cables, each from the lower to the higher node.
pub(crate) type Edges = BTreeSet<(usize, usize)>;

/// Joins each node to the next.
pub(crate) fn line() -> Edges {
    (1..NODES).map(|node| (node - 1, node)).collect()
}

/// Joins the ends of the line too.
pub(crate) fn ring() -> Edges {
    let mut edges = line();
    edges.insert((0, NODES - 1));
    edges
}

/// Joins all to the first.
pub(crate) fn star() -> Edges {
    (1..NODES).map(|node| (0, node)).collect()
}

/// Joins each node to one before it, and as many pairs more as are asked for: all are within reach, whatever the seed.
pub(crate) fn random(seed: u64, more: usize) -> Edges {
    let mut chance = Chance(seed);
    let mut edges: Edges = (1..NODES).map(|node| (chance.below(node), node)).collect();
    let wanted = edges.len() + more;
    while edges.len() < wanted {
        let node = 1 + chance.below(NODES - 1);
        edges.insert((chance.below(node), node));
    }
    edges
}

/// Lists the nodes that a node has a cable to.
pub(crate) fn beside(edges: &Edges, node: usize) -> BTreeSet<usize> {
    let across = edges.iter().filter_map(|(a, b)| match node {
        it if it == *a => Some(*b),
        it if it == *b => Some(*a),
        _ => None,
    });
    across.collect()
}

/// Numbers that look like chance and are the same for the same seed (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from((mixed ^ (mixed >> 31)) % bound).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows cables from the first node.
    fn reached(edges: &Edges) -> BTreeSet<usize> {
        let mut reached = BTreeSet::from([0]);
        let mut next = vec![0];
        while let Some(node) = next.pop() {
            next.extend(beside(edges, node).into_iter().filter(|it| reached.insert(*it)));
        }
        reached
    }

    #[test]
    fn every_shape_joins_all_nodes() {
        let random = (0..200).map(|seed| random(seed, 6));

        for shape in [line(), ring(), star()].into_iter().chain(random) {
            assert_eq!(reached(&shape).len(), NODES, "{shape:?}");
            assert!(shape.iter().all(|(a, b)| a < b && *b < NODES), "{shape:?}");
        }
    }

    #[test]
    fn shapes_have_the_cables_that_their_names_say() {
        assert_eq!(line().len(), NODES - 1);
        assert_eq!(ring().len(), NODES);
        assert!((0..NODES).all(|node| beside(&ring(), node).len() == 2));
        assert_eq!(beside(&star(), 0).len(), NODES - 1);
        assert_eq!(random(7, 6).len(), NODES - 1 + 6);
    }

    #[test]
    fn random_shape_is_the_same_for_the_same_seed() {
        assert_eq!(random(7, 6), random(7, 6));
        assert_ne!(random(7, 6), random(8, 6));
    }
}
