//! The batman-adv client and the mesh that is kept, on real kernels.

mod oracle;
mod report;
mod summary;
mod twenty;

pub(super) use self::summary::summary;
use crate::scenario::Scenario;

/// The scenarios of the group.
pub(super) const ALL: &[Scenario] =
    &[oracle::ON_6_1, oracle::ON_6_12, oracle::LEAN, oracle::DRIFT, twenty::NODES];
