//! From begin to the recorded end, in a task that nothing but the process' end can stop.

use std::iter;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::attempt::Started;
use super::attempts::Attempts;
use super::late::leave_the_rest_in_the_log;
use super::spans::Spans;
use crate::audit::{BeginError, Claims, OpenAction, SendToken};
use crate::domain::{End, Failure, Intent, State};
use crate::limit::Turn;
use crate::metrics::Step;
use crate::moderation::suspension::Admission;
use crate::moderation::{BOUND, Moderation, Outcome, Refusal, ending};
use crate::telemetry::causes;

/// How long a begin that has not been confirmed is listened for after its moderator was answered.
const LATE_BEGIN: Duration = Duration::from_secs(30);

/// How long a known end is offered to a record that does not take it. After that it is history,
/// and the record says `unknown`.
const HEALING: Duration = Duration::from_mins(10);

/// An action that has its turn.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) intent: Intent,
    pub(super) claims: Claims,
    pub(super) admission: Admission,
    pub(super) turn: Turn,
    pub(super) arrived: Instant,
    /// Where the moderator waits for the answer; it may be gone.
    pub(super) answer: oneshot::Sender<Result<Outcome, Refusal>>,
    pub(super) spans: Spans,
}

impl Moderation {
    pub(super) async fn carry_out(self: Arc<Self>, ready: Ready) {
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

    /// Commits the intent. Whatever else happens, the moderator has an answer within [`BOUND`],
    /// and an intent that may have been committed does not stay without an end.
    async fn begin(&self, ready: Ready) -> Option<(Ready, OpenAction, SendToken)> {
        let started = Instant::now();
        let random = rand::random();
        let mut committing = Box::pin(self.audit.begin(&ready.intent, random, ready.claims));
        let bounded = tokio::time::timeout(BOUND, &mut committing);
        let in_time = ready.spans.begin(bounded).await;
        if let Ok(Ok((open, token))) = in_time {
            drop(committing);
            self.metrics.committed(Step::Begin, started.elapsed());
            return Some((ready, open, token));
        }
        let Ready {
            ref intent,
            arrived,
            admission,
            ..
        } = ready;
        let api = intent.request.command.kind().api;
        self.suspensions.give_back(api, admission);
        let refusal = match in_time {
            Ok(Err(BeginError::KeyTaken)) => Refusal::KeyInUse,
            Ok(Err(BeginError::Overtaken)) => Refusal::Overtaken,
            Ok(Err(BeginError::Frozen)) => Refusal::Frozen,
            Ok(Err(BeginError::HourFull { retry_after })) => Refusal::HourFull { retry_after },
            Ok(Err(BeginError::Unstorable(_))) => Refusal::Unstorable,
            _ => Refusal::AuditUnavailable,
        };
        drop(ready.turn);
        let _ = ready.answer.send(Err(refusal));
        let late = match in_time {
            Ok(known) => Some(known),
            Err(_) => tokio::time::timeout(LATE_BEGIN, committing).await.ok(),
        };
        self.end_unsent(intent, random, arrived, late).await;
        None
    }

    /// Sees to it that an intent of which nothing was sent ends, if it was committed at all.
    async fn end_unsent(
        &self,
        intent: &Intent,
        random: u32,
        arrived: Instant,
        begun: Option<Result<(OpenAction, SendToken), BeginError>>,
    ) {
        let not_sent = ending::end(State::NotSent, arrived, None, Some(Failure::BeginUnclear));
        match begun {
            Some(Ok((open, _unused))) => {
                let recorded = self.heal(&open, &not_sent).await;
                let action = ending::ended(intent, &not_sent, Vec::new(), recorded);
                ending::report(&self.metrics, intent, &action, not_sent.failure);
            }
            Some(Err(
                BeginError::KeyTaken
                | BeginError::Overtaken
                | BeginError::Frozen
                | BeginError::HourFull { .. },
            )) => {}
            Some(Err(error @ BeginError::NotCommitted(_))) => {
                tracing::error!(
                    error = causes(&error),
                    "an intent was not recorded: nothing was sent"
                );
            }
            Some(Err(error @ BeginError::Unstorable(_))) => {
                tracing::error!(
                    event = "not_storable",
                    error = causes(&error),
                    "the record cannot hold what an intent says: nothing was sent"
                );
            }
            Some(Err(BeginError::Unclear(_))) | None => {
                self.settle(intent, random, &not_sent).await;
            }
        }
    }

    /// Ends an action whose begin is unclear, once the record is back.
    async fn settle(&self, intent: &Intent, random: u32, not_sent: &End) {
        tracing::error!(action.id = %intent.id, "an intent may not be recorded: nothing was sent");
        let settling = persistently(|| self.audit.settle(intent, random, not_sent));
        let recorded = tokio::time::timeout(HEALING, settling).await.is_ok();
        let action = ending::ended(intent, not_sent, Vec::new(), recorded);
        ending::report(&self.metrics, intent, &action, not_sent.failure);
    }

    /// Offers an end until the record takes it. Whether it did.
    async fn heal(&self, open: &OpenAction, end: &End) -> bool {
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
async fn persistently<F>(mut write: impl FnMut() -> F)
where
    F: Future<Output = Result<(), crate::audit::Error>>,
{
    let mut pause = Duration::from_millis(50);
    loop {
        // A frozen database answers nothing at all: each try has its own bound.
        match tokio::time::timeout(BOUND, write()).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => {
                tracing::warn!(error = causes(&error), "the record did not take an end");
            }
            Err(_) => tracing::warn!("the record did not take an end in time"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}
