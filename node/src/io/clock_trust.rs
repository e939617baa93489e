//! Whether the wall clock knows the time of day, or only how long the router has been up.

use std::fs;
use std::sync::LazyLock;
use std::time::Duration;

use spire_bridge::identity::WallTime;

use super::clock::{uptime, wall};
use super::prepare;
use crate::clock_floor;
use crate::install::window::Clock;

/// What a clock with a battery says, in seconds since 1970.
const BATTERY_CLOCK: &str = "/sys/class/rtc/rtc0/since_epoch";

/// Two clocks that agree so far show the same time: the kernel copies whole seconds.
const AGREES: Duration = Duration::from_secs(120);

/// The floor of this boot, for a node that is started again in it: by then the time has been written down anew.
const FLOOR_OF_BOOT: &str = "/run/mesh-node/clock-floor";

/// The moment that the boot raised a clock without a battery to. Asked first when the node starts, before it writes
/// down the time.
static FLOOR: LazyLock<WallTime> = LazyLock::new(|| {
    let kept = fs::read_to_string(FLOOR_OF_BOOT).ok();
    kept.and_then(|text| clock_floor::read(&text)).unwrap_or_else(|| {
        let floor = clock_floor::floor(prepare::known()).at;
        // Without it the clock is doubted for longer than it has to be.
        let _ = fs::write(FLOOR_OF_BOOT, floor.unix().to_string());
        floor
    })
});

/// Looks at the wall clock.
pub fn clock() -> Clock {
    let wall = wall();
    let battery = fs::read_to_string(BATTERY_CLOCK).ok();
    let battery = battery.and_then(|text| clock_floor::read(&text));
    let apart = |other: WallTime| Duration::from_secs(other.unix().abs_diff(wall.unix()));
    let is_kept = battery.is_some_and(|battery| apart(battery) <= AGREES);
    let raised_to = (!is_kept).then_some(*FLOOR);
    Clock::judge(wall, raised_to, uptime().since_boot())
}
