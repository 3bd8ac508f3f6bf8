//! The way between a client and Tencent: latency, and stalls after which everything held arrives at
//! once.

use std::{
    ops::RangeInclusive,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

/// How long a call travels; each time is drawn evenly from its range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latency {
    /// From the read request to its arrival, which is when it is counted.
    pub before: RangeInclusive<Duration>,
    /// From the decision to the first byte of the answer.
    pub after: RangeInclusive<Duration>,
}

impl Default for Latency {
    /// None at all.
    fn default() -> Self {
        Self {
            before: Duration::ZERO..=Duration::ZERO,
            after: Duration::ZERO..=Duration::ZERO,
        }
    }
}

#[derive(Debug)]
pub(super) struct Network {
    latency: Mutex<Latency>,
    stalled_until: watch::Sender<Instant>,
}

impl Network {
    pub(super) fn new() -> Self {
        Self {
            latency: Mutex::default(),
            stalled_until: watch::Sender::new(Instant::now()),
        }
    }

    pub(super) fn set_latency(&self, latency: Latency) {
        *self.latency.lock().unwrap_or_else(PoisonError::into_inner) = latency;
    }

    /// Holds everything from now on for `duration`, in place of any stall under way.
    pub(super) fn stall(&self, duration: Duration) {
        self.stalled_until.send_replace(Instant::now() + duration);
    }

    pub(super) async fn carry_request(&self) {
        let range = self
            .latency
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .before
            .clone();
        self.carry(&range).await;
    }

    pub(super) async fn carry_answer(&self) {
        let range = self
            .latency
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .after
            .clone();
        self.carry(&range).await;
    }

    async fn carry(&self, range: &RangeInclusive<Duration>) {
        let latency = draw(range);
        if !latency.is_zero() {
            sleep(latency).await;
        }
        let mut stall = self.stalled_until.subscribe();
        loop {
            let until = *stall.borrow_and_update();
            if Instant::now() >= until {
                return;
            }
            tokio::select! {
                () = sleep_until(until) => {}
                // The sender lives as long as `self`, so this never fails while anyone waits.
                _ = stall.changed() => {}
            }
        }
    }
}

fn draw(range: &RangeInclusive<Duration>) -> Duration {
    if range.start() >= range.end() {
        return *range.start();
    }
    rand::random_range(range.clone())
}
