//! How the node stands, as an update is judged by it.

use spire_bridge::agent::Phase;

use super::judgement::Health;
use crate::config::Config;
use crate::data::DataSeen;
use crate::knowledge::Knowledge;
use crate::neighbours::{Trust, table};
use crate::observation::Observation;

/// Counts what a new slot has to have again.
pub fn health(config: &Config, knowledge: &Knowledge, seen: &Observation) -> Health {
    let neighbours = table(config, knowledge, seen);
    let is_verified = |trust: &Trust| matches!(trust, Trust::Verified { .. });
    let verified = neighbours.iter().filter(|neighbour| is_verified(&neighbour.trust)).count();
    let agent_runs = matches!(knowledge.agent.phase(), Phase::Up { .. });
    Health {
        attested: agent_runs && seen.can_prove_itself(),
        verified: u32::try_from(verified).unwrap_or(u32::MAX),
        neighbours: u32::try_from(neighbours.len()).unwrap_or(u32::MAX),
        keeps_data: seen.data.is_some_and(DataSeen::keeps),
    }
}

#[cfg(test)]
mod tests {
    use spire_bridge::agent::Exit;

    use super::*;
    use crate::data::Room;
    use crate::prepare::ladder::Data;
    use crate::samples::{SOUND, at, config, hello, identity, knowledge, opened, seen};

    fn check(knowledge: &Knowledge, seen: &Observation, expected: (bool, u32, u32)) {
        let found = health(&config(), knowledge, seen);

        assert_eq!((found.attested, found.verified, found.neighbours), expected);
    }

    #[test]
    fn a_neighbour_counts_and_a_verified_one_twice() {
        let mut knowledge = knowledge();
        check(&knowledge, &seen(), (false, 0, 1));

        let attested = Observation { identity: identity(), ..seen() };
        check(&knowledge, &attested, (true, 0, 1));
        knowledge.peers.learn(hello(true), at(1));
        knowledge.peers.learn(opened(), at(1));

        check(&knowledge, &attested, (true, 1, 1));
    }

    #[test]
    fn an_identity_without_an_agent_is_not_attested_again() {
        let mut knowledge = knowledge();
        knowledge.agent.exited(Exit::Signal(9), at(1), 0.0);

        check(&knowledge, &Observation { identity: identity(), ..seen() }, (false, 0, 1));
    }

    #[test]
    fn data_counts_where_it_takes_writes() {
        for (data, expected) in [
            (None, false),
            (Some(SOUND), true),
            (Some(DataSeen { boot: Data::Repaired, ..SOUND }), true),
            (Some(DataSeen { boot: Data::Volatile, ..SOUND }), false),
            (Some(DataSeen { boot: Data::ReadOnly, room: Room::ReadOnly, ..SOUND }), false),
            (Some(DataSeen { room: Room::ReadOnly, ..SOUND }), false),
            (Some(DataSeen { room: Room::Full, ..SOUND }), false),
        ] {
            let found = health(&config(), &knowledge(), &Observation { data, ..seen() });

            assert_eq!(found.keeps_data, expected, "{data:?}");
        }
    }
}
