//! The throughput meter.

use std::time::{Duration, Instant};

use super::{
    Kernel, error,
    notifications::{Notifications, TPMETER},
};
use crate::{
    Error, IfName, Incomplete, MacAddr, Measurement, Notification, Report, Request, Result,
    codec::{BatadvAttr, BatadvCmd},
};

/// A throughput measurement that is going on. Dropping it leaves the kernel measuring to the end:
/// [`Kernel::cancel_measurement`] is what ends it early.
pub struct Measuring {
    notifications: Notifications,
    request: Request,
    cookie: u32,
    since: Instant,
    duration: Duration,
}

/// How far a measurement has come, in time: the kernel tells nothing in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How long it has been going on.
    pub elapsed: Duration,
    /// How long it was to take. The last packets may come after that.
    pub duration: Duration,
}

impl Kernel {
    /// Measures the throughput to a node with packets of the kernel's own, which take all the air
    /// time that there is.
    ///
    /// # Errors
    /// [`Error::Permission`] without CAP_NET_ADMIN; [`Error::Measurement`] with whose fault it is
    /// that nothing was found; [`Error::Missed`] if the result was lost because too much else was
    /// told; else as [`Kernel::mesh_device`].
    pub async fn measure(
        &mut self,
        mesh: &IfName,
        originator: MacAddr,
        duration: Duration,
    ) -> Result<Measurement> {
        self.begin_measurement(mesh, originator, duration).await?.end().await
    }

    /// Begins a measurement of at least a millisecond, whose end can be waited for apart.
    ///
    /// # Errors
    /// As [`Kernel::measure`]; most reasons for which nothing is found come at the end only.
    pub async fn begin_measurement(
        &mut self,
        mesh: &IfName,
        originator: MacAddr,
        duration: Duration,
    ) -> Result<Measuring> {
        let request = |mesh| Request::Measure(mesh, originator);
        let link = self.mesh_link(mesh, request).await?;
        let request = request(link.name);
        // The result may be told before the question is answered: listen first.
        let notifications = self.listen(&[TPMETER]).await?;
        // Zero would be the kernel's own choice of ten seconds.
        let milliseconds = u32::try_from(duration.as_millis()).unwrap_or(u32::MAX).max(1);
        let attributes =
            [BatadvAttr::OrigAddress(originator), BatadvAttr::TpmeterTestTime(milliseconds)];
        let question = self.family().await?.ask(BatadvCmd::TpMeter, link.index, attributes);
        let since = Instant::now();
        let answer = self.generic.read(question).await;
        let answer = answer.map_err(|failure| error(failure, request.clone()))?;
        let attributes = answer.into_iter().flat_map(|answer| answer.payload.attributes);
        let mut cookies = attributes.filter_map(|attribute| match attribute {
            BatadvAttr::TpmeterCookie(cookie) => Some(cookie),
            _ => None,
        });
        match cookies.next() {
            Some(cookie) => Ok(Measuring { notifications, request, cookie, since, duration }),
            None => Err(Error::Incomplete { request, source: Incomplete::Absent("TpmeterCookie") }),
        }
    }

    /// Cancels the measurement to this node, whoever began it; one that is not going on is
    /// cancelled enough. What it has found so far is its result.
    ///
    /// # Errors
    /// [`Error::Permission`] without CAP_NET_ADMIN; else as [`Kernel::mesh_device`].
    pub async fn cancel_measurement(&mut self, mesh: &IfName, originator: MacAddr) -> Result<()> {
        let request = |mesh| Request::CancelMeasurement(mesh, originator);
        let link = self.mesh_link(mesh, request).await?;
        let attributes = [BatadvAttr::OrigAddress(originator)];
        let question = self.family().await?.ask(BatadvCmd::TpMeterCancel, link.index, attributes);
        let outcome = self.generic.change(question, 0).await;
        outcome.map_err(|failure| error(failure, request(link.name)))
    }
}

impl Measuring {
    /// Returns how far it has come.
    pub fn progress(&self) -> Progress {
        Progress { elapsed: self.since.elapsed(), duration: self.duration }
    }

    /// Waits for the end and returns what was found; it is told once. Dropping the future loses
    /// nothing. A kernel whose other node falls silent takes half a minute and more to give up, and
    /// one whose mesh device is deleted may never tell: how long to wait is for the caller to say.
    ///
    /// # Errors
    /// As [`Kernel::measure`].
    pub async fn end(&mut self) -> Result<Measurement> {
        loop {
            let told = self.notifications.next().await?;
            if let Some(outcome) = outcome(&told, self.cookie, &self.request) {
                return outcome;
            }
        }
    }
}

/// The end of our measurement, if that is among what was told.
fn outcome(told: &[Notification], ours: u32, request: &Request) -> Option<Result<Measurement>> {
    told.iter().find_map(|notification| match notification {
        Notification::Measured(Report { cookie, outcome, .. }) if *cookie == ours => {
            let request = || request.clone();
            Some(outcome.map_err(|fault| Error::Measurement { request: request(), fault }))
        }
        Notification::Missed => Some(Err(Error::Missed { request: request.clone() })),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MeasurementFault;

    const NODE: MacAddr = MacAddr([2, 0, 0, 0, 0, 0xb]);

    fn measured(cookie: u32, outcome: Result<Measurement, MeasurementFault>) -> Notification {
        Notification::Measured(Report { cookie, originator: NODE, outcome })
    }

    fn request() -> Request {
        Request::Measure("bat0".parse().unwrap(), NODE)
    }

    #[test]
    fn measurement_ends_by_its_own_cookie() {
        let ours = Measurement { originator: NODE, bytes: 10, duration: Duration::from_millis(5) };
        let told = [measured(1, Err(MeasurementFault::TooMany)), measured(2, Ok(ours))];

        assert_eq!(outcome(&told, 2, &request()).unwrap().unwrap(), ours);
        assert!(outcome(&told, 3, &request()).is_none());
    }

    #[test]
    fn measurement_without_a_result_says_whose_fault_it_is() {
        let told = [measured(1, Err(MeasurementFault::Unreachable))];

        let error = outcome(&told, 1, &request()).unwrap().unwrap_err();

        assert_eq!(error.to_string(), "cannot measure the throughput to 02:00:00:00:00:0b in bat0");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause, "the node could not be reached or did not answer");
    }

    #[test]
    fn result_that_may_have_been_lost_is_an_error() {
        let lost = outcome(&[Notification::Missed], 1, &request()).unwrap();

        assert!(matches!(lost, Err(Error::Missed { .. })));
    }
}
