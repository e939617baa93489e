//! The scenarios, one file each.

mod boot;

use crate::scenario::Scenario;

pub(crate) const ALL: &[Scenario] = &[boot::SCENARIO];
