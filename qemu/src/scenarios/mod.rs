//! The scenarios, one file each.

mod boot;
mod mesh;

use crate::scenario::Scenario;

pub(crate) const ALL: &[Scenario] = &[boot::SCENARIO, mesh::IV, mesh::V];
