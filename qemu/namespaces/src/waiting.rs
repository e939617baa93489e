//! Waiting for a condition, within a limit.

use std::time::{Duration, Instant};

use anyhow::bail;

/// Between two looks the machine, which has one processor, is left to the nodes.
const MOMENT: Duration = Duration::from_millis(50);

/// Waits until a look says nothing is missing, and returns how long it took.
///
/// # Errors
/// What was missing at the end of the limit, or what kept it from looking.
pub(crate) async fn until(
    limit: Duration,
    mut missing: impl FnMut() -> anyhow::Result<Option<String>>,
) -> anyhow::Result<Duration> {
    let since = Instant::now();
    loop {
        let seen = missing()?;
        let taken = since.elapsed();
        match seen {
            None => return Ok(taken),
            Some(what) if taken > limit => bail!("after {:.1} s: {what}", taken.as_secs_f32()),
            Some(_) => tokio::time::sleep(MOMENT).await,
        }
    }
}
