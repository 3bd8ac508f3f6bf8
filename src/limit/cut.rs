//! What Tencent's own throttling leaves of N: somebody else may be spending the same limit.

use std::time::Duration;

use tokio::time::Instant;

/// The least that a cut leaves.
const LEAST: usize = 10;

/// At most one cut in this time: those that were under way together say the same thing.
const EVERY: Duration = Duration::from_secs(1);

/// Of N, that grows back each second, in percent.
const REGROWTH: u128 = 5;

/// A cut, and when it was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    to: usize,
    at: Instant,
}

impl Cut {
    /// Half of `capacity`, but no less than ten, and no more than `limit`.
    pub(super) fn half_of(capacity: usize, limit: usize, now: Instant) -> Self {
        Self {
            to: (capacity / 2).max(LEAST).min(limit),
            at: now,
        }
    }

    /// Whether it was made just now.
    pub(super) fn is_fresh(self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) < EVERY
    }

    /// How many permits there are at `now`.
    pub(super) fn capacity(self, limit: usize, now: Instant) -> usize {
        let millis = now.saturating_duration_since(self.at).as_millis();
        let regrown = millis * limit as u128 * REGROWTH / 100_000;
        self.to
            .saturating_add(usize::try_from(regrown).unwrap_or(limit))
            .min(limit)
    }
}
