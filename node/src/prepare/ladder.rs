//! How the data file system is brought up, whatever state it is in: check, mount, repair, write anew, do without.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Check the file system and mend what is safe to mend; a clean one costs nothing.
    Check,
    /// Check all of it and mend it at any price.
    Repair,
    /// Mount it.
    Mount,
    /// Mount it on a medium that takes no writes.
    MountReadOnly,
    /// Write the empty file system of the image over it.
    Format,
    /// Mount memory in its place.
    MountMemory,
}

/// How a step came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As hoped.
    Done,
    /// Not so, and that says something about the file system.
    Failed(String),
    /// It could not even be tried, which says nothing about the file system.
    Unable(String),
}

/// What is mounted in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Data {
    /// The file system as it was left.
    Sound,
    /// The file system, after something in it was mended; files may be gone.
    Repaired,
    /// An empty file system.
    New,
    /// The file system, on a medium that takes no writes.
    ReadOnly,
    /// Memory: what is written is gone with the next boot.
    Volatile,
}

/// The medium as it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// There is no data partition.
    Missing,
    /// It takes no writes.
    ReadOnly,
    /// It is as it should be.
    Writable,
    /// A person wants all of it gone.
    ToErase,
}

/// Where on the ladder a boot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    step: Step,
    /// What is mounted once mounting succeeds.
    data: Data,
}

impl Ladder {
    /// Stands at the first rung.
    pub fn at(medium: Medium) -> Self {
        let (step, data) = match medium {
            Medium::Missing => (Step::MountMemory, Data::Volatile),
            Medium::ReadOnly => (Step::MountReadOnly, Data::ReadOnly),
            Medium::Writable => (Step::Check, Data::Sound),
            Medium::ToErase => (Step::Format, Data::New),
        };
        Self { step, data }
    }

    /// Returns what to try.
    pub fn step(self) -> Step {
        self.step
    }

    /// Climbs: what to try next, or what is mounted.
    pub fn climb(self, outcome: &Outcome) -> Result<Self, Data> {
        use Outcome::{Done, Failed, Unable};
        let to = |step, data| Ok(Self { step, data });
        match (self.step, outcome) {
            (Step::Mount | Step::MountReadOnly, Done) => Err(self.data),
            (Step::MountMemory, _) => Err(Data::Volatile),
            (Step::Check, Done | Unable(_)) => to(Step::Mount, Data::Sound),
            (Step::Check, Failed(_)) => to(Step::Repair, Data::Repaired),
            (Step::Repair, Done) => to(Step::Mount, Data::Repaired),
            (Step::Repair, Failed(_)) => to(Step::Format, Data::New),
            // Nobody has found the file system hopeless: what is in it may yet be read.
            (Step::Repair, Unable(_)) => to(Step::MountReadOnly, Data::ReadOnly),
            (Step::Format, Done) => to(Step::Mount, Data::New),
            (Step::Mount, Failed(_)) if self.data == Data::Sound => {
                to(Step::Repair, Data::Repaired)
            }
            (Step::Mount, Failed(_)) if self.data == Data::Repaired => to(Step::Format, Data::New),
            // A kernel that cannot mount it now may yet be replaced by one that can: nothing is erased.
            (Step::Mount | Step::MountReadOnly | Step::Format, Failed(_) | Unable(_)) => {
                to(Step::MountMemory, Data::Volatile)
            }
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Check => "check the data file system",
            Self::Repair => "repair the data file system",
            Self::Mount => "mount the data file system",
            Self::MountReadOnly => "mount the data file system read-only",
            Self::Format => "write a new data file system",
            Self::MountMemory => "use memory in place of the data file system",
        })
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sound => "the data file system is sound",
            Self::Repaired => "the data file system was repaired at this boot",
            Self::New => "the data file system was written anew at this boot",
            Self::ReadOnly => "the data file system takes no writes",
            Self::Volatile => "there is no data file system: changes are lost with the next boot",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Failure = (Step, fn(String) -> Outcome);

    /// Lets the named steps fail and tells the way up.
    fn check(medium: Medium, failing: &[Failure], way: &[Step], end: Data) {
        let mut ladder = Ladder::at(medium);
        let mut went = Vec::new();

        let reached = loop {
            let step = ladder.step();
            went.push(step);
            assert!(went.len() < 10, "{went:?}");
            let failure = failing.iter().find(|(failing, _)| *failing == step);
            let outcome = failure.map_or(Outcome::Done, |(_, how)| how("broken".to_owned()));
            match ladder.climb(&outcome) {
                Ok(next) => ladder = next,
                Err(data) => break data,
            }
        };

        assert_eq!((went.as_slice(), reached), (way, end), "{failing:?}");
    }

    #[test]
    fn every_medium_ends_in_something_mounted() {
        use Outcome::{Failed, Unable};
        use Step::{Check, Format, Mount, MountMemory, MountReadOnly, Repair};

        check(Medium::Writable, &[], &[Check, Mount], Data::Sound);
        check(Medium::Writable, &[(Check, Failed)], &[Check, Repair, Mount], Data::Repaired);
        check(
            Medium::Writable,
            &[(Check, Failed), (Repair, Failed)],
            &[Check, Repair, Format, Mount],
            Data::New,
        );
        check(
            Medium::Writable,
            &[(Mount, Failed)],
            &[Check, Mount, Repair, Mount, Format, Mount, MountMemory],
            Data::Volatile,
        );
        check(
            Medium::Writable,
            &[(Check, Failed), (Repair, Failed), (Format, Failed)],
            &[Check, Repair, Format, MountMemory],
            Data::Volatile,
        );
        check(Medium::Missing, &[], &[MountMemory], Data::Volatile);
        check(Medium::ReadOnly, &[], &[MountReadOnly], Data::ReadOnly);
        check(
            Medium::ReadOnly,
            &[(MountReadOnly, Failed)],
            &[MountReadOnly, MountMemory],
            Data::Volatile,
        );
        check(Medium::ToErase, &[], &[Format, Mount], Data::New);
        check(Medium::Writable, &[(Check, Unable)], &[Check, Mount], Data::Sound);
    }

    #[test]
    fn a_repair_that_cannot_be_done_erases_nothing() {
        use Outcome::{Failed, Unable};
        use Step::{Check, Mount, MountMemory, MountReadOnly, Repair};

        check(
            Medium::Writable,
            &[(Check, Failed), (Repair, Unable)],
            &[Check, Repair, MountReadOnly],
            Data::ReadOnly,
        );
        check(
            Medium::Writable,
            &[(Check, Unable), (Repair, Unable), (Mount, Failed), (MountReadOnly, Failed)],
            &[Check, Mount, Repair, MountReadOnly, MountMemory],
            Data::Volatile,
        );
    }

    #[test]
    fn a_kernel_that_knows_no_such_file_system_erases_nothing() {
        check(
            Medium::Writable,
            &[(Step::Mount, Outcome::Unable)],
            &[Step::Check, Step::Mount, Step::MountMemory],
            Data::Volatile,
        );
    }
}
