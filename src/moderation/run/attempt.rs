//! The attempts of one action: the first, and those that are worth retrying.
//!
//! Each has its own send token, permit, `random` and row in the record. Whatever makes another
//! attempt impossible (no time, no turn, no budget, no record) leaves the action with what its
//! attempts so far have [proved](super::evidence).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::attempts::Attempts;
use super::evidence::Evidence;
use super::listening::{GivenUp, Listening, Sending};
use super::retry::{MOST_ATTEMPTS, is_worth_retrying, pause};
use super::spans::Spans;
use crate::audit::{OpenAction, SendToken};
use crate::domain::{Api, Attempt, Class, Failure, Intent, Verdict};
use crate::limit::Turn;
use crate::moderation::Moderation;
use crate::moderation::suspension::Admission;
use crate::tencent::is_resigned_once;

/// An action that has begun.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) open: OpenAction,
    pub(super) token: SendToken,
    pub(super) turn: Turn,
    pub(super) admission: Admission,
    pub(super) deadline: Instant,
}

impl Moderation {
    /// Makes attempts until one is not worth retrying.
    pub(super) async fn try_until_known(
        self: &Arc<Self>,
        intent: &Intent,
        spans: &Spans,
        started: Started,
    ) -> Attempts {
        let kind = intent.request.command.kind();
        let Started {
            open,
            mut token,
            mut turn,
            admission,
            deadline,
        } = started;
        let mut attempts = Attempts {
            open,
            evidence: Evidence::new(kind),
            listening: Listening::default(),
        };
        let mut renewed = false;
        loop {
            let number = token.number();
            let attempting = self.attempt(token, turn, admission, deadline);
            let (attempt, latest, given_up) = spans.attempt(number, attempting).await;
            if let Some(given_up) = given_up {
                self.listen_for(kind, given_up, &mut attempts.listening);
            }
            attempts.evidence.over(attempt, latest);
            self.hear_what_arrived(intent, &mut attempts);
            let Some(pause) = self.pause_before_retry(&attempts, latest, &mut renewed) else {
                return attempts;
            };
            let announcing = self.announce(intent, &mut attempts, deadline, pause);
            match spans.retry(announcing).await {
                Ok(next) => (token, turn) = next,
                Err(_) => return attempts,
            }
        }
    }

    async fn attempt(
        self: &Arc<Self>,
        token: SendToken,
        turn: Turn,
        admission: Admission,
        deadline: Instant,
    ) -> (Attempt, Verdict, Option<GivenUp>) {
        let kind = token.command().kind();
        let mut attempt = unsent(&token);
        if self.suspensions.forbids(kind.api, admission).is_some() {
            attempt.failure = Some(Failure::Suspended.into());
            return (attempt, Verdict::NotSent, None);
        }
        let term = turn.term();
        let Some(permit) = turn.permit() else {
            attempt.failure = Some(Failure::LeaseLapsed.into());
            return (attempt, Verdict::NotSent, None);
        };
        self.retry_budget.count(kind.api);
        let (this, started) = (Arc::clone(self), Instant::now());
        let deadline = self.tencent.call_deadline(deadline);
        let mut sending: Sending =
            Box::pin(async move { this.tencent.send(token, permit, deadline).await });
        let (mut verdict, mut given_up) = (Verdict::Unknown(None), None);
        if let Ok(over) = timeout_at(deadline.at(), &mut sending).await {
            (attempt, verdict) = over;
        } else {
            attempt.duration = started.elapsed();
            attempt.failure = Some(Failure::TimedOut.into());
            given_up = Some(GivenUp { term, sending });
        }
        self.metrics.attempt_ended(kind, &attempt, verdict);
        if verdict == Verdict::Refused(Class::RateLimit) {
            self.heed_throttling(kind.api);
        }
        (attempt, verdict, given_up)
    }

    pub(in crate::moderation) fn heed_throttling(&self, api: &'static Api) {
        if let Some(permits) = self.limiter.throttled(api) {
            self.metrics.permits_cut(api);
            tracing::warn!(
                event = "throttled",
                api = api.word,
                permits,
                "Tencent throttles: others may share the SDKAppID; see MODGATE_TENCENT_QPS"
            );
        }
    }

    /// Whether Tencent refused a signature that another may cure, and another was made: once.
    fn renew_credential(&self, attempt: &Attempt, latest: Verdict, renewed: &mut bool) -> bool {
        let code = attempt.answer.as_ref().map(|answer| answer.error_code);
        let curable =
            latest == Verdict::Refused(Class::Credential) && code.is_some_and(is_resigned_once);
        let renews = curable && !*renewed && self.tencent.renew_usersig();
        *renewed |= renews;
        renews
    }

    /// How long to wait before another attempt, if there shall be one.
    fn pause_before_retry(
        &self,
        attempts: &Attempts,
        latest: Verdict,
        renewed: &mut bool,
    ) -> Option<Duration> {
        let attempt = attempts.evidence.latest()?;
        if attempts.evidence.needs_no_retry() {
            return None;
        }
        if self.renew_credential(attempt, latest, renewed) {
            return Some(Duration::ZERO);
        }
        let kind = attempts.evidence.kind();
        let retries = attempt.number < MOST_ATTEMPTS
            && is_worth_retrying(kind, attempt, latest)
            && self.suspensions.reason(kind.api).is_none()
            && self.retry_budget.take(kind.api);
        retries.then(|| pause(attempt.number))
    }
}

/// An attempt of which nothing has left.
fn unsent(token: &SendToken) -> Attempt {
    Attempt {
        number: token.number(),
        random: token.random(),
        duration: Duration::ZERO,
        http_status: None,
        answer: None,
        failure: None,
    }
}
