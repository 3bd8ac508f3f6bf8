//! Whether an action goes on at all: authorised, not against a protected user, no replay of a request that has
//! its answer, not frozen, no way around a restriction that is in force, and its API not suspended.

mod denial;
mod replay;
pub(super) mod restriction;

use std::sync::Arc;
use std::time::Instant;

use super::suspension::Admission;
use super::{Moderation, Outcome, Refusal};
use crate::audit::Claims;
use crate::domain::Intent;
use replay::Replay;

/// An action that may be run.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) intent: Intent,
    /// What must still hold when it begins.
    pub(super) claims: Claims,
    pub(super) admission: Admission,
    /// When it was asked for.
    pub(super) arrived: Instant,
}

impl Moderation {
    /// The action that `intent` becomes, or the answer that it has already.
    pub(super) async fn admit(
        self: &Arc<Self>,
        intent: Intent,
        arrived: Instant,
    ) -> Result<Admitted, Box<Result<Outcome, Refusal>>> {
        if let Some(because) = self.denial(&intent) {
            return Err(Box::new(Err(self.deny(intent, because, arrived).await)));
        }
        let takes_over = match self.replay(&intent).await {
            Replay::New { takes_over } => takes_over,
            Replay::Answered(answer) => return Err(answer),
        };
        if let Some(refusal) = self.freeze(&intent).await {
            return Err(Box::new(Err(refusal)));
        }
        let turn = self.turn_on_target(&intent, arrived).await?;
        let claims = Claims {
            takes_over,
            turn,
            at_most_hourly: self.rules.moderator_hourly,
            item: None,
        };
        let api = intent.request.command.kind().api;
        let admission = self.suspensions.ask(api);
        let admission =
            admission.map_err(|suspended| Box::new(Err(Refusal::Suspended(suspended))))?;
        Ok(Admitted {
            intent,
            claims,
            admission,
            arrived,
        })
    }

    /// Why `intent` must not begin at present, if a freeze covers it. Where none did as far as was known, it is for begin
    /// to find out.
    pub(super) async fn freeze(&self, intent: &Intent) -> Option<Refusal> {
        let (moderator, kind) = (&intent.moderator, intent.request.command.kind());
        if !self.audit.was_frozen(moderator, kind) {
            return None;
        }
        let audit = self.audit.clone();
        let asking = async move { audit.brakes().await };
        match self.service.on_main_runtime(asking).await {
            Ok(brakes) => brakes.forbid(moderator, kind).then_some(Refusal::Frozen),
            Err(error) => Some(error.into()),
        }
    }

    /// The answer to an action whose `Idempotency-Key` another one got between its admission and its begin.
    pub(super) async fn answer_of_the_faster(
        self: &Arc<Self>,
        intent: &Intent,
    ) -> Result<Outcome, Refusal> {
        match self.replay(intent).await {
            Replay::Answered(answer) => *answer,
            Replay::New { .. } => Err(Refusal::KeyInUse),
        }
    }
}
