//! How soon the node looks: at once, unless it has just looked again and again.

use std::time::Duration;

use heapless::Deque;
use spire_bridge::Uptime;

/// So many looks within the time of [`BUSY`] come as soon as there is a reason.
const AT_ONCE: usize = 5;

/// Each look reads all tables, and other programs and neighbours can give reasons without end.
const BUSY: Duration = Duration::from_secs(2);

/// Further looks come this far apart: a change of gateways must be seen within a second.
const APART: Duration = Duration::from_millis(250);

/// The last looks.
#[derive(Debug, Default)]
pub(super) struct Pace(Deque<Uptime, AT_ONCE>);

impl Pace {
    /// Returns how long to wait before the next look, where a burst of changes deserves `burst`, and notes that look.
    pub(super) fn wait(&mut self, burst: Duration, now: Uptime) -> Duration {
        let is_busy = self.0.is_full() && self.0.front().is_some_and(|it| now.since(*it) < BUSY);
        let wait = if is_busy { burst.max(APART) } else { burst };
        if self.0.is_full() {
            self.0.pop_front();
        }
        // There is room: the oldest has just gone.
        let _ = self.0.push_back(now.after(wait));
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BURST: Duration = Duration::from_millis(50);

    /// Looks whenever it may, for there is always a reason, and counts the looks of ten seconds.
    fn looks(pace: &mut Pace) -> usize {
        let (mut now, mut looks) = (Duration::from_secs(100), 0);
        while now < Duration::from_secs(110) {
            now += pace.wait(BURST, Uptime::from_boot(now));
            looks += 1;
        }
        looks
    }

    #[test]
    fn reasons_without_end_are_looked_at_four_times_a_second() {
        let mut pace = Pace::default();

        assert_eq!(looks(&mut pace), AT_ONCE + 39);
    }

    #[test]
    fn ticks_of_a_second_do_not_slow_what_comes_between_them() {
        let mut pace = Pace::default();
        let at = |millis| Uptime::from_boot(Duration::from_millis(millis));
        (1..=9).for_each(|second| {
            pace.wait(BURST, at(second * 1000));
        });

        assert_eq!(pace.wait(BURST, at(9500)), BURST);
    }
}
