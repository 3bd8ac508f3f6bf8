//! When an attempt must have been sent, and how long its answer is waited for.

use std::time::Duration;

use tokio::time::Instant;

/// The end of one attempt's time: that of its action, or the attempt's own time-out if that is sooner.
/// Nothing is sent after it, and whoever waits for the answer gives up.
#[derive(Clone, Copy, Debug)]
pub struct CallDeadline(Instant);

impl CallDeadline {
    /// Of an attempt that begins now, may take `timeout`, and belongs to an action that must have ended by
    /// `action`.
    pub(super) fn of(action: Instant, timeout: Duration) -> Self {
        Self(action.min(Instant::now() + timeout))
    }

    /// The moment.
    pub const fn at(self) -> Instant {
        self.0
    }

    /// Whether it has passed.
    pub(super) fn has_passed(self) -> bool {
        Instant::now() >= self.0
    }
}
