//! From when on a process that starts may use permits.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::Instant;

use super::IN_A_HURRY;

/// The start of this process, as far as its limits are concerned.
#[derive(Debug)]
pub(in super::super) struct Start {
    /// The end of the cold start.
    cold_until: Instant,
    /// From when on permits are granted: known once the database has answered.
    granting_from: OnceLock<Instant>,
}

impl Start {
    /// Of a process that began at `began_at`.
    pub(in super::super) fn new(began_at: Instant, cold_start: Duration) -> Self {
        Self {
            cold_until: began_at + cold_start,
            granting_from: OnceLock::new(),
        }
    }

    /// The end of the cold start, unless it is ended before.
    pub(in super::super) const fn cold_until(&self) -> Instant {
        self.cold_until
    }

    /// Whether permits are granted to whoever needs them. It stays so.
    pub(in super::super) fn is_over(&self, now: Instant) -> bool {
        self.granting_from.get().is_some_and(|from| *from <= now)
    }

    /// When to ask the database next whether the cold start can be ended, where it was last asked at
    /// `asked_at`; `None` when that is known.
    pub(in super::super) fn asks_at(
        &self,
        now: Instant,
        asked_at: Option<Instant>,
    ) -> Option<Instant> {
        let known = self.granting_from.get().is_some();
        (!known).then(|| asked_at.map_or(now, |at| at + IN_A_HURRY))
    }

    /// The database has answered: whether nothing of before can be under way. Whether the cold start is
    /// over now that would not be yet.
    pub(in super::super) fn is_answered(&self, now: Instant, nothing_is_under_way: bool) -> bool {
        let cold = now < self.cold_until;
        if !cold || nothing_is_under_way {
            // It is set here alone.
            let _ = self.granting_from.set(now);
        }
        cold && nothing_is_under_way
    }
}
