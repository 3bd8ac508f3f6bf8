//! From begin to the recorded end, in a task that nothing but the process' end can stop.

use std::iter;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::attempt::Started;
use super::attempts::Attempts;
use super::late::leave_the_rest_in_the_log;
use super::spans::Spans;
use crate::audit::{Claims, OpenAction};
use crate::domain::{End, Intent};
use crate::limit::Turn;
use crate::metrics::Step;
use crate::moderation::suspension::Admission;
use crate::moderation::{BOUND, Moderation, Outcome, Refusal, ending};
use crate::telemetry::causes;

/// How long a known end is offered to a record that does not take it. After that it is history,
/// and the record says `unknown`.
pub(super) const HEALING: Duration = Duration::from_mins(10);

/// An action that has its turn.
#[derive(Debug)]
pub(in crate::moderation) struct Ready {
    pub(super) intent: Intent,
    pub(super) claims: Claims,
    pub(super) admission: Admission,
    pub(super) turn: Turn,
    pub(super) arrived: Instant,
    /// Where the moderator waits for the answer; it may be gone.
    pub(super) answer: oneshot::Sender<Result<Outcome, Refusal>>,
    pub(super) spans: Spans,
}

impl Ready {
    /// An item of a batch that has its turn.
    pub(in crate::moderation) fn of_item(
        intent: Intent,
        claims: Claims,
        (admission, turn): (Admission, Turn),
        arrived: Instant,
        answer: oneshot::Sender<Result<Outcome, Refusal>>,
    ) -> Self {
        Self {
            spans: Spans::of(&intent),
            intent,
            claims,
            admission,
            turn,
            arrived,
            answer,
        }
    }
}

impl Moderation {
    pub(in crate::moderation) async fn carry_out(self: Arc<Self>, ready: Ready) {
        let Some((ready, open, token)) = self.begin(ready).await else {
            return;
        };
        let Ready {
            intent,
            admission,
            turn,
            arrived,
            answer,
            spans,
            ..
        } = ready;
        let deadline = (arrived + self.rules.action_deadline).into();
        let started = Started {
            open,
            token,
            turn,
            admission,
            deadline,
        };
        let mut attempts = self.try_until_known(&intent, &spans, started).await;
        self.conclude(&intent, &spans, &mut attempts, arrived, answer)
            .await;
        let concluded = Instant::now();
        let learning = self.learn(&intent, &mut attempts, concluded);
        if let Some(Some(learnt)) = self.closing.run_until_cancelled(learning).await {
            self.heal(&attempts.open, &ending::of(learnt, arrived))
                .await;
        }
        leave_the_rest_in_the_log(&intent, &attempts.evidence);
    }

    /// Records the end and answers, with the best that is known at this moment. The answer does
    /// not wait for a record that is away.
    async fn conclude(
        &self,
        intent: &Intent,
        spans: &Spans,
        attempts: &mut Attempts,
        arrived: Instant,
        answer: oneshot::Sender<Result<Outcome, Refusal>>,
    ) {
        self.hear_what_arrived(intent, attempts);
        let Attempts { open, evidence, .. } = attempts;
        let in_time = evidence.end();
        let learnt = evidence.learnt();
        let known = learnt.as_ref().unwrap_or(&in_time);
        let (verdict, kind) = (known.verdict, intent.request.command.kind());
        let (sign, from) = evidence.about_the_api(known);
        self.suspensions.learn(kind.api, sign, from.map(Into::into));
        let in_time = ending::of(in_time, arrived);
        let learnt = learnt.map(|learnt| ending::of(learnt, arrived));
        let finishing = async {
            for end in iter::once(&in_time).chain(&learnt) {
                self.finish(open, end).await;
            }
        };
        let finishing = tokio::time::timeout(BOUND, finishing);
        let recorded = spans.finish(verdict.state(), finishing).await.is_ok();
        let end = learnt.as_ref().unwrap_or(&in_time);
        let action = ending::ended(intent, end, evidence.attempts(), recorded);
        ending::report(&self.metrics, intent, &action, None);
        // Nobody may be there to read it; the record has it.
        let _ = answer.send(Ok(Outcome {
            action,
            verdict,
            replayed: false,
        }));
        if !recorded {
            for end in iter::once(&in_time).chain(&learnt) {
                self.heal(open, end).await;
            }
        }
    }

    /// Offers an end until the record takes it. Whether it did.
    pub(super) async fn heal(&self, open: &OpenAction, end: &End) -> bool {
        let (id, state) = (open.id(), end.state.as_str());
        let recorded = tokio::time::timeout(HEALING, self.finish(open, end))
            .await
            .is_ok();
        if recorded {
            tracing::info!(event = "recorded_late", action.id = %id, state, "an end was recorded late");
        } else {
            tracing::error!(event = "end_lost", action.id = %id, state, "an end could not be recorded");
        }
        recorded
    }

    async fn finish(&self, open: &OpenAction, end: &End) {
        let started = Instant::now();
        persistently(|| self.audit.finish(open, end)).await;
        self.metrics.committed(Step::Finish, started.elapsed());
    }
}

/// Repeats `write` until it succeeds; whoever calls this sets the bound.
pub(super) async fn persistently<T, F>(mut write: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, crate::audit::Error>>,
{
    let mut pause = Duration::from_millis(50);
    loop {
        // A frozen database answers nothing at all: each try has its own bound.
        match tokio::time::timeout(BOUND, write()).await {
            Ok(Ok(written)) => return written,
            Ok(Err(error)) => {
                tracing::warn!(error = causes(&error), "the record did not take an end");
            }
            Err(_) => tracing::warn!("the record did not take an end in time"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}
