//! An admitted action, from its turn to the recorded end: queue → **begin** → permit → attempt, perhaps another →
//! **finish** → answer.
//!
//! Until begin, the work belongs to whoever waits for it: dropped, nothing was recorded or sent. From begin on it
//! belongs to a task of its own on the main runtime, which no disconnect and no dying worker thread can stop.

mod announce;
mod attempt;
mod attempts;
mod begin;
mod budget;
mod carry_out;
mod evidence;
mod late;
mod learn;
mod listening;
mod retry;
mod spans;

use std::sync::Arc;

use tokio::sync::oneshot;

use super::admit::Admitted;
use super::{Moderation, Outcome, Refusal};
pub(super) use budget::RetryBudget;
pub(super) use carry_out::Ready;
pub(super) use evidence::Ending;
use spans::Spans;

impl Moderation {
    /// Runs what was admitted, and says what became of it.
    pub(super) async fn run(self: &Arc<Self>, admitted: Admitted) -> Result<Outcome, Refusal> {
        let Admitted {
            intent,
            claims,
            admission,
            arrived,
        } = admitted;
        let api = intent.request.command.kind().api;
        let spans = Spans::of(&intent);
        let waiting = self.limiter.turn(api, &intent.moderator);
        let turn = spans.queue(waiting).await?;
        self.metrics.queue_left(arrived.elapsed());
        if let Some(suspended) = self.suspensions.forbids(api, admission) {
            return Err(Refusal::Suspended(suspended));
        }
        let (answer, answered) = oneshot::channel();
        let this = Arc::clone(self);
        let ready = Ready {
            intent,
            claims,
            admission,
            turn,
            arrived,
            answer,
            spans,
        };
        self.tasks
            .spawn_on(async move { this.carry_out(ready).await }, &self.runtime);
        answered.await.unwrap_or(Err(Refusal::Lost))
    }
}
