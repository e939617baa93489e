//! Whether an update was tried on this router before, and what became of it.

use image::slot::Environment;
use image::slot::state::Seen;
use image::slot::trial::Phase;
use image::update::Header;

use super::refusal::Refusal;
use crate::trial::record::{Outcome, Record};

/// Refuses what failed here: installed anew it would be tried anew, and nobody by themselves goes twice between the
/// same two slots.
///
/// The other slot knows its last image by its hash; the record remembers earlier ones by their version.
///
/// # Errors
/// [`Refusal::FailedBefore`], which a person may overrule.
pub fn check(seen: &Seen, record: &Record, header: &Header) -> Result<(), Refusal> {
    let version = &header.facts().version;
    let other = seen.environment(seen.running.other()).as_ref().ok();
    let in_slot = other.and_then(Environment::trial).filter(|it| it.image == header.image());
    let in_slot = in_slot.and_then(|trial| match trial.phase {
        Phase::Failed(reason) => Some(reason.to_string()),
        _ => None,
    });
    match in_slot.or_else(|| remembered(record, &version.to_string())) {
        Some(why) => Err(Refusal::FailedBefore { version: version.clone(), why }),
        None => Ok(()),
    }
}

/// Why the last trial of a version failed, if it did.
fn remembered(record: &Record, version: &str) -> Option<String> {
    let mut verdicts = record.verdicts.iter().rev();
    let last = verdicts.find(|it| it.version.as_deref() == Some(version))?;
    match last.outcome {
        Outcome::Unhealthy | Outcome::Crashed | Outcome::RolledBack => Some(last.reason.clone()),
        Outcome::Committed | Outcome::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::judgement::Health;
    use crate::trial::record::Trial;

    /// What is remembered of a version whose trials ended so.
    fn record(version: &str, outcomes: &[Outcome]) -> Record {
        let mut record = Record::default();
        for outcome in outcomes {
            let to = ("b".to_owned(), Some(version.to_owned()));
            let from = ("a".to_owned(), "1.0.0".to_owned());
            record.trial = Some(Trial::new(to, from, Health::default(), 1));
            record.judge(*outcome, outcome.word().to_owned(), None, 2);
        }
        record
    }

    #[test]
    fn the_last_verdict_on_a_version_counts() {
        use Outcome::{Committed, Crashed, RolledBack, Unhealthy, Unknown};
        for (outcomes, expected) in [
            (&[][..], None),
            (&[Unhealthy], Some("unhealthy")),
            (&[Crashed], Some("crashed")),
            (&[RolledBack], Some("rolled back")),
            (&[Unhealthy, Committed], None),
            (&[Committed, Crashed], Some("crashed")),
            (&[Unknown], None),
        ] {
            let why = remembered(&record("1.1.0", outcomes), "1.1.0");

            assert_eq!(why.as_deref(), expected, "{outcomes:?}");
        }
    }

    #[test]
    fn another_versions_failure_says_nothing() {
        assert_eq!(remembered(&record("1.1.0", &[Outcome::Crashed]), "1.1.1"), None);
    }
}
