//! The scenarios, one file each, the quick ones first.

mod agent_killed;
mod batman;
mod boot;
mod firmware_boot;
mod image;
mod mesh;
mod mesh_repaired;
mod node_cut_off;
mod node_killed;
mod node_stopped;
mod rogue;
mod rotation;
mod server_down;
mod unable;

use crate::scenario::{Group, Scenario};

pub(crate) const GROUPS: &[Group] = &[
    Group {
        name: "mesh",
        about: "routers and their neighbours",
        is_timed: true,
        scenarios: MESH,
        summary: None,
    },
    Group {
        name: "image",
        about: "slots, updates and data",
        is_timed: false,
        scenarios: image::ALL,
        summary: None,
    },
    Group {
        name: "batman",
        about: "the batman-adv client beside batctl, and twenty nodes on one kernel",
        is_timed: false,
        scenarios: batman::ALL,
        summary: Some(batman::summary),
    },
];

const MESH: &[Scenario] = &[
    boot::SCENARIO,
    firmware_boot::SCENARIO,
    unable::BAD_CONFIG,
    unable::UNABLE,
    mesh::IV,
    mesh::V,
    mesh_repaired::SCENARIO,
    agent_killed::SCENARIO,
    node_killed::SCENARIO,
    node_stopped::SCENARIO,
    node_cut_off::SCENARIO,
    server_down::SCENARIO,
    rotation::SCENARIO,
    rogue::STRANGER,
    rogue::FOREIGN,
];
