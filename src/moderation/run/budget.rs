//! How many attempts may be retries, so that Tencent's bad minute is not made worse.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(10);

/// Retries that are always allowed in a window.
const LEAST: usize = 10;

/// Of a window's attempts, one in this many may be a retry.
const ONE_IN: usize = 10;

/// The attempts and retries of the last ten seconds. Bounded by the permits.
#[derive(Debug, Default)]
pub(in crate::moderation) struct RetryBudget(Mutex<Recent>);

#[derive(Debug, Default)]
struct Recent {
    attempts: VecDeque<Instant>,
    retries: VecDeque<Instant>,
}

impl RetryBudget {
    /// Counts an attempt that is about to be made.
    pub(super) fn count(&self) {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.forget();
        recent.attempts.push_back(Instant::now());
    }

    /// Takes a retry out of the budget, if there is one.
    pub(super) fn take(&self) -> bool {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.forget();
        let allowed = LEAST.max(recent.attempts.len() / ONE_IN);
        let granted = recent.retries.len() < allowed;
        if granted {
            recent.retries.push_back(Instant::now());
        }
        granted
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

    #[tokio::test(start_paused = true)]
    async fn retries_are_ten_or_a_tenth_of_the_attempts_in_any_ten_seconds() {
        let budget = RetryBudget::default();
        let taken = |budget: &RetryBudget| (0..1000).filter(|_| budget.take()).count();
        assert_eq!(taken(&budget), 10);
        for _ in 0..200 {
            budget.count();
        }
        assert_eq!(taken(&budget), 10, "twenty in all");
        tokio::time::advance(WINDOW).await;
        assert_eq!(taken(&budget), 10);
    }
}
