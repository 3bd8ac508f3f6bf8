//! Each moderator's own limit.

use std::convert::Infallible;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::RateLimiter;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::{DashMapStateStore, ShrinkableKeyedStateStore};
use tokio_util::sync::CancellationToken;

use super::quota::Quota;
use crate::domain::Moderator;

/// A keyed limiter over issuer and subject. Per process: the sum over replicas is a multiple of it.
#[derive(Debug)]
pub(super) struct ModeratorLimit {
    limiter: RateLimiter<Question, Moderators, DefaultClock, StateInformationMiddleware>,
    clock: DefaultClock,
    requests_per_second: NonZeroU32,
}

/// What governor takes for the key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Question {
    moderator: (String, String),
    /// Whether it is a request, which counts, or only a look at what is left.
    counts: bool,
}

impl Question {
    fn about(moderator: &Moderator, counts: bool) -> Self {
        Self {
            moderator: (moderator.issuer.clone(), moderator.subject.clone()),
            counts,
        }
    }
}

/// The state of each moderator. governor cannot look without taking; but it leaves the keeping of
/// what it has worked out to its store, and this one keeps it only if it counts.
#[derive(Debug, Default)]
struct Moderators(DashMapStateStore<(String, String)>);

impl StateStore for Moderators {
    type Key = Question;

    fn measure_and_replace<T, F, E>(&self, question: &Question, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        if question.counts {
            return self.0.measure_and_replace(&question.moderator, measure);
        }
        // Nothing is replaced after an error.
        let look = |state| Err(measure(state).map(|(seen, _)| seen));
        let Err(seen) = self
            .0
            .measure_and_replace::<Infallible, _, _>(&question.moderator, look);
        seen
    }
}

impl ShrinkableKeyedStateStore<Question> for Moderators {
    fn retain_recent(&self, drop_below: Nanos) {
        self.0.retain_recent(drop_below);
    }

    fn shrink_to_fit(&self) {
        self.0.shrink_to_fit();
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl ModeratorLimit {
    pub(super) fn new(requests_per_second: u32) -> Self {
        let requests_per_second = NonZeroU32::new(requests_per_second).unwrap_or(NonZeroU32::MIN);
        let clock = DefaultClock::default();
        Self {
            limiter: RateLimiter::new(
                governor::Quota::per_second(requests_per_second),
                Moderators::default(),
                clock.clone(),
            ),
            clock,
            requests_per_second,
        }
    }

    pub(super) fn check(&self, moderator: &Moderator) -> Result<(), Duration> {
        self.limiter
            .check_key(&Question::about(moderator, true))
            .map(|_left| ())
            .map_err(|refused| refused.wait_time_from(self.clock.now()))
    }

    /// What is left, without taking from it.
    pub(super) fn quota(&self, moderator: &Moderator) -> Quota {
        let seen = self.limiter.check_key(&Question::about(moderator, false));
        let (remaining, reset) = match seen {
            // What would be left after a request, and that request.
            Ok(left) => (left.remaining_burst_capacity() + 1, Duration::ZERO),
            Err(refused) => (0, refused.wait_time_from(self.clock.now())),
        };
        Quota {
            limit: self.requests_per_second.get(),
            remaining,
            reset,
        }
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

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use chrono::DateTime;

    use super::*;

    /// Someone whom only the name tells from others.
    pub(in super::super) fn moderator(subject: &str) -> Moderator {
        Moderator {
            issuer: "issuer".to_owned(),
            subject: subject.to_owned(),
            name: None,
            token_id: None,
            client_id: None,
            actor: None,
            scopes: BTreeSet::new(),
            expires_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn only_those_who_asked_for_something_lately_are_remembered() {
        let limit = ModeratorLimit::new(1);
        let [alice, bob] = ["alice", "bob"].map(moderator);
        assert_eq!(limit.check(&alice), Ok(()));
        assert_eq!(limit.quota(&bob).remaining, 1);
        limit.limiter.retain_recent();
        assert_eq!(limit.limiter.len(), 1, "alice, for two seconds");
        assert!(!limit.limiter.is_empty());
        assert_eq!(limit.quota(&alice).remaining, 0);
    }
}
