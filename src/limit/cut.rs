//! What Tencent's own throttling leaves of the permits: somebody else may be spending the same
//! limit.

use std::time::Duration;

use tokio::time::Instant;

/// The least that a cut leaves.
const LEAST: usize = 10;

/// At most one cut in this time: those that were under way together say the same thing.
const EVERY: Duration = Duration::from_secs(1);

/// All of it, in millionths.
const WHOLE: u64 = 1_000_000;

/// What grows back in a millisecond, in millionths: 5 % a second.
const REGROWTH: u64 = 50;

/// A cut, and when it was made. It is a part, and no number, because the lease changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// In millionths.
    left: u64,
    at: Instant,
}

impl Cut {
    /// Half of what `before` leaves of `permits`, but no less than ten permits.
    pub(super) fn half_of(before: Option<Self>, permits: usize, now: Instant) -> Self {
        let whole = before.map_or(WHOLE, |before| before.part(now));
        let least = LEAST as u64 * WHOLE / (permits.max(1) as u64);
        Self {
            left: (whole / 2).max(least).min(WHOLE),
            at: now,
        }
    }

    /// Whether it was made just now.
    pub(super) fn is_fresh(self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) < EVERY
    }

    /// Whether everything has grown back.
    pub(super) fn is_over(self, now: Instant) -> bool {
        self.part(now) == WHOLE
    }

    /// How many of `permits` may be used at `now`.
    pub(super) fn of(self, permits: usize, now: Instant) -> usize {
        let left = permits as u64 * self.part(now) / WHOLE;
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        left.max(permits.min(LEAST))
    }

    fn part(self, now: Instant) -> u64 {
        let millis = now.saturating_duration_since(self.at).as_millis();
        let regrown = u64::try_from(millis)
            .unwrap_or(u64::MAX)
            .saturating_mul(REGROWTH);
        self.left.saturating_add(regrown).min(WHOLE)
    }
}
