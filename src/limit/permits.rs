//! The permits of one API: how many there are, and when each is free again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::cut::Cut;
use super::permit::{REST, Turn};

/// How the permits of one API are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Free to be taken.
    pub free: usize,
    /// Set aside for a turn or held by a call.
    pub in_use: usize,
    /// Resting for their second.
    pub resting: usize,
    /// Whether a permit has been free at any time since the start.
    pub granted: bool,
}

#[derive(Debug)]
pub(super) struct Permits {
    /// N.
    limit: usize,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    in_use: usize,
    /// When each resting permit is free again.
    resting: BinaryHeap<Reverse<Instant>>,
    granted: bool,
    cut: Option<Cut>,
}

impl State {
    /// How many permits there are, after a cut.
    fn capacity(&mut self, limit: usize, now: Instant) -> usize {
        let capacity = self.cut.map_or(limit, |cut| cut.capacity(limit, now));
        if capacity == limit {
            self.cut = None;
        }
        capacity
    }

    /// How many may be taken.
    fn free(&mut self, limit: usize, now: Instant) -> usize {
        self.wake_rested(now);
        let capacity = self.capacity(limit, now);
        capacity.saturating_sub(self.in_use + self.resting.len())
    }

    /// When another may be free: a permit has rested, or one has grown back.
    fn next_change(&self, now: Instant) -> Option<Instant> {
        let rested = self.resting.peek().map(|Reverse(until)| *until);
        let regrown = self.cut.map(|_| now + Duration::from_millis(100));
        [rested, regrown].into_iter().flatten().min()
    }

    fn wake_rested(&mut self, now: Instant) {
        while self
            .resting
            .peek()
            .is_some_and(|Reverse(until)| *until <= now)
        {
            self.resting.pop();
        }
    }
}

impl Permits {
    /// `limit` permits, all of which rest for `cold_start` first.
    pub(super) fn new(limit: usize, cold_start: Duration) -> Self {
        let until = Instant::now() + cold_start;
        let resting = if cold_start.is_zero() {
            BinaryHeap::new()
        } else {
            std::iter::repeat_n(Reverse(until), limit).collect()
        };
        let state = State {
            in_use: 0,
            resting,
            granted: false,
            cut: None,
        };
        Self {
            limit,
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    /// Waits for a free permit and sets it aside.
    pub(super) async fn reserve(self: &Arc<Self>) -> Turn {
        loop {
            let changed = self.changed.notified();
            match self.try_reserve() {
                Ok(turn) => return turn,
                Err(Some(next_change)) => {
                    tokio::select! {
                        () = changed => {}
                        () = tokio::time::sleep_until(next_change) => {}
                    }
                }
                Err(None) => changed.await,
            }
        }
    }

    fn try_reserve(self: &Arc<Self>) -> Result<Turn, Option<Instant>> {
        let now = Instant::now();
        let mut state = self.lock();
        if state.free(self.limit, now) > 0 {
            state.in_use += 1;
            state.granted = true;
            return Ok(Turn::new(Arc::clone(self)));
        }
        Err(state.next_change(now))
    }

    /// Halves what may be taken, unless that has just been done. What is left, if it was.
    pub(super) fn cut(&self) -> Option<usize> {
        let now = Instant::now();
        let mut state = self.lock();
        if state.cut.is_some_and(|cut| cut.is_fresh(now)) {
            return None;
        }
        let cut = Cut::half_of(state.capacity(self.limit, now), self.limit, now);
        state.cut = Some(cut);
        Some(cut.capacity(self.limit, now))
    }

    /// How long until the `nth` permit from now (from 1) is free, as far as can be foreseen: a
    /// permit in use is taken to come back a second from now, and each later one at the full rate.
    pub(super) fn expected_wait(&self, nth: usize) -> Duration {
        let now = Instant::now();
        let mut state = self.lock();
        let free = state.free(self.limit, now);
        let capacity = state.capacity(self.limit, now);
        // After a cut, more may be out than there are to come back to.
        let excess = (state.in_use + state.resting.len()).saturating_sub(capacity);
        let Some(beyond) = (nth + excess).checked_sub(free + 1) else {
            return Duration::ZERO;
        };
        if let Some(foreseen) = beyond.checked_sub(state.resting.len()) {
            let seconds = REST.as_secs_f64() * (1.0 + ratio(foreseen, capacity));
            let last = state.resting.iter().map(|Reverse(until)| *until).max();
            let rested = last.map_or(Duration::ZERO, |last| last.saturating_duration_since(now));
            return rested.max(Duration::from_secs_f64(seconds));
        }
        let mut times: Vec<Instant> = state.resting.iter().map(|Reverse(until)| *until).collect();
        drop(state);
        let (_, until, _) = times.select_nth_unstable(beyond);
        until.saturating_duration_since(now)
    }

    pub(super) fn counts(&self) -> Counts {
        let mut state = self.lock();
        let free = state.free(self.limit, Instant::now());
        let (in_use, resting) = (state.in_use, state.resting.len());
        Counts {
            free,
            in_use,
            resting,
            granted: state.granted || free > 0,
        }
    }

    /// Takes back a permit that was reserved, to rest for this long.
    pub(super) fn give_back(&self, rest: Option<Duration>) {
        let mut state = self.lock();
        state.in_use -= 1;
        if let Some(rest) = rest {
            state.resting.push(Reverse(Instant::now() + rest));
        }
        drop(state);
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change under the lock is a single step, so a panic elsewhere leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::cast_precision_loss, reason = "both are far below 2^52")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::super::ABANDON_GRACE;
    use super::super::permit::Permit;
    use super::*;

    fn permits(capacity: usize) -> Arc<Permits> {
        Arc::new(Permits::new(capacity, Duration::ZERO))
    }

    async fn time_to_reserve(permits: &Arc<Permits>) -> Duration {
        let before = Instant::now();
        let turn = permits.reserve().await;
        drop(turn);
        before.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_permit_comes_back_as_its_call_deserves() {
        let permits = permits(1);
        for (end, expected) in [
            (Permit::unused as fn(Permit), Duration::ZERO),
            (Permit::answered, REST),
            (Permit::abandoned, REST + ABANDON_GRACE),
            (drop, REST + ABANDON_GRACE),
        ] {
            end(permits.reserve().await.permit());
            assert_eq!(time_to_reserve(&permits).await, expected);
        }
        drop(permits.reserve().await);
        assert_eq!(time_to_reserve(&permits).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_halves_what_may_be_taken_and_grows_back() {
        let permits = permits(100);
        let free = |permits: &Permits| permits.counts().free;
        assert_eq!(
            (permits.cut(), permits.cut()),
            (Some(50), None),
            "once a second"
        );
        assert_eq!(free(&permits), 50);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(free(&permits), 55, "5 % of N a second");
        for _ in 0..5 {
            permits.cut();
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(free(&permits), 15, "never below ten");
        tokio::time::advance(Duration::from_secs(17)).await;
        assert_eq!(free(&permits), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cold_start_grants_nothing_for_a_second_and_the_grace() {
        let permits = Arc::new(Permits::new(3, super::super::COLD_START));
        assert!(!permits.counts().granted);
        assert_eq!(permits.expected_wait(3), super::super::COLD_START);
        assert_eq!(time_to_reserve(&permits).await, super::super::COLD_START);
        assert!(permits.counts().granted);
    }

    #[tokio::test(start_paused = true)]
    async fn the_expected_wait_is_the_time_of_the_nth_permit() {
        let permits = permits(2);
        permits.reserve().await.permit().answered();
        tokio::time::advance(Duration::from_millis(400)).await;
        permits.reserve().await.permit().answered();
        assert_eq!(permits.expected_wait(1), Duration::from_millis(601));
        assert_eq!(permits.expected_wait(2), REST);
        assert!(permits.expected_wait(3) >= REST);
        assert!(permits.expected_wait(9) > permits.expected_wait(5));
    }
}
