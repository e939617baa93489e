//! Twenty nodes, the cables between them, and whom each of them must see.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rtnetlink::Handle;

use crate::cable::{self, End};
use crate::configuration::{self, Algorithm};
use crate::namespace::{self, Home, Namespace};
use crate::node::Node;
use crate::shape::{Edges, NODES, beside};
use crate::waiting::until;

/// Of whom nothing was heard for so long is gone.
pub(crate) const GONE: Duration = Duration::from_secs(5);

/// Twenty nodes on one processor, which may be a translated one and shared.
pub(crate) const FORMED: Duration = Duration::from_secs(90);

/// The cable that leads over a bridge wherever it is plugged: half of the nodes are on each of its sides in a line.
pub(crate) const MIDDLE: (usize, usize) = (NODES / 2 - 1, NODES / 2);

/// Nodes and cables.
pub(crate) struct World {
    pub(crate) home: Home,
    links: Handle,
    nodes: Vec<Node>,
    plugged: Edges,
}

impl World {
    /// Starts all nodes, wired in the first of some shapes and ready for the others; the client is the gateways'.
    pub(crate) async fn create(
        algorithm: Algorithm,
        shapes: &[Edges],
        client: usize,
    ) -> anyhow::Result<Self> {
        let possible: Edges = shapes.iter().flatten().copied().collect();
        let home = Home::here()?;
        let links = namespace::connect()?;
        let mut world = Self { home, links, nodes: Vec::new(), plugged: Edges::new() };
        for number in 0..NODES {
            let namespace = Namespace::create(&world.home).await?;
            cable::primary(End { namespace: &namespace, number }).await?;
            let beside = beside(&possible, number);
            let text = configuration::of(algorithm, number, &beside, number == client);
            world.nodes.push(Node::start(&world.home, number, namespace, &text)?);
        }
        Ok(world)
    }

    /// Ends all nodes; what is plugged in at home goes too.
    pub(crate) async fn remove(mut self) -> anyhow::Result<()> {
        self.wire(&Edges::new()).await?;
        self.nodes.iter_mut().try_for_each(Node::end)
    }

    pub(crate) fn node(&self, number: usize) -> anyhow::Result<&Node> {
        self.nodes.get(number).context("there are twenty nodes")
    }

    /// Pulls out and plugs in what makes another shape of this one, and returns when that was done.
    pub(crate) async fn wire(&mut self, shape: &Edges) -> anyhow::Result<Instant> {
        for edge in self.plugged.difference(shape).copied().collect::<Vec<_>>() {
            self.pull(edge).await?;
        }
        for edge in shape.difference(&self.plugged).copied().collect::<Vec<_>>() {
            self.plug(edge).await?;
        }
        Ok(Instant::now())
    }

    pub(crate) async fn plug(&mut self, edge: (usize, usize)) -> anyhow::Result<()> {
        let (low, high) = (self.end(edge.0)?, self.end(edge.1)?);
        match edge == MIDDLE {
            true => cable::plug_over_bridge(&self.links, low, high).await?,
            false => cable::plug(&self.links, low, high).await?,
        }
        self.plugged.insert(edge);
        Ok(())
    }

    pub(crate) async fn pull(&mut self, edge: (usize, usize)) -> anyhow::Result<()> {
        match edge == MIDDLE {
            true => cable::pull_from_bridge(&self.links).await?,
            false => cable::pull(self.end(edge.0)?, self.end(edge.1)?).await?,
        }
        self.plugged.remove(&edge);
        Ok(())
    }

    /// Cuts the cable in the middle; its ends do not notice.
    pub(crate) async fn cut(&self) -> anyhow::Result<()> {
        cable::cut(&self.links).await
    }

    pub(crate) async fn mend(&self) -> anyhow::Result<()> {
        cable::mend(&self.links).await
    }

    /// Waits until each node has heard all the others since then, and those that are asked answer each other.
    pub(crate) async fn whole(&mut self, since: Instant) -> anyhow::Result<Duration> {
        let all: BTreeSet<usize> = (0..NODES).collect();
        self.split(since, &[all]).await?;
        for (from, to) in [(0, NODES - 1), (NODES - 1, 0), (NODES / 4, NODES * 3 / 4)] {
            let node = self.node(from)?;
            let address = configuration::address(to);
            until(FORMED, || {
                let answers = node.reaches(&self.home, &address)?;
                Ok((!answers).then(|| format!("{from} does not reach {to}")))
            })
            .await?;
        }
        Ok(since.elapsed())
    }

    /// Waits until each node has, since then and lately, heard exactly the others of its part.
    pub(crate) async fn split(
        &mut self,
        since: Instant,
        parts: &[BTreeSet<usize>],
    ) -> anyhow::Result<Duration> {
        for node in &mut self.nodes {
            node.is_running()?;
            let part = parts.iter().find(|part| part.contains(&node.number));
            let mut part = part.context("each node is in a part")?.clone();
            part.remove(&node.number);
            until(FORMED, || {
                let lately = since.elapsed().min(GONE);
                let heard = node.others(&self.home).into_iter().filter(|it| it.1 <= lately);
                let heard: BTreeSet<usize> = heard.map(|it| it.0).collect();
                let is_right = heard == part;
                Ok((!is_right).then(|| format!("node {} hears {heard:?}", node.number)))
            })
            .await?;
        }
        Ok(since.elapsed())
    }

    fn end(&self, number: usize) -> anyhow::Result<End<'_>> {
        Ok(End { namespace: &self.node(number)?.namespace, number })
    }
}
