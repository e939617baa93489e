//! The least that a server must send while a router waits for it: one that trickles would hold it up for ever.
//!
//! Only waiting counts. A router that reads slowly, for its bandwidth, its hours or its flash, finds the bytes there
//! when it comes for them.

use std::time::Duration;

use crate::config::Rate;

/// What a server must reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floor {
    /// How much it must send, on average.
    pub least: Rate,
    /// Over this much waiting.
    pub window: Duration,
}

/// How long a server was waited for, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    floor: Floor,
    waited: Duration,
    came: u64,
}

/// A server below the floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slow {
    /// Bytes that came.
    pub came: u64,
    /// While they were waited for.
    pub waited: Duration,
    /// What was asked for.
    pub least: Rate,
}

impl Waiting {
    /// Begins with a file.
    pub const fn new(floor: Floor) -> Self {
        Self { floor, waited: Duration::ZERO, came: 0 }
    }

    /// Notes how long the next bytes were waited for.
    ///
    /// # Errors
    /// [`Slow`] when a window is over and too little has come in it.
    pub fn took(&mut self, waited: Duration, bytes: u64) -> Result<(), Slow> {
        self.waited = self.waited.saturating_add(waited);
        self.came = self.came.saturating_add(bytes);
        if self.waited < self.floor.window {
            return Ok(());
        }
        let Self { floor: Floor { least, .. }, waited, came } = *self;
        *self = Self::new(self.floor);
        if least.time_for(came) < waited { Err(Slow { came, waited, least }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// 8 kbit: a thousand bytes a second.
    fn waiting() -> Waiting {
        let least = Rate::from_kbit(8).unwrap();
        Waiting::new(Floor { least, window: 60 * SECOND })
    }

    #[test]
    fn server_that_trickles_is_found_out_when_the_window_is_over() {
        let mut waiting = waiting();
        for _ in 1..60 {
            waiting.took(SECOND, 999).unwrap();
        }

        let slow = waiting.took(SECOND, 999).unwrap_err();

        assert_eq!((slow.came, slow.waited), (60 * 999, 60 * SECOND));
    }

    #[test]
    fn server_at_the_floor_is_left_alone() {
        let mut waiting = waiting();

        for _ in 0..3_600 {
            waiting.took(SECOND, 1_000).unwrap();
        }
    }

    #[test]
    fn burst_pays_for_a_pause_in_its_own_window_only() {
        let mut waiting = waiting();
        waiting.took(SECOND, 60_000).unwrap();

        waiting.took(59 * SECOND, 0).unwrap();

        assert!(waiting.took(60 * SECOND, 59_999).is_err());
    }

    #[test]
    fn what_is_there_when_it_is_asked_for_is_never_slow() {
        let mut waiting = waiting();

        for _ in 0..1_000_000 {
            waiting.took(Duration::ZERO, 1).unwrap();
        }
    }
}
