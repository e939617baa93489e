//! What is written where, and in which order: a disk that was not written to its end has no partition table, so that
//! nothing boots from it.

use std::ops::Range;

/// An image is read, written and compared in steps of this, a multiple of every erase block in use.
pub const STEP: u64 = 1 << 20;

/// How much may be written before it is made durable, so that progress is that of the medium and not of this machine's
/// memory.
pub const DURABLE_EVERY: u64 = 16 << 20;

/// The writes of one flash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Cleared first, and looked at before the table is written: where a partition table may be from before, and where
    /// the image has its own.
    pub cleared: Vec<Range<u64>>,
    /// Written next, in steps: everything but the partition table.
    pub body: Vec<Range<u64>>,
    /// Written last, after the body was read back: both copies of the partition table.
    pub table: Vec<Range<u64>>,
}

impl Plan {
    /// Plans how an image comes onto a disk that is at least as large.
    pub fn new(image: u64, disk: u64) -> Self {
        let mut body: Vec<_> = steps(image).collect();
        let mut table = Vec::new();
        // The second copy first: firmware takes the disk for good as soon as the first is there.
        if body.len() > 1 {
            table.extend(body.pop());
        }
        if !body.is_empty() {
            table.push(body.remove(0));
        }
        let tail = disk.saturating_sub(STEP).max(image)..disk;
        let cleared = table.iter().cloned().chain([tail]).filter(|it| !it.is_empty()).collect();
        Self { cleared, body, table }
    }
}

/// The steps in which an image is read.
pub fn steps(image: u64) -> impl Iterator<Item = Range<u64>> {
    let starts = (0..image.div_ceil(STEP)).map(|it| it * STEP);
    starts.map(move |start| start..image.min(start + STEP))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn table_is_written_last_and_its_first_copy_after_its_second() {
        let plan = Plan::new(4 * STEP, 8 * STEP);

        assert_eq!(plan.cleared, [3 * STEP..4 * STEP, 0..STEP, 7 * STEP..8 * STEP]);
        assert_eq!(plan.body, [STEP..2 * STEP, 2 * STEP..3 * STEP]);
        assert_eq!(plan.table, [3 * STEP..4 * STEP, 0..STEP]);
    }

    proptest! {
        #[test]
        fn every_byte_of_an_image_is_written_once(
            image in 0_u64..8 * STEP,
            more in 0_u64..4 * STEP,
        ) {
            let plan = Plan::new(image, image + more);

            let mut ranges = [&plan.body[..], &plan.table].concat();
            ranges.sort_by_key(|it| it.start);
            let mut end = 0;
            for range in ranges {
                prop_assert_eq!(range.start, end);
                prop_assert!(range.end > range.start && range.end - range.start <= STEP);
                end = range.end;
            }
            prop_assert_eq!(end, image);
            let is_cleared = |it: u64| plan.cleared.iter().any(|range| range.contains(&it));
            for range in &plan.table {
                prop_assert!(plan.cleared.contains(range));
            }
            prop_assert!(image + more == 0 || is_cleared(image + more - 1));
            prop_assert!(plan.cleared.iter().all(|it| it.end <= image + more));
        }
    }
}
