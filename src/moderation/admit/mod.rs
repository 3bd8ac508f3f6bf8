//! Whether an action goes on at all: authorised, not against a protected user, no replay of a request that has
//! its answer, no way around a restriction that is in force, and its API not suspended.

mod denial;
mod replay;
mod restriction;

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
        let turn = self.turn_on_target(&intent, arrived).await?;
        let claims = Claims { takes_over, turn };
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
