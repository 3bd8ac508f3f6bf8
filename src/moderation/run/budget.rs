//! How many calls of an API may be retries, so that Tencent's bad minute is not made worse.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::Api;

const WINDOW: Duration = Duration::from_secs(10);

/// Retries that are always allowed in a window.
const LEAST: usize = 10;

/// Of a window's attempts, one in this many may be a retry.
const ONE_IN: usize = 10;

/// The attempts and retries of the last ten seconds, by the word of their API. Bounded by the permits.
#[derive(Debug, Default)]
pub(in crate::moderation) struct RetryBudget(Mutex<HashMap<&'static str, Recent>>);

#[derive(Debug, Default)]
struct Recent {
    attempts: VecDeque<Instant>,
    retries: VecDeque<Instant>,
}

impl RetryBudget {
    /// Counts an attempt that is about to be made.
    pub(super) fn count(&self, api: &Api) {
        let mut all = self.lock();
        let recent = all.entry(api.word).or_default();
        recent.forget();
        recent.attempts.push_back(Instant::now());
    }

    /// Takes a retry out of the budget of `api`, if there is one.
    pub(super) fn take(&self, api: &Api) -> bool {
        let mut all = self.lock();
        let recent = all.entry(api.word).or_default();
        recent.forget();
        let allowed = LEAST.max(recent.attempts.len() / ONE_IN);
        let granted = recent.retries.len() < allowed;
        if granted {
            recent.retries.push_back(Instant::now());
        }
        granted
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<&'static str, Recent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recent {
    fn forget(&mut self) {
        let now = Instant::now();
        for times in [&mut self.attempts, &mut self.retries] {
            while times
                .front()
                .is_some_and(|time| now.duration_since(*time) >= WINDOW)
            {
                times.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{kick_login, kick_seat};

    #[tokio::test(start_paused = true)]
    async fn retries_are_ten_or_a_tenth_of_the_attempts_in_any_ten_seconds() {
        let budget = RetryBudget::default();
        let (api, other) = (kick_login::KIND.api, kick_seat::KIND.api);
        let taken = |budget: &RetryBudget| (0..1000).filter(|_| budget.take(api)).count();
        assert_eq!(taken(&budget), 10);
        for _ in 0..200 {
            budget.count(api);
        }
        assert_eq!(taken(&budget), 10, "twenty in all");
        assert!(budget.take(other), "each API has its own");
        tokio::time::advance(WINDOW).await;
        assert_eq!(taken(&budget), 10);
    }
}
