//! The two clocks.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;
use spire_bridge::Uptime;
use spire_bridge::identity::WallTime;

/// Returns the time since boot, including sleep.
pub fn uptime() -> Uptime {
    Uptime::from_boot(read(ClockId::CLOCK_BOOTTIME))
}

/// Returns the wall clock's time.
pub fn wall() -> WallTime {
    WallTime::from_unix(read(ClockId::CLOCK_REALTIME).as_secs())
}

/// Both clocks exist on every Linux since 2.6.39; one that cannot be read stands at zero.
fn read(clock: ClockId) -> Duration {
    clock_gettime(clock).map(Duration::from).unwrap_or_default()
}

/// The wall clock, for certificate checks.
#[derive(Debug)]
pub struct SystemClock;

impl TimeProvider for SystemClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(wall().into())
    }
}
