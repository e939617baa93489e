//! Measures the throughput to a node while the neighbourhood keeps still.

use std::time::Duration;

use batman::{Error, IfName, Kernel, MacAddr, Measurement};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::clock::{uptime, wall};
use super::control::{Neighbourhood, NoAir};
use super::log::with_causes;
use crate::measuring::{Ended, Target, Unmeasured, Wish};

/// Results wait here while the loop is busy.
const ENDED_WAITING: usize = 16;

/// The last packets may come after the time is up. A node that falls silent is given up after this, long before
/// the kernel does.
const GRACE: Duration = Duration::from_secs(5);

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum NotMeasured {
    /// The air was not to be had.
    #[error(transparent)]
    NoAir(#[from] NoAir),
    /// The kernel found nothing, and says whose fault it is.
    #[error("{}", with_causes(.0))]
    Kernel(Error),
    /// The best way to the node is not the one that was to be measured.
    #[error("the best way to it is another by now")]
    OtherWay,
    /// No result came in time.
    #[error("no result came in time")]
    TooLate,
    /// Whoever asked has left.
    #[error("nobody waits for it any more")]
    Left,
}

impl NotMeasured {
    fn told(&self) -> Unmeasured {
        match self {
            Self::NoAir(NoAir::Busy(_) | NoAir::Kept { .. }) => Unmeasured::Busy(self.to_string()),
            _ => Unmeasured::Failed(self.to_string()),
        }
    }
}

/// The throughput meter of this node's mesh.
#[derive(Clone)]
pub struct Meter {
    mesh: IfName,
    air: Neighbourhood,
    ended: mpsc::Sender<Ended>,
}

/// What is to be measured.
struct Order {
    node: MacAddr,
    /// Over this link or not at all.
    over: Option<IfName>,
    duration: Duration,
    wish: Wish,
}

/// The best way to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Way {
    interface: IfName,
    next_hop: MacAddr,
}

/// What is known of a measurement beside its result.
#[derive(Default)]
struct Trace {
    before: Option<Way>,
    after: Option<Way>,
    took: Duration,
}

impl Meter {
    /// Returns the meter, and where the loop hears how measurements ended.
    pub fn new(mesh: IfName, air: Neighbourhood) -> (Self, mpsc::Receiver<Ended>) {
        let (ended, to_ended) = mpsc::channel(ENDED_WAITING);
        (Self { mesh, air, ended }, to_ended)
    }

    /// Returns whose mesh it measures.
    pub fn mesh(&self) -> &IfName {
        &self.mesh
    }

    /// Measures in the background, over this very link; how it ended is told to the loop.
    pub fn start(&self, target: Target, duration: Duration) {
        let meter = self.clone();
        let Target { interface, node } = target;
        let order = Order { node, over: Some(interface), duration, wish: Wish::Schedule };
        tokio::spawn(async move {
            // How it ended is in what the loop is told.
            let _ = meter.run(&order, std::future::pending()).await;
        });
    }

    /// Measures because a person asks for it, until that person has `left`. The loop is told of it too.
    ///
    /// # Errors
    /// Why nothing was measured.
    pub async fn measure(
        &self,
        node: MacAddr,
        duration: Duration,
        left: impl Future<Output = ()>,
    ) -> Result<Measurement, NotMeasured> {
        let order = Order { node, over: None, duration, wish: Wish::Person };
        self.run(&order, left).await
    }

    async fn run(
        &self,
        order: &Order,
        left: impl Future<Output = ()>,
    ) -> Result<Measurement, NotMeasured> {
        let mut trace = Trace::default();
        let outcome = self.measure_in_quiet(order, left, &mut trace).await;
        let Trace { before, after, took } = trace;
        let is_same = before == after;
        let ended = Ended {
            next_hop: before.as_ref().filter(|_| is_same).map(|way| way.next_hop),
            target: before.map(|way| Target { interface: way.interface, node: order.node }),
            wish: order.wish,
            took,
            outcome: outcome.as_ref().map(|found| *found).map_err(NotMeasured::told),
            wall: wall(),
        };
        // The loop is gone only when the process is about to end.
        let _ = self.ended.send(ended).await;
        outcome
    }

    async fn measure_in_quiet(
        &self,
        order: &Order,
        left: impl Future<Output = ()>,
        trace: &mut Trace,
    ) -> Result<Measurement, NotMeasured> {
        let mut kernel = Kernel::open().map_err(NotMeasured::Kernel)?;
        trace.before = self.way(&mut kernel, order.node).await?;
        if order.over.is_some()
            && trace.before.as_ref().map(|it| &it.interface) != order.over.as_ref()
        {
            return Err(NotMeasured::OtherWay);
        }
        let _quiet = self.air.quiet(order.duration + GRACE).await?;
        let since = uptime();
        let outcome = self.let_run(&mut kernel, order, left).await;
        trace.took = uptime().since(since);
        // What was found stands, whatever is known of the way afterwards.
        trace.after = self.way(&mut kernel, order.node).await.ok().flatten();
        outcome
    }

    async fn let_run(
        &self,
        kernel: &mut Kernel,
        order: &Order,
        left: impl Future<Output = ()>,
    ) -> Result<Measurement, NotMeasured> {
        let begun = kernel.begin_measurement(&self.mesh, order.node, order.duration).await;
        let mut measuring = begun.map_err(NotMeasured::Kernel)?;
        let outcome = tokio::select! {
            end = timeout(order.duration + GRACE, measuring.end()) => match end {
                Ok(Ok(found)) => return Ok(found),
                // Perhaps the kernel only could not tell: it may still send.
                Ok(Err(error)) => Err(NotMeasured::Kernel(error)),
                Err(_) => Err(NotMeasured::TooLate),
            },
            () = left => Err(NotMeasured::Left),
        };
        let cancelled = kernel.cancel_measurement(&self.mesh, order.node).await;
        if let Err(error) = cancelled {
            tracing::warn!(error = with_causes(&error), "measurement not cancelled");
        }
        outcome
    }

    async fn way(&self, kernel: &mut Kernel, node: MacAddr) -> Result<Option<Way>, NotMeasured> {
        let known = kernel.originators(&self.mesh).await.map_err(NotMeasured::Kernel)?;
        let best = known.into_iter().find(|it| it.best && it.address == node);
        Ok(best.map(|it| Way { interface: it.interface, next_hop: it.neighbour }))
    }
}
