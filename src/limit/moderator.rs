//! Each moderator's own limit.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio_util::sync::CancellationToken;

use crate::domain::Moderator;

/// A keyed limiter over issuer and subject. Per process: the sum over replicas is a multiple of it.
#[derive(Debug)]
pub(super) struct ModeratorLimit {
    limiter: DefaultKeyedRateLimiter<(String, String)>,
    clock: DefaultClock,
}

impl ModeratorLimit {
    pub(super) fn new(requests_per_second: u32) -> Self {
        let quota =
            Quota::per_second(NonZeroU32::new(requests_per_second).unwrap_or(NonZeroU32::MIN));
        Self {
            limiter: RateLimiter::keyed(quota),
            clock: DefaultClock::default(),
        }
    }

    pub(super) fn check(&self, moderator: &Moderator) -> Result<(), Duration> {
        let key = (moderator.issuer.clone(), moderator.subject.clone());
        self.limiter
            .check_key(&key)
            .map_err(|refused| refused.wait_time_from(self.clock.now()))
    }

    /// Drops the moderators that are back at their full quota, so that memory is bounded by those
    /// who are active.
    pub(super) async fn forget_idle(&self, stop: &CancellationToken) {
        while stop
            .run_until_cancelled(tokio::time::sleep(Duration::from_mins(1)))
            .await
            .is_some()
        {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
    }
}
