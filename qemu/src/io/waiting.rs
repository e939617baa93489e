//! Looks again and again until something is so, and says what it is waiting for.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::progress::tell;
use crate::patience::{Next, Patience, Seen};

/// Pause between two looks: short beside a boot, long beside what a look costs the guest.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// Waits until `look` has seen `what`. A look that fails counts as not seen.
///
/// # Errors
/// If it has not been seen within the limit; the error holds what was last seen.
pub(super) fn until<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> anyhow::Result<Seen<T>>,
) -> anyhow::Result<T> {
    let start = Instant::now();
    let mut patience = Patience::new(limit);
    loop {
        let last = match look() {
            Ok(Seen::Yes(value)) if start.elapsed() <= limit => return Ok(value),
            Ok(Seen::Yes(_)) => format!("it, but only after {:?}", start.elapsed()),
            Ok(Seen::NotYet(last)) => last,
            Err(error) => format!("{error:#}"),
        };
        match patience.next(start.elapsed()) {
            Next::LookAgain => {}
            Next::Report => {
                tell(format_args!("waiting for {what}: {} s", start.elapsed().as_secs()));
            }
            Next::GiveUp => bail!("waited {limit:?} for {what}; last seen: {last}"),
        }
        thread::sleep(BETWEEN_LOOKS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_is_returned_even_after_failed_looks() {
        let mut looks = 0;

        let seen = until("the second look", Duration::from_secs(60), || {
            looks += 1;
            if looks == 1 { bail!("nothing there") } else { Ok(Seen::Yes(looks)) }
        });

        assert_eq!(seen.unwrap(), 2);
    }

    #[test]
    fn giving_up_tells_what_was_last_seen() {
        let error = until::<()>("a miracle", Duration::ZERO, || Ok(Seen::NotYet("rain".into())));

        assert_eq!(error.unwrap_err().to_string(), "waited 0ns for a miracle; last seen: rain");
    }
}
