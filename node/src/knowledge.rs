//! What the node remembers from one look to the next. Memory that events fill has a fixed capacity.

pub mod fights;
pub mod told;

use std::time::Duration;

use batman::{Held, Seen, Step};
use heapless::Deque;
use spire_bridge::agent::Supervisor;
use spire_bridge::{Uptime, doubling};

use crate::analyze::Finding;
use crate::measuring::Measuring;
use crate::peers::Peers;
use crate::plan::Action;
use fights::Fights;
use told::Told;

/// How many past actions are kept: a few hours of an unlucky node.
const EPISODES: usize = 64;

/// How many different actions may be failing at a time; a node has a handful of interfaces.
const STRUGGLES: usize = 32;

/// Over this time the nodes of a fleet tell their agents that the server is back.
const NUDGES_SPREAD: Duration = Duration::from_secs(4);

/// The waits before a failed action is tried again.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Something that was done, and how it went.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// When.
    pub at: Uptime,
    /// What was done.
    pub action: String,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

#[derive(Debug)]
struct Struggle {
    action: Action,
    failures: u32,
    /// Why it failed the last time, and whether it had failed so before.
    error: String,
    is_same: bool,
    not_before: Uptime,
}

/// Everything that is remembered.
#[derive(Debug, Default)]
pub struct Knowledge {
    /// The agent's life.
    pub agent: Supervisor,
    /// The peers on our links.
    pub peers: Peers,
    /// Who changes back what is repaired.
    pub fights: Fights,
    /// Which links were in the mesh.
    pub held: Held,
    /// What was measured, and when.
    pub measuring: Measuring,
    /// What the mesh has told of itself.
    pub told: Told,
    /// What was not as it should be at the last look.
    pub findings: Vec<Finding>,
    /// From when on a waiting agent may be told that the server is back: once for each return.
    pub nudge_from: Option<Uptime>,
    server_answers: Option<bool>,
    episodes: Deque<Episode, EPISODES>,
    struggles: heapless::Vec<Struggle, STRUGGLES>,
}

impl Knowledge {
    /// Goes through what was done, oldest first.
    pub fn episodes(&self) -> impl Iterator<Item = &Episode> {
        self.episodes.iter()
    }

    /// Notes whether the server answers. `jitter` is a random number from 0 to 1: a fleet that lost its
    /// server together does not run up to it together.
    pub fn server(&mut self, answers: Option<bool>, jitter: f64, now: Uptime) {
        let is_back = answers == Some(true) && self.server_answers == Some(false);
        self.server_answers = answers;
        if is_back {
            self.nudge_from = Some(now.after(NUDGES_SPREAD.mul_f64(jitter.clamp(0.0, 1.0))));
        }
    }

    /// Tells whether an action that has failed before must still wait.
    pub fn must_wait(&self, action: &Action, now: Uptime) -> bool {
        self.struggles
            .iter()
            .any(|struggle| struggle.action == *action && now < struggle.not_before)
    }

    /// Tells whether an action fails as it did before: nobody needs to be told twice.
    pub fn fails_again(&self, action: &Action) -> bool {
        self.struggles.iter().any(|struggle| struggle.action == *action && struggle.is_same)
    }

    /// Notes how an action went. Of a step that the kernel took, to a mesh that was as seen `before`,
    /// [`Knowledge::verified`] tells how it went; it is a round of the fight with whoever undoes it, be it
    /// undone before the next look or after.
    pub fn done(
        &mut self,
        action: &Action,
        outcome: Result<(), String>,
        before: Option<&Seen>,
        now: Uptime,
    ) {
        match (action, &outcome, before) {
            (Action::Mesh(step), Ok(()), Some(before)) if self.fights.is_repair(step, before) => {
                self.fights.repaired(step, before, now);
            }
            (Action::Mesh(_), Ok(()), _) => {}
            _ => self.note(action, outcome, now),
        }
    }

    /// Notes whether a step that the kernel took had its effect, by what was found after it, and returns why
    /// not if it had none.
    pub fn verified(
        &mut self,
        step: &Step,
        findings: &[Finding],
        now: Uptime,
    ) -> Result<(), String> {
        let outcome = findings.iter().find_map(|finding| match finding {
            Finding::MeshDiffers(left) | Finding::Contested(left) if left == step => {
                Some(Err("the kernel accepted it without effect".to_owned()))
            }
            Finding::MeshUnreadable(error) => Some(Err(format!("its effect is unknown: {error}"))),
            _ => None,
        });
        let outcome = outcome.unwrap_or(Ok(()));
        let action = Action::Mesh(step.clone());
        self.note(&action, outcome.clone(), now);
        if findings.contains(&Finding::Contested(step.clone())) {
            // It waits for the end of the quiet while, and counts from nothing then.
            self.struggles.retain(|struggle| struggle.action != action);
        }
        outcome
    }

    fn note(&mut self, action: &Action, outcome: Result<(), String>, now: Uptime) {
        match &outcome {
            Ok(()) => self.struggles.retain(|struggle| struggle.action != *action),
            // The supervisor keeps the agent's waits itself.
            Err(_) if matches!(action, Action::Agent(_)) => {}
            Err(error) => self.struggle(action, error, now),
        }
        if action.is_worth_remembering() && !self.fails_again(action) {
            if self.episodes.is_full() {
                self.episodes.pop_front();
            }
            let episode = Episode { at: now, action: action.to_string(), error: outcome.err() };
            // There is room: the oldest has just gone.
            let _ = self.episodes.push_back(episode);
        }
    }

    /// Takes over what was found now and returns what is new and what is over.
    pub fn compare(&mut self, findings: Vec<Finding>) -> Changes {
        let old = std::mem::replace(&mut self.findings, findings);
        let begun = self.findings.iter().filter(|finding| !old.contains(finding)).cloned();
        let begun = begun.collect();
        let over = old.into_iter().filter(|finding| !self.findings.contains(finding)).collect();
        Changes { begun, over }
    }

    fn struggle(&mut self, action: &Action, error: &str, now: Uptime) {
        let wait = |failures| now.after(doubling(FIRST_WAIT, LONGEST_WAIT, failures));
        if let Some(known) = self.struggles.iter_mut().find(|known| known.action == *action) {
            known.failures = known.failures.saturating_add(1);
            known.is_same = known.error == error;
            error.clone_into(&mut known.error);
            known.not_before = wait(known.failures);
            return;
        }
        if self.struggles.is_full() {
            self.struggles.remove(0);
        }
        let first = Struggle {
            action: action.clone(),
            failures: 0,
            error: error.to_owned(),
            is_same: false,
            not_before: wait(0),
        };
        // There is room: one has just gone if there was none.
        let _ = self.struggles.push(first);
    }
}

/// What has changed between two looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// Not as it should be, since now.
    pub begun: Vec<Finding>,
    /// As it should be again.
    pub over: Vec<Finding>,
}

#[cfg(test)]
mod tests {
    use batman::IfIndex;

    use super::*;
    use crate::analyze::analyze;
    use crate::observation::Observation;
    use crate::plan::plan;
    use crate::samples::{at, config, knowledge, mesh, seen};

    /// Looks every second and tells when the mesh was changed, by a kernel that takes every step and does nothing.
    fn tries_without_effect(knowledge: &mut Knowledge, torn: &Seen, seconds: u64) -> Vec<u64> {
        let before = Some(torn);
        let seen = Observation { mesh: Ok(torn.clone()), ..seen() };
        let mut tries = Vec::new();
        for second in 0..seconds {
            let findings = analyze(&config(), knowledge, &seen, at(second));
            for action in plan(knowledge, &findings, at(second)) {
                let Action::Mesh(step) = &action else { continue };
                knowledge.done(&action, Ok(()), before, at(second));
                let findings = analyze(&config(), knowledge, &seen, at(second));
                knowledge.verified(step, &findings, at(second)).unwrap_err();
                tries.push(second);
            }
        }
        tries
    }

    fn detached() -> Seen {
        let mut seen = mesh();
        seen.links[0].master = None;
        seen
    }

    #[test]
    fn a_step_without_effect_waits_longer_each_time_and_is_left_for_a_while() {
        let mut knowledge = knowledge();
        knowledge.fights.looked(&detached());

        let tries = tries_without_effect(&mut knowledge, &detached(), 325);

        assert_eq!(tries, [0, 1, 3, 7, 15, 315, 316, 318, 322]);
        let errors = knowledge.episodes().filter_map(|episode| episode.error.as_deref());
        assert_eq!(errors.collect::<Vec<_>>(), ["the kernel accepted it without effect"; 2]);
    }

    #[test]
    fn a_step_without_effect_waits_up_to_a_minute_where_nobody_saw_what_was_before() {
        let mut knowledge = knowledge();
        let step = Step::SetUp { link: "eth1".parse().unwrap() };
        let action = Action::Mesh(step.clone());
        let left = [Finding::MeshDiffers(step.clone())];
        let mut tries = Vec::new();

        for second in 0..190 {
            if !knowledge.must_wait(&action, at(second)) {
                knowledge.done(&action, Ok(()), None, at(second));
                knowledge.verified(&step, &left, at(second)).unwrap_err();
                tries.push(second);
            }
        }

        assert_eq!(tries, [0, 1, 3, 7, 15, 31, 63, 123, 183]);
    }

    #[test]
    fn whoever_attaches_a_link_again_and_again_has_it_for_a_while() {
        let mut knowledge = knowledge();
        let mut foreign = mesh();
        let mut extra = foreign.links[0].clone();
        (extra.name, extra.index) = ("wlan0".parse().unwrap(), IfIndex(4));
        foreign.links.push(extra);
        let detach = Step::Detach { link: "wlan0".parse().unwrap(), mesh: "bat0".parse().unwrap() };
        let before = Observation { mesh: Ok(foreign.clone()), ..seen() };
        knowledge.fights.looked(&foreign);

        for second in 0..5 {
            let findings = analyze(&config(), &knowledge, &before, at(second));
            assert!(findings.contains(&Finding::MeshDiffers(detach.clone())), "round {second}");
            knowledge.done(&Action::Mesh(detach.clone()), Ok(()), Some(&foreign), at(second));
            // A link that is not in the mesh and not wanted there is not seen.
            let after = analyze(&config(), &knowledge, &seen(), at(second));
            knowledge.verified(&detach, &after, at(second)).unwrap();
        }

        let findings = analyze(&config(), &knowledge, &before, at(5));
        assert!(findings.contains(&Finding::Contested(detach)), "{findings:?}");
    }

    #[test]
    fn a_step_that_had_its_effect_owes_nothing() {
        let mut knowledge = knowledge();
        let step = Step::SetUp { link: "eth1".parse().unwrap() };
        let action = Action::Mesh(step.clone());
        knowledge.done(&action, Err("busy".into()), None, at(0));
        knowledge.done(&action, Ok(()), None, at(1));
        assert!(knowledge.must_wait(&action, at(0)), "nobody has looked");

        knowledge.verified(&step, &[], at(1)).unwrap();

        assert!(!knowledge.must_wait(&action, at(0)));
        assert_eq!(knowledge.episodes().last().unwrap().error, None);
    }

    #[test]
    fn a_step_before_an_unreadable_mesh_had_no_known_effect() {
        let mut knowledge = knowledge();
        let step = Step::SetUp { link: "eth1".parse().unwrap() };

        let outcome = knowledge.verified(&step, &[Finding::MeshUnreadable("busy".into())], at(0));

        assert_eq!(outcome.unwrap_err(), "its effect is unknown: busy");
    }

    #[test]
    fn an_action_that_fails_waits_longer_each_time() {
        let mut knowledge = Knowledge::default();
        let mut waits = Vec::new();

        for _ in 0..8 {
            knowledge.done(&Action::WipeJoinToken, Err("read-only".into()), None, at(0));
            let wait = (0..100).find(|s| !knowledge.must_wait(&Action::WipeJoinToken, at(*s)));
            waits.push(wait.unwrap());
        }

        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn failure_is_told_again_only_where_its_reason_is_another() {
        let mut knowledge = Knowledge::default();
        let mut told = Vec::new();

        for error in ["read-only", "read-only", "busy", "busy"] {
            knowledge.done(&Action::WipeJoinToken, Err(error.into()), None, at(0));
            told.push(!knowledge.fails_again(&Action::WipeJoinToken));
        }

        assert_eq!(told, [true, false, true, false]);
        let errors = knowledge.episodes().filter_map(|episode| episode.error.as_deref());
        assert_eq!(errors.collect::<Vec<_>>(), ["read-only", "busy"]);
    }

    #[test]
    fn an_action_that_succeeds_owes_nothing() {
        let mut knowledge = Knowledge::default();
        knowledge.done(&Action::WipeJoinToken, Err("read-only".into()), None, at(0));

        knowledge.done(&Action::WipeJoinToken, Ok(()), None, at(1));

        assert!(!knowledge.must_wait(&Action::WipeJoinToken, at(1)));
    }

    #[test]
    fn history_is_bounded_and_keeps_the_newest() {
        let mut knowledge = Knowledge::default();

        for second in 0..200 {
            knowledge.done(&Action::WipeJoinToken, Ok(()), None, at(second));
        }

        let times: Vec<_> = knowledge.episodes().map(|episode| episode.at).collect();
        assert_eq!((times.len(), times[0], times[63]), (64, at(136), at(199)));
    }

    #[test]
    fn a_finding_is_told_when_it_begins_and_when_it_ends() {
        let mut knowledge = Knowledge::default();
        let silent = Finding::AgentDown { last_exit: None };

        let first = knowledge.compare(vec![silent.clone()]);
        let second = knowledge.compare(vec![silent.clone()]);
        let third = knowledge.compare(vec![]);

        assert_eq!(first, Changes { begun: vec![silent.clone()], over: vec![] });
        assert_eq!(second, Changes { begun: vec![], over: vec![] });
        assert_eq!(third, Changes { begun: vec![], over: vec![silent] });
    }
}
