//! One action of a batch: as one that a person asks for, but behind people, and without anybody who waits for the answer.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;

use super::run::Ready;
use super::{Moderation, Refusal, Suspended, ending};
use crate::audit::{Claims, ItemClaim};
use crate::domain::{Action, Api, Failure, Intent, Moderator, Origin, Request, State, Verdict};
use crate::limit::Turn;
use crate::telemetry::causes;

/// What became of an item.
#[derive(Debug)]
pub enum ItemOutcome {
    /// Its action ended, by what Tencent answered or did not.
    Ended {
        /// The action.
        action: Box<Action>,
        /// What is known.
        verdict: Verdict,
    },
    /// It must not be done: that is its end.
    Ruled(Failure),
    /// It has not begun.
    NotBegun(Refusal),
}

impl Moderation {
    /// The intent of an item of a batch that begins now.
    pub fn item_intent(
        &self,
        by: (Moderator, Origin),
        request: Request,
        item: (uuid::Uuid, u32),
    ) -> Intent {
        let (moderator, origin) = by;
        Intent {
            item: Some(item),
            ..Intent::new(moderator, request, origin, self.rules.action_deadline)
        }
    }

    /// Does what the item asks, with its `turn`, and says what became of it. From begin on it goes on to its end, whether or
    /// not anybody waits.
    pub async fn run_item(
        self: &Arc<Self>,
        intent: Intent,
        claim: ItemClaim,
        turn: Turn,
    ) -> ItemOutcome {
        let arrived = Instant::now();
        if let Some(failure) = self.denial(&intent) {
            return self.rule(&intent, &claim, failure, arrived).await;
        }
        if let Some(refusal) = self.freeze(&intent).await {
            return ItemOutcome::NotBegun(refusal);
        }
        let turn_on_target = match self.look_at_target(&intent).await {
            Err(error) => return ItemOutcome::NotBegun(error.into()),
            Ok(Err(objection)) => {
                let failure = objection.failure();
                return self.rule(&intent, &claim, failure, arrived).await;
            }
            Ok(Ok(turn)) => turn,
        };
        let admission = match self.suspensions.ask(intent.request.command.kind().api) {
            Ok(admission) => admission,
            Err(suspended) => return ItemOutcome::NotBegun(Refusal::Suspended(suspended)),
        };
        let claims = Claims {
            turn: turn_on_target,
            item: Some(claim),
            ..Claims::default()
        };
        let (answer, answered) = oneshot::channel();
        let ready = Ready::of_item(intent, claims, (admission, turn), arrived, answer);
        let this = Arc::clone(self);
        self.tasks
            .spawn_on(async move { this.carry_out(ready).await }, &self.runtime);
        match answered.await {
            Ok(Ok(outcome)) => ItemOutcome::Ended {
                action: Box::new(outcome.action),
                verdict: outcome.verdict,
            },
            Ok(Err(refusal)) => ItemOutcome::NotBegun(refusal),
            Err(_) => ItemOutcome::NotBegun(Refusal::Lost),
        }
    }

    /// Records that the item must not be done, and why.
    async fn rule(
        &self,
        intent: &Intent,
        claim: &ItemClaim,
        failure: Failure,
        arrived: Instant,
    ) -> ItemOutcome {
        let state = match failure {
            Failure::WouldShorten | Failure::NamesNothing => State::NotSent,
            _ => State::Denied,
        };
        let end = ending::end(state, arrived, None, Some(failure));
        match self.audit.record_item_ended(intent, claim, &end).await {
            Ok(true) => {
                let action = ending::ended(intent, &end, Vec::new(), true);
                ending::report(&self.metrics, intent, &action, Some(failure));
                ItemOutcome::Ruled(failure)
            }
            Ok(false) => ItemOutcome::NotBegun(Refusal::BatchStopped),
            Err(error) => {
                tracing::warn!(error = causes(&error), action.id = %intent.id, "the record did not take the end of an item");
                let refusal = if error.is_refused_by_schema() {
                    Refusal::RefusedBySchema
                } else {
                    Refusal::AuditUnavailable
                };
                ItemOutcome::NotBegun(refusal)
            }
        }
    }

    /// Why an item that calls `api` should not be begun at present; `None` also where one may find out whether that is over.
    pub fn holds_items_back(&self, api: &Api) -> Option<Suspended> {
        self.suspensions
            .suspended(api)
            .filter(|suspended| !suspended.retry_after.is_zero())
    }
}
