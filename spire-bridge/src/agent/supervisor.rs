//! When the agent is started, asked to stop, made to stop and started again.
//!
//! Duties: keep one agent running while one is wanted; take over one that an earlier mesh-node left; back
//! off when it keeps failing; stop it in order. Prohibitions: never two agents on one data directory;
//! never KILL before TERM had its time.

use std::fmt;
use std::time::Duration;

use crate::{Uptime, doubling};

/// How long the agent has to leave after TERM. It flushes nothing that matters, but closes its streams.
const GRACE: Duration = Duration::from_secs(5);

/// The first wait after a failure; it doubles from there.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);

/// The longest wait. Nodes wait for a server that comes back; half of the 30 s they have to be back.
const LONGEST_BACKOFF: Duration = Duration::from_secs(15);

/// An agent that ran this long was healthy: the next failure starts from the first wait again.
const HEALTHY_AFTER: Duration = Duration::from_secs(120);

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It returned this status.
    Status(i32),
    /// This signal ended it.
    Signal(i32),
    /// It is gone; it was started by an earlier mesh-node, so nobody knows how.
    Unknown,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "exit status {status}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::Unknown => f.write_str("unknown end"),
        }
    }
}

/// Where the agent is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not running; it may start from this moment on.
    Down {
        /// The end of the wait.
        until: Uptime,
    },
    /// Running.
    Up {
        /// Its process id.
        pid: i32,
        /// When it was started or taken over.
        since: Uptime,
        /// Attestation failed; the agent itself tries again at this moment.
        retries_at: Option<Uptime>,
    },
    /// Asked to stop.
    Leaving {
        /// Its process id.
        pid: i32,
        /// When it was asked.
        since: Uptime,
        /// It did not leave in time and was made to.
        killed: bool,
    },
}

/// What is to be done about the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Start it.
    Start,
    /// Send TERM.
    Terminate {
        /// Its process id.
        pid: i32,
    },
    /// Send KILL.
    Kill {
        /// Its process id.
        pid: i32,
    },
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start spire-agent"),
            Self::Terminate { pid } => write!(f, "ask spire-agent ({pid}) to stop"),
            Self::Kill { pid } => write!(f, "kill spire-agent ({pid})"),
        }
    }
}

/// The agent's life so far, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supervisor {
    phase: Phase,
    failures: u32,
    starts: u64,
    last_exit: Option<Exit>,
}

impl Supervisor {
    /// An agent that was never seen.
    pub fn new() -> Self {
        let phase = Phase::Down { until: Uptime::default() };
        Self { phase, failures: 0, starts: 0, last_exit: None }
    }

    /// Returns where the agent is in its life.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Returns how often the agent was started by this mesh-node.
    pub fn starts(&self) -> u64 {
        self.starts
    }

    /// Returns how the last run ended.
    pub fn last_exit(&self) -> Option<Exit> {
        self.last_exit
    }

    /// Plans the next step towards a running or a stopped agent; none if it is there or on its way.
    pub fn plan(&self, wanted: bool, now: Uptime) -> Option<Command> {
        match (self.phase, wanted) {
            (Phase::Down { until }, true) => (now >= until).then_some(Command::Start),
            (Phase::Up { pid, .. }, false) => Some(Command::Terminate { pid }),
            (Phase::Leaving { pid, since, killed: false }, _) if now.since(since) >= GRACE => {
                Some(Command::Kill { pid })
            }
            _ => None,
        }
    }

    /// Notes that the agent runs: started now, or found running.
    pub fn started(&mut self, pid: i32, now: Uptime, origin: Origin) {
        self.phase = Phase::Up { pid, since: now, retries_at: None };
        self.starts += u64::from(origin == Origin::Ours);
    }

    /// Notes that it could not be started. `jitter` is a random number from 0 to 1.
    pub fn start_failed(&mut self, now: Uptime, jitter: f64) {
        self.back_off(now, jitter);
    }

    /// Notes that the agent ended. `jitter` is a random number from 0 to 1.
    pub fn exited(&mut self, exit: Exit, now: Uptime, jitter: f64) {
        self.last_exit = Some(exit);
        match self.phase {
            Phase::Leaving { .. } => {
                self.failures = 0;
                self.phase = Phase::Down { until: now };
            }
            Phase::Up { since, .. } => {
                if now.since(since) >= HEALTHY_AFTER {
                    self.failures = 0;
                }
                self.back_off(now, jitter);
            }
            Phase::Down { .. } => {}
        }
    }

    /// Notes that the agent failed to attest and will wait this long before it tries again.
    pub fn attestation_delayed(&mut self, wait: Duration, now: Uptime) {
        if let Phase::Up { retries_at, .. } = &mut self.phase {
            *retries_at = Some(now.after(wait));
        }
    }

    /// Notes that a command was carried out.
    pub fn told(&mut self, command: Command, now: Uptime) {
        match command {
            Command::Start => {}
            Command::Terminate { pid } => {
                self.phase = Phase::Leaving { pid, since: now, killed: false };
            }
            Command::Kill { pid } => {
                self.phase = Phase::Leaving { pid, since: now, killed: true };
            }
        }
    }

    fn back_off(&mut self, now: Uptime, jitter: f64) {
        let wait = doubling(FIRST_BACKOFF, LONGEST_BACKOFF, self.failures);
        // Half fixed, half random: a fleet that lost its server together does not return together.
        let wait = wait / 2 + (wait / 2).mul_f64(jitter.clamp(0.0, 1.0));
        self.failures = self.failures.saturating_add(1);
        self.phase = Phase::Down { until: now.after(wait) };
    }
}

impl Default for Supervisor {
    fn default() -> Self {
        Self::new()
    }
}

/// Who started the agent that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This mesh-node.
    Ours,
    /// A mesh-node that was killed before this one.
    Adopted,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Uptime {
        Uptime::from_boot(Duration::from_secs(seconds))
    }

    fn running(since: u64) -> Supervisor {
        let mut agent = Supervisor::new();
        agent.started(7, at(since), Origin::Ours);
        agent
    }

    #[test]
    fn an_agent_that_is_wanted_is_started_once() {
        let agent = Supervisor::new();

        assert_eq!(agent.plan(true, at(0)), Some(Command::Start));
        assert_eq!(running(0).plan(true, at(0)), None);
    }

    #[test]
    fn a_dead_agent_waits_longer_each_time() {
        let mut agent = Supervisor::new();
        let mut waits = Vec::new();
        let mut now = at(0);

        for _ in 0..6 {
            agent.started(7, now, Origin::Ours);
            agent.exited(Exit::Status(1), now, 1.0);
            let Phase::Down { until } = agent.phase() else { panic!("{agent:?}") };
            waits.push(until.since(now).as_secs());
            assert_eq!(agent.plan(true, now), None);
            assert_eq!(agent.plan(true, until), Some(Command::Start));
            now = until;
        }

        assert_eq!(waits, [1, 2, 4, 8, 15, 15]);
    }

    #[test]
    fn jitter_spreads_over_the_second_half_of_the_wait() {
        let mut agent = running(0);

        agent.exited(Exit::Signal(9), at(10), 0.0);

        assert_eq!(agent.phase(), Phase::Down { until: at(10).after(FIRST_BACKOFF / 2) });
    }

    #[test]
    fn a_long_run_forgives_earlier_failures() {
        let mut agent = Supervisor::new();
        for _ in 0..5 {
            agent.started(7, at(0), Origin::Ours);
            agent.exited(Exit::Status(1), at(0), 1.0);
        }
        agent.started(7, at(100), Origin::Ours);

        agent.exited(Exit::Signal(9), at(300), 1.0);

        assert_eq!(agent.phase(), Phase::Down { until: at(301) });
    }

    #[test]
    fn stopping_goes_by_term_then_grace_then_kill() {
        let mut agent = running(0);

        let asked = agent.plan(false, at(10)).unwrap();
        agent.told(asked, at(10));
        let patient = agent.plan(false, at(14));
        let made = agent.plan(false, at(15)).unwrap();
        agent.told(made, at(15));

        assert_eq!(asked, Command::Terminate { pid: 7 });
        assert_eq!(patient, None);
        assert_eq!(made, Command::Kill { pid: 7 });
        assert_eq!(agent.plan(false, at(99)), None, "killed once, not each round");
    }

    #[test]
    fn an_agent_that_was_told_to_leave_may_be_started_at_once() {
        let mut agent = running(0);
        agent.told(Command::Terminate { pid: 7 }, at(10));

        agent.exited(Exit::Signal(15), at(11), 1.0);

        assert_eq!(agent.plan(true, at(11)), Some(Command::Start));
    }

    #[test]
    fn an_adopted_agent_is_not_counted_as_started() {
        let mut agent = Supervisor::new();

        agent.started(7, at(0), Origin::Adopted);

        assert_eq!((agent.starts(), agent.plan(true, at(0))), (0, None));
    }
}
