//! An intent is committed, or ends without anything being sent.

use std::time::{Duration, Instant};

use super::carry_out::{HEALING, Ready, persistently};
use crate::audit::{BeginError, ItemClaim, OpenAction, SendToken};
use crate::domain::{End, Failure, Intent, State};
use crate::metrics::Step;
use crate::moderation::{BOUND, Moderation, Refusal, ending};
use crate::telemetry::causes;

/// How long a begin that has not been confirmed is listened for after its moderator was answered.
const LATE_BEGIN: Duration = Duration::from_secs(30);

impl Moderation {
    /// Commits the intent. Whatever else happens, the moderator has an answer within [`BOUND`],
    /// and an intent that may have been committed does not stay without an end.
    pub(super) async fn begin(&self, ready: Ready) -> Option<(Ready, OpenAction, SendToken)> {
        let started = Instant::now();
        let random = rand::random();
        let mut committing = Box::pin(self.audit.begin(&ready.intent, random, &ready.claims));
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
            ref claims,
            ..
        } = ready;
        let api = intent.request.command.kind().api;
        self.suspensions.give_back(api, admission);
        let refused = in_time.as_ref().ok().and_then(|begun| begun.as_ref().err());
        let refusal = refused.map_or(Refusal::AuditUnavailable, refusal);
        drop(ready.turn);
        let _ = ready.answer.send(Err(refusal));
        let item = claims.item.as_ref();
        let late = match in_time {
            Ok(known) => Some(known),
            Err(_) => tokio::time::timeout(LATE_BEGIN, committing).await.ok(),
        };
        self.end_unsent((intent, item), random, arrived, late).await;
        None
    }

    /// Sees to it that an intent of which nothing was sent ends, if it was committed at all.
    async fn end_unsent(
        &self,
        (intent, item): (&Intent, Option<&ItemClaim>),
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
                | BeginError::Stopped
                | BeginError::ItemTaken
                | BeginError::HourFull { .. },
            )) => {}
            Some(Err(error @ (BeginError::NotCommitted(_) | BeginError::RefusedBySchema(_)))) => {
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
                self.settle((intent, item), random, &not_sent).await;
            }
        }
    }

    /// Ends an action whose begin is unclear, once the record is back.
    async fn settle(
        &self,
        (intent, item): (&Intent, Option<&ItemClaim>),
        random: u32,
        not_sent: &End,
    ) {
        tracing::error!(action.id = %intent.id, "an intent may not be recorded: nothing was sent");
        let settling = persistently(|| self.audit.settle(intent, random, item, not_sent));
        let recorded = match tokio::time::timeout(HEALING, settling).await {
            // The record has another action of its item, and none of this.
            Ok(false) => return,
            settled => settled.is_ok(),
        };
        let action = ending::ended(intent, not_sent, Vec::new(), recorded);
        ending::report(&self.metrics, intent, &action, not_sent.failure);
    }
}

/// What the moderator is told of a begin that came to nothing.
const fn refusal(error: &BeginError) -> Refusal {
    match error {
        BeginError::KeyTaken => Refusal::KeyInUse,
        BeginError::Overtaken => Refusal::Overtaken,
        BeginError::Frozen => Refusal::Frozen,
        BeginError::HourFull { retry_after } => Refusal::HourFull {
            retry_after: *retry_after,
        },
        BeginError::Unstorable(_) => Refusal::Unstorable,
        BeginError::RefusedBySchema(_) => Refusal::RefusedBySchema,
        BeginError::Stopped => Refusal::BatchStopped,
        BeginError::ItemTaken => Refusal::ItemTaken,
        BeginError::NotCommitted(_) | BeginError::Unclear(_) => Refusal::AuditUnavailable,
    }
}
