use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use spire_bridge::SpiffeId;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::PATIENCE;
use super::held::Held;
use crate::io::clock::uptime;
use crate::measuring::air::{Air, Busy};
use crate::proto::session::word::About;
use crate::proto::session::{Answer, Beat, Claim, Release, Word};

/// As much of a reason as fits a line.
const LONGEST_REASON: usize = 80;

/// Why a measurement cannot have the air.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAir {
    /// This node does not have it to give.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// A neighbour keeps it.
    #[error("{by} does not keep still: {why}")]
    Kept {
        /// The neighbour.
        by: SpiffeId,
        /// In its words.
        why: String,
    },
    /// A neighbour gave no answer.
    #[error("{0} does not answer whether it keeps still")]
    Silent(SpiffeId),
}

/// The air around this node: its own, and that of every neighbour with whom there is a session.
#[derive(Clone, Default)]
pub struct Neighbourhood {
    held: Arc<Held>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    air: Air,
    last: u64,
    /// The claims that wait for an answer, and whose it is.
    claims: BTreeMap<u64, (SpiffeId, oneshot::Sender<String>)>,
}

/// The neighbourhood keeps still for as long as this is held.
pub struct Quiet {
    air: Neighbourhood,
}

impl Drop for Quiet {
    fn drop(&mut self) {
        self.air.state().air.give_back();
        for (_, words) in self.air.held.neighbours().into_values() {
            // Where it cannot be said, the claim ends by itself.
            let _ = words.try_send(word(About::Release(Release {})));
        }
    }
}

impl Neighbourhood {
    pub(super) fn new(held: Arc<Held>) -> Self {
        Self { held, state: Arc::default() }
    }

    /// Asks every neighbour to keep still for a time.
    ///
    /// # Errors
    /// With whoever does not; those that would are told that it is over.
    pub async fn quiet(&self, time: Duration) -> Result<Quiet, NoAir> {
        self.state().air.take(time, uptime())?;
        // From here on dropping it gives everything back.
        let quiet = Quiet { air: self.clone() };
        let until = Instant::now() + PATIENCE;
        let mut answers = Vec::new();
        for (who, words) in self.held.neighbours().into_values() {
            let (number, answer) = self.expect(&who);
            let milliseconds = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
            let is_said = words.try_send(word(About::Claim(Claim { number, milliseconds })));
            if is_said.is_err() {
                // What could not be said will not be answered.
                self.state().claims.remove(&number);
            }
            answers.push((who, number, answer));
        }
        let numbers: Vec<_> = answers.iter().map(|(_, number, _)| *number).collect();
        let mut outcome = Ok(quiet);
        for (who, _, answer) in answers {
            match timeout_at(until, answer).await {
                Ok(Ok(why)) if why.is_empty() => {}
                Ok(Ok(why)) => outcome = Err(NoAir::Kept { by: who, why }),
                Ok(Err(_)) | Err(_) => outcome = Err(NoAir::Silent(who)),
            }
            if outcome.is_err() {
                break;
            }
        }
        self.state().claims.retain(|number, _| !numbers.contains(number));
        outcome
    }

    /// Takes in what a neighbour says and returns what to answer.
    pub(super) fn hear(&self, from: &SpiffeId, word: Word) -> Option<Beat> {
        let mut state = self.state();
        match word.about? {
            About::Claim(Claim { number, milliseconds }) => {
                let time = Duration::from_millis(milliseconds.into());
                let claimed = state.air.claim(from, time, uptime());
                let busy = claimed.err().map(|busy| busy.to_string()).unwrap_or_default();
                let word = self::word(About::Answer(Answer { number, busy }));
                return Some(Beat { word: Some(word), ..Beat::default() });
            }
            About::Answer(Answer { number, busy }) => {
                let is_asked = state.claims.get(&number).is_some_and(|(who, _)| who == from);
                if let Some((_, answer)) = is_asked.then(|| state.claims.remove(&number)).flatten()
                {
                    let clean = busy.chars().filter(|c| !c.is_control());
                    // Whoever asked may have given up.
                    let _ = answer.send(clean.take(LONGEST_REASON).collect());
                }
            }
            About::Release(Release {}) => state.air.release(from),
        }
        None
    }

    fn expect(&self, who: &SpiffeId) -> (u64, oneshot::Receiver<String>) {
        let (answer, to_answer) = oneshot::channel();
        let mut state = self.state();
        state.last += 1;
        let number = state.last;
        state.claims.insert(number, (who.clone(), answer));
        (number, to_answer)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn word(about: About) -> Word {
    Word { about: Some(about) }
}

#[cfg(test)]
mod tests {
    use super::super::held::Strings;
    use super::*;

    const TIME: Duration = Duration::from_secs(10);

    fn node(name: &str) -> SpiffeId {
        SpiffeId::new(format!("spiffe://x0tta6bl4.mesh/node/{name}")).unwrap()
    }

    fn alone() -> Neighbourhood {
        Neighbourhood::default()
    }

    /// Carries words between two nodes until one of them is gone.
    async fn carry(own: SpiffeId, mut from: Strings, to: Neighbourhood, back: Neighbourhood) {
        let other = node("bravo");
        while let Some(word) = from.words.recv().await {
            let answer = to.hear(&own, word).and_then(|beat| beat.word);
            if let Some(answer) = answer {
                back.hear(&other, answer);
            }
        }
    }

    fn joined() -> (Neighbourhood, Neighbourhood) {
        let (alpha, bravo) = (alone(), alone());
        let (_, words) = alpha.held.hold(node("bravo"));
        tokio::spawn(carry(node("alpha"), words, bravo.clone(), alpha.clone()));
        (alpha, bravo)
    }

    #[tokio::test]
    async fn neighbour_keeps_still_until_the_measurement_is_over() {
        let (alpha, bravo) = joined();

        let quiet = alpha.quiet(TIME).await.unwrap();

        assert_eq!(bravo.quiet(TIME).await.err(), Some(NoAir::Busy(Busy::Given(node("alpha")))));
        assert_eq!(alpha.quiet(TIME).await.err(), Some(NoAir::Busy(Busy::Here)));
        drop(quiet);
        while bravo.quiet(TIME).await.is_err() {
            tokio::task::yield_now().await;
        }
        alpha.quiet(TIME).await.unwrap();
    }

    #[tokio::test]
    async fn neighbour_that_measures_itself_says_so() {
        let (alpha, bravo) = joined();
        let theirs = bravo.quiet(TIME).await.unwrap();

        let refused = alpha.quiet(TIME).await.err();

        let why = "a measurement is going on here".to_owned();
        assert_eq!(refused, Some(NoAir::Kept { by: node("bravo"), why }));
        drop(theirs);
        alpha.quiet(TIME).await.unwrap();
    }

    #[tokio::test]
    async fn neighbour_that_does_not_answer_is_not_measured_beside() {
        let alpha = alone();
        let (_, words) = alpha.held.hold(node("bravo"));
        drop(words);

        let refused = alpha.quiet(TIME).await.err();

        assert_eq!(refused, Some(NoAir::Silent(node("bravo"))));
        assert!(alpha.state().claims.is_empty(), "nothing is waited for any more");
        assert_eq!(alpha.state().air.take(TIME, uptime()), Ok(()), "its own is given back");
    }

    #[test]
    fn answer_of_somebody_else_is_none() {
        let alpha = alone();
        let (number, mut answer) = alpha.expect(&node("bravo"));

        let forged = word(About::Answer(Answer { number, busy: String::new() }));
        alpha.hear(&node("mallory"), forged.clone());

        assert!(answer.try_recv().is_err());
        alpha.hear(&node("bravo"), forged);
        assert_eq!(answer.try_recv().unwrap(), "");
    }
}
