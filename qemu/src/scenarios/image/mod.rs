//! Scenarios of slots and updates.

mod cuts;
mod data;
mod good;
mod mesh_gone;
mod mixed;
mod power_cut;
mod refused;
mod repository;
mod rot;
mod unbootable;
mod watchdog;

use crate::scenario::Scenario;

/// Those on one pair come one after the other: it is formed once.
pub(super) const ALL: &[Scenario] = &[
    power_cut::SCENARIO,
    watchdog::GONE,
    refused::EXPIRED,
    refused::WRONG_KEYS,
    refused::OLDER,
    good::SCENARIO,
    repository::DEAD_HALF_WAY,
    repository::DISK_FULL,
    cuts::INSTALL,
    cuts::TRIAL,
    cuts::COMMIT,
    mesh_gone::SCENARIO,
    rot::SCENARIO,
    unbootable::NODE_CRASH,
    unbootable::BAD_KERNEL,
    unbootable::KERNEL_PANIC,
    unbootable::ROOT_GARBAGE,
    watchdog::KERNEL_HANG,
    watchdog::NODE_HANG,
    good::AARCH64,
    unbootable::BAD_KERNEL_AARCH64,
    good::ARMV7,
    good::CLOCK_UNSET,
    data::CORRUPT,
    data::FULL,
    data::RESET_BY_COMMAND,
    data::RESET_BY_FLAG,
    data::GROWS,
    mixed::SCENARIO,
];
