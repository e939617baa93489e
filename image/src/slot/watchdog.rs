//! The watchdogs that the chooser arms before it starts a kernel, and for how long.
//!
//! With a time to wait and no watchdog that it knows, it starts nothing at all.

use std::time::Duration;

use crate::Architecture;

/// A watchdog that chooser and kernel both have a driver for.
struct Known {
    /// What the kernel's driver calls it, in `/sys/class/watchdog/*/identity`.
    identity: &'static str,
    /// The longest that the chooser's driver can have it wait.
    longest: Duration,
}

/// Of EFI Boot Guard 0.22's `drivers/watchdog/`, those whose driver here finds the same device by the same number: one
/// that the chooser arms and the kernel does not pet would end every trial.
const KNOWN: &[Known] = &[
    // PCI 8086:25ab in i6300esb.c of both. The chooser's counts 20 bits of about a millisecond; it locks the watchdog,
    // so that nothing but a reset stops it, and the kernel's driver takes it over with a time of its own.
    Known { identity: "i6300ESB timer", longest: Duration::from_secs(1000) },
];

/// Returns the longest that the chooser can have a machine's watchdog wait: zero where it knows none, as all its
/// builds for ARM.
pub fn longest(architecture: Architecture, identity: Option<&str>) -> Duration {
    let known = KNOWN.iter().find(|it| Some(it.identity) == identity);
    match architecture {
        Architecture::X86_64 => known.map_or(Duration::ZERO, |it| it.longest),
        Architecture::Aarch64 | Architecture::Armv7 => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(architecture: Architecture, identity: Option<&str>, expected: u64) {
        let found = longest(architecture, identity);

        assert_eq!(found, Duration::from_secs(expected), "{architecture} {identity:?}");
    }

    #[test]
    fn chooser_arms_what_it_knows_and_nothing_else() {
        check(Architecture::X86_64, Some("i6300ESB timer"), 1000);
        check(Architecture::X86_64, Some("Software Watchdog"), 0);
        check(Architecture::X86_64, None, 0);
        check(Architecture::Aarch64, Some("i6300ESB timer"), 0);
        check(Architecture::Armv7, Some("i6300ESB timer"), 0);
    }
}
