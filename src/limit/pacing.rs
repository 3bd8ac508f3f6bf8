//! Calls leave one after the other, not in a burst.

use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Calls that may leave back to back; the rest are one part of a second apart.
const BURST: NonZeroU32 = NonZeroU32::new(5).expect("five is not zero");

/// For smoothness only: a mistake here delays a call or lets it go early; it never breaks the limit.
#[derive(Debug, Default)]
pub(super) struct Pacing {
    limiter: Option<(NonZeroU32, DefaultDirectRateLimiter)>,
}

impl Pacing {
    /// Waits until the next may leave, when `per_second` may in a second. Nothing is lost if it is not waited for to the end.
    pub(super) async fn next(&mut self, per_second: usize) {
        let per_second = u32::try_from(per_second).unwrap_or(u32::MAX);
        let per_second = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
        let (_, limiter) = match self.limiter.take() {
            Some((same, limiter)) if same == per_second => self.limiter.insert((same, limiter)),
            // A new one begins with its whole burst; those that just left have had theirs.
            Some(_) => self.limiter.insert((per_second, spent(per_second))),
            None => self.limiter.insert((per_second, limiter(per_second))),
        };
        limiter.until_ready().await;
    }
}

fn limiter(per_second: NonZeroU32) -> DefaultDirectRateLimiter {
    RateLimiter::direct(Quota::per_second(per_second).allow_burst(BURST.min(per_second)))
}

fn spent(per_second: NonZeroU32) -> DefaultDirectRateLimiter {
    let limiter = limiter(per_second);
    while limiter.check().is_ok() {}
    limiter
}
