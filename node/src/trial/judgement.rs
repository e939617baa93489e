//! Whether a slot on trial is as good as the one before it: the gate that stands between a boot and its commit.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use spire_bridge::Uptime;

use crate::config::{Share, Update};
use crate::status::shortly;

/// So many starts of mesh-node in one boot are a loop: one crash can be bad luck, and a person may restart it once.
const LOOP: u32 = 4;

/// What a slot has to show where it is not known how the node stood before: that it is part of a mesh.
/// Whether its data file system took writes is not asked for: an update may be the cure for one that does not.
pub const DEMANDED: Health =
    Health { attested: true, verified: 1, neighbours: 1, keeps_data: false };

/// How a node stands: what it was before an update, or what it is now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// It holds an SVID that has not ended, and its agent runs.
    pub attested: bool,
    /// Neighbours that have proven themselves.
    pub verified: u32,
    /// Neighbours that batman-adv hears.
    pub neighbours: u32,
    /// Its data file system is mounted and takes writes.
    #[serde(default)]
    pub keeps_data: bool,
}

/// What a new slot has to show, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate {
    /// How long it must be healthy without a break.
    pub soak: Duration,
    /// How long after its boot it may take for all of it.
    pub deadline: Duration,
    /// The share of the earlier neighbours that must be back.
    pub share: Share,
}

/// Why a slot is not healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "lack", rename_all = "snake_case")]
pub enum Lack {
    /// It was attested before.
    NotAttested,
    /// There was a verified neighbour before.
    NoVerifiedNeighbour {
        /// How many there were.
        before: u32,
    },
    /// Fewer neighbours than are asked for.
    TooFewNeighbours {
        /// How many there are.
        now: u32,
        /// How many would do.
        wanted: u32,
    },
    /// Its data file system took writes before.
    NoData,
    /// mesh-node starts over and over.
    CrashLoop {
        /// How many times in this boot.
        starts: u32,
    },
}

/// What the judgement says at one look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// All is there, and has to stay for a while yet.
    Soaking {
        /// How long yet.
        left: Duration,
    },
    /// Something lacks, and there is time.
    Waiting {
        /// What lacks.
        lack: Lack,
        /// How long yet.
        left: Duration,
    },
    /// The slot may stay.
    Healthy,
    /// The slot has to go.
    Unhealthy {
        /// What lacks; nothing if it was healthy and never for long enough.
        lack: Option<Lack>,
    },
}

/// Judges a slot, look by look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judge {
    before: Option<Health>,
    gate: Gate,
    healthy_since: Option<Uptime>,
}

impl Gate {
    /// Takes the gate out of the configuration.
    pub fn of(update: &Update) -> Self {
        Self { soak: update.soak, deadline: update.deadline, share: update.neighbour_share }
    }
}

impl Judge {
    /// Holds a new slot against what the node was before; where nobody remembers that, against a node in a mesh.
    pub fn new(before: Option<Health>, gate: Gate) -> Self {
        Self { before, gate, healthy_since: None }
    }

    /// Tells whether it is remembered how the node stood before.
    pub const fn remembers(&self) -> bool {
        self.before.is_some()
    }

    /// Looks once. `starts` is how often mesh-node was started in this boot.
    pub fn look(&mut self, health: Health, starts: u32, now: Uptime) -> Judgement {
        if is_loop(starts) {
            return Judgement::Unhealthy { lack: Some(Lack::CrashLoop { starts }) };
        }
        let lack = self.lack(health);
        let left = self.gate.deadline.saturating_sub(now.since_boot());
        match lack {
            None => {
                let since = *self.healthy_since.get_or_insert(now);
                let soak_left = self.gate.soak.saturating_sub(now.since(since));
                if soak_left.is_zero() {
                    return Judgement::Healthy;
                }
                // A soak that cannot end in time is waited for no longer than the deadline.
                if left.is_zero() {
                    return Judgement::Unhealthy { lack: None };
                }
                Judgement::Soaking { left: soak_left }
            }
            Some(lack) => {
                self.healthy_since = None;
                if left.is_zero() {
                    return Judgement::Unhealthy { lack: Some(lack) };
                }
                Judgement::Waiting { lack, left }
            }
        }
    }

    /// Finds the first thing that was there before and is not now.
    fn lack(&self, health: Health) -> Option<Lack> {
        let before = self.before.unwrap_or(DEMANDED);
        let wanted = self.gate.share.of(before.neighbours);
        if before.attested && !health.attested {
            return Some(Lack::NotAttested);
        }
        if before.verified > 0 && health.verified == 0 {
            return Some(Lack::NoVerifiedNeighbour { before: before.verified });
        }
        if before.keeps_data && !health.keeps_data {
            return Some(Lack::NoData);
        }
        let now = health.neighbours;
        (now < wanted).then_some(Lack::TooFewNeighbours { now, wanted })
    }
}

/// Tells whether so many starts in one boot are a loop of crashes.
pub const fn is_loop(starts: u32) -> bool {
    starts >= LOOP
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAttested => f.write_str("it is not attested, as it was before"),
            Self::NoVerifiedNeighbour { before } => {
                write!(f, "no verified neighbour, where there were {before} before")
            }
            Self::TooFewNeighbours { now, wanted } => {
                write!(f, "{now} neighbours, where {wanted} are wanted")
            }
            Self::NoData => f.write_str("its data file system takes no writes, as it did before"),
            Self::CrashLoop { starts } => {
                write!(f, "mesh-node was started {starts} times since the boot")
            }
        }
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Soaking { left } => write!(f, "healthy, {} to go", shortly(*left)),
            Self::Waiting { lack, left } => write!(f, "{lack}; {} left", shortly(*left)),
            Self::Healthy => f.write_str("healthy for long enough"),
            Self::Unhealthy { lack: Some(lack) } => write!(f, "unhealthy: {lack}"),
            Self::Unhealthy { lack: None } => {
                f.write_str("unhealthy: never healthy for long enough")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAS: Health = Health { attested: true, verified: 2, neighbours: 4, keeps_data: true };
    const NOTHING: Health =
        Health { attested: false, verified: 0, neighbours: 0, keeps_data: false };

    fn at(seconds: u64) -> Uptime {
        Uptime::from_boot(Duration::from_secs(seconds))
    }

    fn gate() -> Gate {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        Gate { soak: minutes(5), deadline: minutes(15), share: Share::from_percent(50).unwrap() }
    }

    /// Looks at each moment and tells what was said, in short.
    fn check(before: impl Into<Option<Health>>, looks: &[(u64, Health, u32)], expected: &[&str]) {
        let mut judge = Judge::new(before.into(), gate());

        let said: Vec<String> = looks
            .iter()
            .map(|(second, health, starts)| judge.look(*health, *starts, at(*second)).to_string())
            .collect();

        assert_eq!(said, expected);
    }

    #[test]
    fn a_slot_as_good_as_before_is_kept_after_its_soak() {
        check(
            WAS,
            &[(40, NOTHING, 1), (60, WAS, 1), (359, WAS, 1), (360, WAS, 1)],
            &[
                "it is not attested, as it was before; 14m left",
                "healthy, 5m to go",
                "healthy, 1s to go",
                "healthy for long enough",
            ],
        );
    }

    #[test]
    fn each_lack_has_its_name() {
        let health =
            |attested, verified, neighbours| Health { attested, verified, neighbours, ..WAS };
        for (now, lack) in [
            (health(false, 2, 4), "it is not attested, as it was before"),
            (health(true, 0, 4), "no verified neighbour, where there were 2 before"),
            (health(true, 1, 1), "1 neighbours, where 2 are wanted"),
            (
                Health { keeps_data: false, ..WAS },
                "its data file system takes no writes, as it did before",
            ),
        ] {
            check(
                WAS,
                &[(60, now, 1), (900, now, 1)],
                &[&format!("{lack}; 14m left"), &format!("unhealthy: {lack}")],
            );
        }
    }

    #[test]
    fn the_stated_share_is_enough() {
        let half = Health { verified: 1, neighbours: 2, ..WAS };

        check(WAS, &[(60, half, 1)], &["healthy, 5m to go"]);
    }

    #[test]
    fn a_node_that_had_nothing_before_has_nothing_to_show() {
        check(
            NOTHING,
            &[(10, NOTHING, 1), (310, NOTHING, 1)],
            &["healthy, 5m to go", "healthy for long enough"],
        );
    }

    #[test]
    fn a_slot_of_which_nothing_is_remembered_has_to_be_in_a_mesh() {
        let attested = Health { attested: true, ..NOTHING };
        let in_a_mesh = Health { verified: 1, neighbours: 1, ..attested };

        check(
            None,
            &[(10, NOTHING, 1), (20, attested, 1), (900, attested, 1)],
            &[
                "it is not attested, as it was before; 14m left",
                "no verified neighbour, where there were 1 before; 14m left",
                "unhealthy: no verified neighbour, where there were 1 before",
            ],
        );
        check(
            None,
            &[(60, in_a_mesh, 1), (360, in_a_mesh, 1)],
            &["healthy, 5m to go", "healthy for long enough"],
        );
    }

    #[test]
    fn a_break_begins_the_soak_anew() {
        check(
            WAS,
            &[(60, WAS, 1), (300, NOTHING, 1), (301, WAS, 1), (600, WAS, 1), (601, WAS, 1)],
            &[
                "healthy, 5m to go",
                "it is not attested, as it was before; 10m left",
                "healthy, 5m to go",
                "healthy, 1s to go",
                "healthy for long enough",
            ],
        );
    }

    #[test]
    fn a_slot_that_is_never_healthy_for_long_is_left_at_the_deadline() {
        check(
            WAS,
            &[(700, WAS, 1), (899, WAS, 1), (900, WAS, 1)],
            &["healthy, 5m to go", "healthy, 1m to go", "unhealthy: never healthy for long enough"],
        );
    }

    #[test]
    fn a_crash_loop_is_not_waited_out() {
        check(
            WAS,
            &[(60, WAS, 3), (61, WAS, 4)],
            &["healthy, 5m to go", "unhealthy: mesh-node was started 4 times since the boot"],
        );
    }
}
