//! Why something with an image is not done, whose fault that is, and what would help.

use std::error::Error as StdError;
use std::fmt;

use image::io::slots::Fault;
use image::slot::{Slot, state};
use image::update::verify::Rot;
use image::update::{header, install};
use semver::Version;

use super::retry::Failure;
use crate::release::{self, Error as Release, Refusal as Refused};
use crate::trial::request::NotDone;

/// Why something is not done.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Somebody else is at it.
    #[error("{who} is at it: {doing}, {how_far}")]
    Busy {
        /// What they do.
        doing: Doing,
        /// Who.
        who: String,
        /// How far it is.
        how_far: String,
    },
    /// This machine does not run from a slot.
    #[error("no slots: {0}")]
    NoSlots(String),
    /// Nobody knows what this machine is.
    #[error("no update is for this processor")]
    NoArchitecture,
    /// The configuration names no repository.
    #[error("no repository is configured")]
    NoRepository,
    /// No root to start trusting from.
    #[error("no trusted root: neither {provisioned} nor {built_in} can be read")]
    NoRoot {
        /// Where provisioning puts one.
        provisioned: String,
        /// Where the image has one.
        built_in: String,
    },
    /// Unsigned files are not taken here.
    #[error("files without a signature are not taken")]
    UnsignedFilesOff,
    /// An older version is not taken from a repository.
    #[error(
        "an older version is taken from a file only: the signatures of a repository rule it out"
    )]
    OlderFromRepository,
    /// There is nothing newer.
    #[error("nothing to install: {0} is the newest for this router")]
    UpToDate(Version),
    /// The state of the slots does not allow it.
    #[error(transparent)]
    State(#[from] state::Refusal),
    /// The repository, or what it holds.
    #[error(transparent)]
    Release(#[from] Release),
    /// The same update was tried here, and it did not prove itself.
    #[error("version {version} failed here before: {why}")]
    FailedBefore {
        /// Which.
        version: Version,
        /// How it ended.
        why: String,
    },
    /// A slot cannot be read or written, or is not for this update.
    #[error(transparent)]
    Slot(#[from] Fault),
    /// An update file begins with something else.
    #[error(transparent)]
    Header(#[from] header::Fault),
    /// An update file ends too soon.
    #[error("an update file that ends too soon")]
    TooShort,
    /// The loop did not do what was asked of it.
    #[error(transparent)]
    NotDone(#[from] NotDone),
    /// A file cannot be read.
    #[error("{path}: {reason}")]
    File {
        /// Which.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// What is on a slot is not what was installed there.
    #[error("slot {slot} has rotted")]
    Rotten {
        /// Which.
        slot: Slot,
        /// Where.
        #[source]
        rot: Rot,
    },
    /// The one who asked has left.
    #[error("whoever asked for it has left")]
    Left,
    /// Somebody wanted it ended.
    #[error("it was cancelled")]
    Cancelled,
    /// There is nothing to be ended.
    #[error("nothing is being done with the slots")]
    Idle,
    /// The node itself stopped.
    #[error("the node stops")]
    Stopping,
    /// The hours cannot be kept.
    #[error("the clock is not trusted, so that the hours of [update] cannot be kept")]
    ClockNotTrusted,
}

/// What somebody is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Asking the repository.
    Fetch,
    /// Writing to a slot.
    Install,
    /// Reading a slot.
    Verify,
}

/// Whose fault it is; a script can tell by the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// Somebody else's turn: try again later.
    Busy,
    /// The configuration's.
    Configuration,
    /// The update's, or the state's: the same request will be refused again.
    Request,
    /// The repository's, or the way to it.
    Network,
    /// The medium's.
    Medium,
}

impl Doing {
    /// Returns the word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Install => "install",
            Self::Verify => "verify",
        }
    }
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Refusal {
    /// Returns whose fault it is.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Busy { .. } => Blame::Busy,
            Self::NoSlots(_)
            | Self::NoArchitecture
            | Self::NoRepository
            | Self::NoRoot { .. }
            | Self::UnsignedFilesOff
            | Self::NotDone(NotDone::NoSlots(_) | NotDone::DryRun)
            | Self::Release(Release::Scheme { .. }) => Blame::Configuration,
            Self::Release(Release::Unreachable { .. } | Release::Missing { .. }) => Blame::Network,
            Self::Release(Release::Refused(refused)) if refused.is_slow() => Blame::Network,
            Self::Slot(Fault::Install(install::Error::Refused(_) | install::Error::File(_))) => {
                Blame::Request
            }
            Self::Slot(_)
            | Self::Rotten { .. }
            | Self::File { .. }
            | Self::NotDone(NotDone::Medium(_))
            | Self::Release(Release::Local { .. }) => Blame::Medium,
            _ => Blame::Request,
        }
    }

    /// Returns whether another attempt may end better.
    pub fn failure(&self) -> Failure {
        match self {
            Self::Release(Release::Unreachable { .. } | Release::Missing { .. }) => {
                Failure::Unreachable
            }
            Self::Release(Release::Refused(refused)) if refused.is_slow() => Failure::Slow,
            Self::Release(Release::Refused(refused)) if is_other_update(refused) => {
                Failure::WrongBytes
            }
            Self::Slot(Fault::Install(install::Error::File(_)))
            | Self::Header(header::Fault::Digest) => Failure::WrongBytes,
            _ => Failure::Final,
        }
    }

    /// Tells whether the repository may have something else by now: it has moved on, or somebody wants a router to stay
    /// with what it has.
    pub fn asks_for_another(&self) -> bool {
        matches!(self, Self::Release(Release::Missing { .. })) || self.failure() == Failure::Slow
    }

    /// Returns what would help, where somebody here can do it.
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::Busy { .. } => "wait for it, or end it: mesh-node image cancel",
            Self::NoSlots(_) => "boot from an image with two slots",
            Self::NoRepository => "set `repository` in [update] of the configuration",
            Self::NoRoot { .. } => "provision the router with the repository's root.json",
            Self::UnsignedFilesOff => "set `unsigned_files = true` in [update] if you mean it",
            Self::FailedBefore { .. } => {
                "install another version, or this one all the same: `install --again`"
            }
            Self::OlderFromRepository => "give the file with --unsigned-file",
            Self::State(refusal) | Self::NotDone(NotDone::Refused(refusal)) => {
                return advice_on(refusal);
            }
            Self::Release(Release::Refused(refused)) => match **refused {
                Refused::Expired { .. } => "the release's publisher has to sign it anew",
                Refused::SlowRetrieval { .. } => {
                    "check the uplink; a lower `least_bandwidth` in [update] waits longer"
                }
                Refused::NotForThisBoard { .. } => "publish an update for this board",
                _ => return None,
            },
            Self::Release(Release::Unreachable { .. }) => {
                "check the uplink and `repository` in [update]; what was received is kept"
            }
            Self::Rotten { .. } => "install an update on it, or roll back to the other slot",
            Self::ClockNotTrusted => "set the clock, or install with --now",
            _ => return None,
        })
    }

    /// Writes it with all that is behind it.
    pub fn in_full(&self) -> String {
        let causes = std::iter::successors(self.source(), |cause| (**cause).source());
        causes.fold(self.to_string(), |text, cause| {
            let cause = cause.to_string();
            if text.contains(&cause) { text } else { format!("{text}: {cause}") }
        })
    }
}

fn is_other_update(refused: &Refused) -> bool {
    matches!(refused, Refused::MixAndMatch { role: release::Role::Update, .. })
}

fn advice_on(refusal: &state::Refusal) -> Option<&'static str> {
    Some(match refusal {
        state::Refusal::OnTrial(_) => {
            "wait for its judgement, or end the trial: mesh-node image confirm or rollback"
        }
        state::Refusal::NotOnTrial(_) => "nothing is to be confirmed",
        state::Refusal::NotInstalled(_) => "install an update first: mesh-node image install",
        state::Refusal::FailedBefore { .. } => {
            "try it all the same with `activate --again`, or install another update"
        }
        state::Refusal::NothingToGoBackTo(_) => "install an update on it: mesh-node image install",
        state::Refusal::RunningFailed(_) => "reboot: the other slot will start",
        state::Refusal::Unreadable { .. } => "see mesh-node image status",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use image::slot::trial::Reason;
    use image::update::Part;
    use image::update::installer;

    use super::*;

    fn unreachable() -> Refusal {
        Release::Unreachable { url: "http://x/".to_owned(), reason: "gone".to_owned() }.into()
    }

    fn slow() -> Refused {
        Refused::SlowMetadata { within: std::time::Duration::from_secs(600) }
    }

    #[test]
    fn what_may_pass_is_tried_again_and_what_will_not_is_not() {
        let wrong = installer::Fault::Chunk { part: Part::Root, chunk: 3 };
        let wrong = Refusal::Slot(Fault::Install(install::Error::File(wrong)));
        let mismatch = "another".to_owned();
        let other = Refused::MixAndMatch { role: release::Role::Update, mismatch };
        let rolled_back = Refused::Rollback { role: release::Role::Root, trusted: 2, offered: 1 };

        assert_eq!(unreachable().failure(), Failure::Unreachable);
        assert_eq!(wrong.failure(), Failure::WrongBytes);
        assert_eq!(Refusal::from(Release::from(other)).failure(), Failure::WrongBytes);
        assert_eq!(Refusal::from(Release::from(rolled_back)).failure(), Failure::Final);
        assert_eq!(Refusal::NoRepository.failure(), Failure::Final);
        assert_eq!(Refusal::from(Release::from(slow())).failure(), Failure::Slow);
    }

    #[test]
    fn each_fault_is_somebodys() {
        let older = installer::Refusal::Older {
            update: Version::new(1, 0, 0),
            running: Version::new(2, 0, 0),
        };
        let older = Refusal::Slot(Fault::Install(install::Error::Refused(older)));
        let rot = Rot { part: Part::Boot, chunk: 0 };

        assert_eq!(unreachable().blame(), Blame::Network);
        assert_eq!(Refusal::from(Release::from(slow())).blame(), Blame::Network);
        assert_eq!(older.blame(), Blame::Request);
        assert_eq!(Refusal::Rotten { slot: Slot::A, rot }.blame(), Blame::Medium);
        assert_eq!(Refusal::NoRepository.blame(), Blame::Configuration);
    }

    #[test]
    fn refusals_say_what_is_behind_them_once() {
        let rot = Rot { part: Part::Boot, chunk: 7 };
        let refusal = Refusal::Rotten { slot: Slot::B, rot };

        assert_eq!(
            refusal.in_full(),
            "slot b has rotted: chunk 7 of the Boot file system is not what was installed"
        );
    }

    #[test]
    fn refusals_of_the_slots_say_what_to_do() {
        let refusal = state::Refusal::FailedBefore { slot: Slot::B, reason: Reason::TriesUsedUp };

        let advice = Refusal::from(refusal).advice().unwrap();

        assert!(advice.contains("--again"), "{advice}");
    }
}
