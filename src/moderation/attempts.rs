//! The attempts of one action: the first, and those that are worth repeating.
//!
//! Each has its own send token, permit, `random` and row in the record. Whatever makes another
//! attempt impossible (no time, no turn, no budget, no record) leaves the action with what its
//! attempts so far have proved.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::Moderation;
use super::carry_out::BOUND;
use super::retry::{MOST_ATTEMPTS, is_worth_repeating, pause, together};
use super::steps::Steps;
use super::suspension::Leave;
use crate::audit::{OpenAction, SendToken};
use crate::domain::{Attempt, Class, Failure, Intent, Kind, Verdict};
use crate::limit::{Term, Turn};
use crate::telemetry::causes;
use crate::tencent::is_resigned_once;

/// An action that has begun.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) open: OpenAction,
    pub(super) token: SendToken,
    pub(super) turn: Turn,
    pub(super) leave: Leave,
    pub(super) deadline: Instant,
}

/// What the attempts of an action have proved.
pub(super) struct Tried {
    pub(super) open: OpenAction,
    pub(super) attempts: Vec<Attempt>,
    pub(super) verdict: Verdict,
    /// The last attempt, if it timed out: its answer may still come.
    pub(super) late: Option<Late>,
}

/// An attempt under way. Dropped, its socket is closed.
type Sending = Pin<Box<dyn Future<Output = (Attempt, Verdict)> + Send>>;

/// An attempt that is given up and still listened to, as long as there is a lease on its permit.
/// Dropped, its socket is closed.
pub(super) type Late = AbortOnDropHandle<Option<(Attempt, Verdict)>>;

impl Moderation {
    /// Makes attempts until one is not worth repeating.
    pub(super) async fn try_until_known(
        self: &Arc<Self>,
        intent: &Intent,
        steps: &Steps,
        begun: Begun,
    ) -> Tried {
        let kind = intent.request.command.kind();
        let Begun {
            mut open,
            mut token,
            mut turn,
            leave,
            deadline,
        } = begun;
        let (mut attempts, mut known, mut renewed) = (Vec::new(), None, false);
        loop {
            let number = token.number();
            let attempting = self.attempt(token, turn, leave, deadline);
            let (attempt, latest, late) = steps.attempt(number, attempting).await;
            let verdict = together(kind, known, &attempt, latest);
            known = Some(verdict);
            let again = if self.renew_credential(&attempt, latest, &mut renewed) {
                Some(Duration::ZERO)
            } else {
                self.pause_before_repeat(kind, &attempt, latest)
            };
            // A repeat must not wait for a turn that its own last attempt still holds.
            let late = late.filter(|_| again.is_none());
            let announcing = self.announce(intent, &mut open, &attempt, deadline, again);
            let next = steps.retry(again, announcing).await;
            attempts.push(attempt);
            match next {
                Some(next) => (token, turn) = next,
                None => {
                    return Tried {
                        open,
                        attempts,
                        verdict,
                        late,
                    };
                }
            }
        }
    }

    async fn attempt(
        self: &Arc<Self>,
        token: SendToken,
        turn: Turn,
        leave: Leave,
        deadline: Instant,
    ) -> (Attempt, Verdict, Option<Late>) {
        let kind = token.command().kind();
        let mut attempt = unsent(&token);
        if self.suspensions.forbids(kind, leave).is_some() {
            attempt.failure = Some(Failure::Suspended);
            return (attempt, Verdict::NotSent, None);
        }
        let term = turn.term();
        let Some(permit) = turn.permit() else {
            attempt.failure = Some(Failure::LeaseLapsed);
            return (attempt, Verdict::NotSent, None);
        };
        self.retry_budget.count();
        let (this, started) = (Arc::clone(self), Instant::now());
        let mut sending: Sending =
            Box::pin(async move { this.tencent.send(token, permit, deadline).await });
        let patience = deadline.min(started + self.tencent.timeout());
        let (mut verdict, mut late) = (Verdict::Unknown(None), None);
        if let Ok(over) = timeout_at(patience, &mut sending).await {
            (attempt, verdict) = over;
        } else {
            attempt.duration = started.elapsed();
            attempt.failure = Some(Failure::TimedOut);
            late = Some(self.listen_for(kind, term, sending));
        }
        self.metrics.attempt_ended(kind, &attempt, verdict);
        if verdict == Verdict::Refused(Class::RateLimit) {
            self.heed_throttling(kind);
        }
        (attempt, verdict, late)
    }

    /// Goes on listening whatever else its action waits for.
    fn listen_for(self: &Arc<Self>, kind: Kind, term: Term, sending: Sending) -> Late {
        let this = Arc::clone(self);
        let listening = async move {
            tokio::select! {
                over = sending => Some(over),
                () = this.limiter.lapsed(kind, term) => None,
            }
        };
        AbortOnDropHandle::new(self.tasks.spawn_on(listening, &self.runtime))
    }

    fn heed_throttling(&self, kind: Kind) {
        if let Some(permits) = self.limiter.throttled(kind) {
            self.metrics.permits_cut(kind);
            tracing::warn!(
                event = "throttled",
                api = kind.as_str(),
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

    fn pause_before_repeat(
        &self,
        kind: Kind,
        attempt: &Attempt,
        latest: Verdict,
    ) -> Option<Duration> {
        let repeats = attempt.number < MOST_ATTEMPTS
            && is_worth_repeating(kind, attempt, latest)
            && self.suspensions.reason(kind).is_none()
            && self.retry_budget.take();
        repeats.then(|| pause(attempt.number))
    }

    /// After the pause, if there shall be another attempt: gets a turn for it, and commits what is
    /// over together with what comes next.
    async fn announce(
        &self,
        intent: &Intent,
        open: &mut OpenAction,
        over: &Attempt,
        deadline: Instant,
        again: Option<Duration>,
    ) -> Option<(SendToken, Turn)> {
        let pause = again?;
        let command = &intent.request.command;
        if Instant::now() + pause >= deadline {
            return None;
        }
        tokio::time::sleep(pause).await;
        let waiting = self
            .limiter
            .turn_to_repeat(command.kind(), &intent.moderator);
        let turn = tokio::time::timeout_at(deadline, waiting)
            .await
            .ok()?
            .ok()?;
        let announcing = self.audit.retry(open, command, over, rand::random());
        match tokio::time::timeout(BOUND, announcing).await {
            Ok(Ok(token)) => Some((token, turn)),
            Ok(Err(error)) => {
                tracing::warn!(error = causes(&error), action.id = %intent.id, "a repeat was not recorded, and not made");
                None
            }
            Err(_) => {
                tracing::warn!(action.id = %intent.id, "a repeat was not recorded in time, and not made");
                None
            }
        }
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
