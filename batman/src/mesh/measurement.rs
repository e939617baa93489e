use std::time::Duration;

use thiserror::Error;

use super::{
    Incomplete,
    reply::{milliseconds, required},
};
use crate::{MacAddr, Throughput, codec::BatadvMessage};

/// What a throughput measurement found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// The node that was measured to.
    pub originator: MacAddr,
    /// The bytes that it acknowledged. The kernel counts them in 32 bits, so a measurement of more
    /// than 4 GiB tells too few.
    pub bytes: u64,
    /// How long that took; less than was asked for if the measurement was cancelled.
    pub duration: Duration,
}

impl Measurement {
    /// Returns the throughput; nothing if the measurement took no time.
    pub fn throughput(&self) -> Option<Throughput> {
        let milliseconds = self.duration.as_millis();
        let bits = u128::from(self.bytes) * 8;
        let kbit = bits.checked_div(milliseconds)?;
        Some(Throughput::from_kbit(kbit.try_into().unwrap_or(u64::MAX)))
    }
}

/// Why a throughput measurement found nothing, by whose fault it is (enum batadv_tp_meter_reason).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum MeasurementFault {
    /// The caller's, or another program's: it was cancelled before it had found anything.
    #[error("it was cancelled")]
    Cancelled,
    /// The other node's, or the way's to it: no answer came.
    #[error("the node could not be reached or did not answer")]
    Unreachable,
    /// The way's: packets were sent again too often. No kernel says so today.
    #[error("packets were lost too often")]
    ResendLimit,
    /// Somebody else's: a measurement to or from that node is going on.
    #[error("another measurement to or from that node is going on")]
    AlreadyOngoing,
    /// This machine's: it has no memory left.
    #[error("this machine has no memory left for it")]
    OutOfMemory,
    /// This machine's: its hard interface did not take the packets.
    #[error("the hard interface towards that node did not take the packets")]
    CannotSend,
    /// This node's: five measurements are going on, which is all that a mesh device has room for.
    #[error("five measurements are going on already")]
    TooMany,
    /// A number without a name here.
    #[error("the kernel gave reason {0}")]
    Other(u8),
}

/// How a throughput measurement ended, as the kernel tells everybody who listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The number by which the measurement is known.
    pub cookie: u32,
    /// The node that was measured to.
    pub originator: MacAddr,
    /// What was found, or why nothing was.
    pub outcome: Result<Measurement, MeasurementFault>,
}

impl TryFrom<&BatadvMessage> for Report {
    type Error = Incomplete;

    fn try_from(message: &BatadvMessage) -> Result<Self, Incomplete> {
        let originator = required!(message, OrigAddress)?;
        let outcome = match fault(required!(message, TpmeterResult)?) {
            Some(fault) => Err(fault),
            None => Ok(Measurement {
                originator,
                bytes: required!(message, TpmeterBytes)?,
                duration: required!(message, TpmeterTestTime).map(milliseconds)?,
            }),
        };
        Ok(Self { cookie: required!(message, TpmeterCookie)?, originator, outcome })
    }
}

/// BATADV_TP_REASON_COMPLETE is what a measurement that was cancelled half way ends with too.
const COMPLETE: u8 = 3;

fn fault(reason: u8) -> Option<MeasurementFault> {
    Some(match reason {
        COMPLETE => return None,
        4 => MeasurementFault::Cancelled,
        128 => MeasurementFault::Unreachable,
        129 => MeasurementFault::ResendLimit,
        130 => MeasurementFault::AlreadyOngoing,
        131 => MeasurementFault::OutOfMemory,
        132 => MeasurementFault::CannotSend,
        133 => MeasurementFault::TooMany,
        other => MeasurementFault::Other(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{BatadvAttr, BatadvCmd};

    const NODE: MacAddr = MacAddr([2, 0, 0, 0, 0, 0xb]);

    fn report(result: u8, bytes: u64, milliseconds: u32) -> Result<Report, Incomplete> {
        let attributes = vec![
            BatadvAttr::TpmeterCookie(7),
            BatadvAttr::TpmeterTestTime(milliseconds),
            BatadvAttr::TpmeterBytes(bytes),
            BatadvAttr::TpmeterResult(result),
            BatadvAttr::OrigAddress(NODE),
        ];
        Report::try_from(&BatadvMessage::new(BatadvCmd::TpMeter, attributes))
    }

    #[test]
    fn complete_measurement_is_a_throughput() {
        let report = report(3, 12_500_000, 1000).unwrap();

        let measurement = report.outcome.unwrap();
        assert_eq!((report.cookie, measurement.originator), (7, NODE));
        assert_eq!(measurement.throughput(), Some(Throughput::from_kbit(100_000)));
    }

    #[test]
    fn measurement_that_took_no_time_has_no_throughput() {
        assert_eq!(report(3, 0, 0).unwrap().outcome.unwrap().throughput(), None);
        assert_eq!(
            report(3, u64::MAX, 1).unwrap().outcome.unwrap().throughput(),
            Some(Throughput::from_kbit(u64::MAX))
        );
    }

    #[test]
    fn every_reason_of_the_kernel_says_whose_fault_it_is() {
        let reasons = [
            (4, MeasurementFault::Cancelled),
            (128, MeasurementFault::Unreachable),
            (129, MeasurementFault::ResendLimit),
            (130, MeasurementFault::AlreadyOngoing),
            (131, MeasurementFault::OutOfMemory),
            (132, MeasurementFault::CannotSend),
            (133, MeasurementFault::TooMany),
            (200, MeasurementFault::Other(200)),
        ];

        for (number, fault) in reasons {
            assert_eq!(report(number, 0, 0).unwrap().outcome, Err(fault));
        }
    }
}
