//! What is left of a limit, for those who ask.

use std::time::Duration;

/// What is left of a limit at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests in a second.
    pub limit: u32,
    /// How many would be let through now.
    pub remaining: u32,
    /// When there is more, if nothing remains; zero if something does.
    pub reset: Duration,
}

#[cfg(test)]
pub(super) mod tests {
    use futures_util::future::poll_immediate;
    use sqlx::postgres::PgPoolOptions;
    use tokio::time::Instant;

    use super::super::moderator::tests::moderator;
    use super::super::{Leases, Limiter, Settings};
    use super::*;
    use crate::kinds::{kick_login, kick_seat};

    pub(in crate::limit) fn limiter(cold_start: Duration) -> Limiter {
        let settings = Settings {
            calls_per_second: 5,
            queue_timeout: Duration::from_secs(2),
            moderator_requests_per_second: 4,
            cold_start,
            idle_lease: super::super::IDLE_LEASE,
            attempt_timeout: Duration::from_secs(5),
        };
        let nowhere = PgPoolOptions::new().connect_lazy("postgres://localhost:1/");
        let limiter = Limiter::new(
            &settings,
            Leases::new(nowhere.unwrap().into(), 1),
            Instant::now(),
        );
        renew(&limiter);
        limiter
    }

    fn renew(limiter: &Limiter) {
        for gate in &limiter.gates {
            gate.renew_alone();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_already_is_taken_off_what_an_api_has_left() {
        let limiter = limiter(Duration::ZERO);
        let alice = moderator("alice");
        let mut waiting = Vec::new();
        for expected in [4, 3, 2, 1, 0, 0, 0] {
            let mut turn = Box::pin(limiter.turn(kick_seat::KIND.api, &alice));
            assert!(poll_immediate(&mut turn).await.is_none(), "nobody serves");
            waiting.push(turn);
            assert_eq!(limiter.api_quota(kick_seat::KIND.api).remaining, expected);
        }
        let quota = limiter.api_quota(kick_seat::KIND.api);
        assert_eq!(quota.limit, 5);
        // Five go at once; for the eighth two of them must come back, a fifth of a second apart.
        let expected = Duration::from_millis(1001) * 7 / 5;
        assert!(
            quota.reset.abs_diff(expected) < Duration::from_millis(1),
            "{quota:?}"
        );
        assert_eq!(limiter.api_quota(kick_login::KIND.api).remaining, 5);
        drop(waiting);
        let left = limiter.api_quota(kick_seat::KIND.api);
        assert_eq!((left.remaining, left.reset), (5, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn an_api_has_nothing_left_until_the_cold_start_is_over() {
        let limiter = limiter(Duration::from_secs(9));
        tokio::time::advance(Duration::from_secs(2)).await;
        let quota = limiter.api_quota(kick_login::KIND.api);
        assert_eq!((quota.remaining, quota.reset), (0, Duration::from_secs(7)));
        tokio::time::advance(quota.reset).await;
        renew(&limiter);
        assert_eq!(limiter.api_quota(kick_login::KIND.api).remaining, 5);
    }

    #[tokio::test]
    async fn a_look_at_a_moderators_limit_takes_nothing_and_knows_what_a_request_would_be_told() {
        let limiter = limiter(Duration::ZERO);
        let (alice, bob) = (moderator("alice"), moderator("bob"));
        let started = std::time::Instant::now();
        let mut spent = 0_u32;
        let wait = loop {
            for _ in 0..100 {
                let quota = limiter.moderator_quota(&alice);
                let refilled = u32::try_from(started.elapsed().as_millis() / 250).unwrap();
                let (least, most) = (4_u32.saturating_sub(spent), 4.min(4 + refilled - spent));
                assert!(
                    (least..=most).contains(&quota.remaining),
                    "{quota:?} after {spent} of 4 and {refilled}"
                );
                assert_eq!(quota.limit, 4);
                assert_eq!(quota.reset.is_zero(), quota.remaining > 0);
            }
            match limiter.check_moderator(&alice) {
                Ok(()) => spent += 1,
                Err(wait) => break wait,
            }
        };
        let quota = limiter.moderator_quota(&alice);
        assert!(quota.reset <= wait, "{quota:?} after {wait:?}");
        assert_eq!(limiter.moderator_quota(&bob).remaining, 4);
    }
}
