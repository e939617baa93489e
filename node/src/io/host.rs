//! What this machine and this process are.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustls::crypto::aws_lc_rs;

use super::places;

/// CAP_NET_ADMIN (include/uapi/linux/capability.h).
const CAP_NET_ADMIN: u32 = 12;

/// Returns the host name, or `node` where there is none.
pub fn name() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "node".to_owned())
}

/// Tells whether this process may change the network.
pub fn may_change_the_network() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let bits = effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    bits.is_some_and(|bits| bits & (1 << CAP_NET_ADMIN) != 0)
}

/// Asks init to start the machine anew, in order (busybox init, `init/init.c`).
pub fn restart() {
    if let Err(error) = kill(Pid::from_raw(1), Signal::SIGTERM) {
        tracing::error!(%error, "init cannot be asked to start the machine anew");
    }
}

/// Counts this start of mesh-node and returns how many there were in this boot.
pub fn count_start() -> u32 {
    let starts = fs::read_to_string(places::STARTS).ok();
    let starts = starts.and_then(|text| text.trim().parse::<u32>().ok()).unwrap_or(0);
    let starts = starts.saturating_add(1);
    let counted = fs::create_dir_all(places::RUNTIME)
        .and_then(|()| fs::write(places::STARTS, starts.to_string()));
    if let Err(error) = counted {
        tracing::debug!(%error, "starts are not counted");
    }
    starts
}

/// Returns a random number.
pub fn random() -> u64 {
    let mut bytes = [0; 8];
    // The operating system's generator does not fail once it has been seeded at boot.
    let _ = aws_lc_rs::default_provider().secure_random.fill(&mut bytes);
    u64::from_ne_bytes(bytes)
}

/// Returns a random number from 0 to 1.
pub fn jitter() -> f64 {
    f64::from(u32::try_from(random() >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}
